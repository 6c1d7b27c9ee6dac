// Who else is in a Kafka source's consumer group, and what they read.
//
// Thread rule: the coordinator's thread. Allocation rule: allocates; asked every few seconds.
// Failure rule: errors are values; a broker that cannot be asked (librdkafka's mock cluster) is
// `rejected`, all else is `unavailable` and may be asked again.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "sources/kafka_client.h"

namespace driftd {

struct GroupMember {
  std::string name;  // what an owner knows it by
  bool own = false;  // of this state directory; another of its sources may share the group
  std::vector<TopicPartition> partitions;
};

struct GroupView {
  // Partitions are known only while none is being handed over.
  bool stable = false;
  std::vector<GroupMember> members;

  [[nodiscard]] bool has_others() const;
  [[nodiscard]] bool is_assigned(const std::string& topic, std::int32_t partition) const;
};

// What other members read of `topics`.
struct ForeignPartitions {
  std::size_t count = 0;
  std::string who;  // "driftd-1 (predictions[0], predictions[1])"; empty where nobody does
};
[[nodiscard]] ForeignPartitions foreign_partitions(const GroupView& view,
                                                   const std::vector<std::string>& topics);

class KafkaGroup {
 public:
  // Members whose static id begins with `own_prefix` are this state directory's own.
  KafkaGroup(rd_kafka_s* client, std::string group_id, std::string own_prefix);

  [[nodiscard]] Result<GroupView> describe(int timeout_ms);
  // The same without waiting: `ask`, and `answer` once it has come. One question at a time.
  void ask(int timeout_ms);
  [[nodiscard]] std::optional<Result<GroupView>> answer();

 private:
  // Nothing where the brokers can be asked.
  [[nodiscard]] std::optional<Error> obstacle(int timeout_ms) const;
  void send(rd_kafka_queue_s* to, int timeout_ms);
  [[nodiscard]] std::optional<Result<GroupView>> receive(rd_kafka_queue_s* from, int timeout_ms);

  rd_kafka_s* const client_;
  const std::string group_id_;
  const std::string own_prefix_;
  const KafkaQueue queue_;
  bool asked_ = false;
  std::optional<Error> refused_;  // the answer to a question that was not sent
};

}  // namespace driftd
