// One lane of a Kafka source: takes the messages of its partitions from one queue, decodes them,
// and keeps their partitions' progress.
//
// Thread rule: `poll` by the lane's thread alone; partitions are forwarded to `queue` by the
// coordinator. Allocation rule: none in steady state. Failure rule: a bad message is discarded, an
// error of a partition is noted; neither ends the lane.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sources/discarded.h"
#include "sources/formats/format.h"
#include "sources/kafka_client.h"
#include "sources/kafka_errors.h"
#include "sources/kafka_partitions.h"

struct rd_kafka_message_s;
struct rd_kafka_topic_s;

namespace driftd {

// What all lanes of a source share; it outlives them.
struct KafkaLaneContext {
  const std::string& source;
  const Clock& clock;
  PartitionTable& table;
  DiscardedMessages& discarded;
  KafkaErrors& errors;
};

class KafkaLane {
 public:
  KafkaLane(rd_kafka_s* client, const KafkaLaneContext& context, std::unique_ptr<Decoder> decoder);

  void poll(LaneBatch& batch, std::uint32_t max_rows, DurationMs timeout);
  [[nodiscard]] rd_kafka_queue_s* queue() const { return queue_.get(); }

 private:
  // A partition whose messages have been met since the last rebalance.
  struct Known {
    const rd_kafka_topic_s* topic = nullptr;
    std::int32_t partition = -1;
    PartitionReader* reader = nullptr;
  };
  void consume(const rd_kafka_message_s& message);
  [[nodiscard]] PartitionReader* reader_of(const rd_kafka_message_s& message);
  // Whether a partition's position is proven, and what came with it is to be counted.
  [[nodiscard]] bool prove(PartitionReader& reader, const rd_kafka_message_s& message);
  [[nodiscard]] bool prove_end(PartitionReader& reader, std::int64_t offset);
  void take(PartitionReader& reader, const rd_kafka_message_s& message);
  void reach_end(PartitionReader& reader, std::int64_t offset);
  void note_error(PartitionReader& reader, const rd_kafka_message_s& message);

  rd_kafka_s* const client_;
  const KafkaLaneContext context_;
  const KafkaQueue queue_;
  const std::unique_ptr<Decoder> decoder_;

  // Of one poll.
  LaneBatch* batch_ = nullptr;
  TimeMs now_ = 0;
  std::uint32_t handled_ = 0;
  std::uint32_t max_rows_ = 0;

  std::vector<Known> known_;
  Known last_;  // messages come in runs of one partition
  std::uint64_t generation_ = 0;
};

}  // namespace driftd
