// What the Kafka source and `driftd check` share of librdkafka: a configured client, and questions
// to the brokers.
//
// Thread rule: librdkafka's handles are thread-safe; the functions block at most for their
// time-out. Allocation rule: none, nothing here runs per message. Failure rule: errors are values
// that name the topic or broker and what to do.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "core/clock.h"
#include "core/result.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;
struct rd_kafka_queue_s;
struct rd_kafka_topic_partition_list_s;

namespace driftd {

struct KafkaHandleDeleter {
  void operator()(rd_kafka_s* handle) const;
};
using KafkaHandle = std::unique_ptr<rd_kafka_s, KafkaHandleDeleter>;

struct KafkaConfDeleter {
  void operator()(rd_kafka_conf_s* conf) const;
};
using KafkaConf = std::unique_ptr<rd_kafka_conf_s, KafkaConfDeleter>;

struct KafkaQueueDeleter {
  void operator()(rd_kafka_queue_s* queue) const;
};
using KafkaQueue = std::unique_ptr<rd_kafka_queue_s, KafkaQueueDeleter>;

struct PartitionListDeleter {
  void operator()(rd_kafka_topic_partition_list_s* list) const;
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_s, PartitionListDeleter>;

// The client's settings: driftd's own, over which the source's `properties` win, save those by
// which nothing is lost or counted twice; these are refused. `instance_id` empty: no static group
// membership.
[[nodiscard]] Result<KafkaConf> make_kafka_conf(const KafkaSourceConfig& config,
                                                const std::string& instance_id);
[[nodiscard]] Result<KafkaHandle> make_kafka_consumer(const KafkaSourceConfig& config,
                                                      KafkaConf conf);

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
};
// The offsets that a partition holds: `low` is the first, `high` the one that the next message will
// get.
struct OffsetRange {
  std::int64_t low = 0;
  std::int64_t high = 0;
};
// By position in `partitions`; nothing for a partition whose leader did not answer in time.
[[nodiscard]] std::vector<std::optional<OffsetRange>> query_offset_ranges(
    rd_kafka_s* client, std::span<const TopicPartition> partitions, int timeout_ms);
// The first offset with a timestamp at or after `time`; a partition's end where there is none.
[[nodiscard]] std::vector<std::optional<std::int64_t>> query_offsets_at(
    rd_kafka_s* client, std::span<const TopicPartition> partitions, TimeMs time, int timeout_ms);

struct CommittedOffset {
  std::int64_t offset = -1;  // negative: none
  std::string metadata;
};
// What the client's group has committed. It says who read a partition, never where to begin.
[[nodiscard]] std::vector<std::optional<CommittedOffset>> query_committed(
    rd_kafka_s* client, std::span<const TopicPartition> partitions, int timeout_ms);

struct TopicInfo {
  std::string topic;
  std::vector<OffsetRange> partitions;  // by partition number
};
// How many partitions the topic has.
[[nodiscard]] Result<std::int32_t> count_partitions(rd_kafka_s* client, const std::string& brokers,
                                                    const std::string& topic, int timeout_ms);
// Every topic of the source, for `driftd check` and for rules about partition numbers.
[[nodiscard]] Result<std::vector<TopicInfo>> describe_topics(const KafkaSourceConfig& config,
                                                             int timeout_ms);

}  // namespace driftd
