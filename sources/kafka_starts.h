// Finds where the partitions that a Kafka source has been given start, by asking the brokers, and
// counts the positions that were lost.
//
// Thread rule: the coordinator's thread; `losses` from any. Allocation rule: allocates; runs per
// assignment. Failure rule: what no broker answers for is left open, to be asked again; what must
// not be read is held, logged and counted.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "sources/kafka_client.h"
#include "sources/kafka_errors.h"
#include "sources/kafka_group.h"
#include "sources/kafka_partitions.h"
#include "sources/kafka_position.h"
#include "sources/kafka_source.h"

namespace driftd {

struct Start {
  StartPosition position;
  std::string hold;  // why the partition must not be read, for good; else empty
};

class KafkaStarts {
 public:
  // What it is given outlives it. `instance_id` is the state directory's.
  KafkaStarts(rd_kafka_s* client, const KafkaSourceConfig& config, std::string instance_id,
              KafkaGroup& group, KafkaErrors& errors);

  // By position in `readers`; nothing for one whose broker did not answer in time.
  [[nodiscard]] std::vector<std::optional<Start>> find(std::span<PartitionReader* const> readers,
                                                       int timeout_ms);
  [[nodiscard]] std::map<std::string, OffsetLosses> losses() const;  // by topic

 private:
  struct Answers {
    std::optional<OffsetRange> held;
    std::optional<std::int64_t> at_time;  // the first offset of `start`, where that is a time
    std::optional<CommittedPosition> committed;
  };
  [[nodiscard]] std::vector<Answers> ask(std::span<PartitionReader* const> readers, int timeout_ms);
  // Whether other members are in the group now. One that has died is, until its session times out;
  // but then no partition is assigned to anybody before that.
  enum class Company : std::uint8_t { unknown, none, others };
  [[nodiscard]] Company look_around(int timeout_ms);
  // Whether reading the partition would count what another state directory has counted: the reason
  // to hold it, empty where it may be read, nothing where the group could not be asked.
  [[nodiscard]] std::optional<std::string> contested(const PartitionReader& reader,
                                                     const CommittedPosition& committed,
                                                     int timeout_ms);
  [[nodiscard]] std::optional<StartPosition> first_start(const PartitionReader& reader,
                                                         const Answers& answers) const;
  [[nodiscard]] Start stored_start(const PartitionReader& reader, const OffsetRange& held);
  [[nodiscard]] Start after_loss(const PartitionReader& reader, LossReason reason,
                                 const OffsetRange& held);

  rd_kafka_s* const client_;
  const KafkaSourceConfig& config_;
  const std::string instance_id_;
  KafkaGroup& group_;
  KafkaErrors& errors_;

  Company company_ = Company::unknown;  // in this `find`, asked for where it is needed
  mutable std::mutex mutex_;
  std::map<std::string, OffsetLosses> losses_;
};

}  // namespace driftd
