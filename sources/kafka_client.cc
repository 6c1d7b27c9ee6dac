#include "sources/kafka_client.h"

#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace driftd {
namespace {

// Exactly-once counting rests on these: driftd alone decides where a partition is read from and
// what is committed, and partitions come and go one by one.
constexpr std::array<std::string_view, 10> kReserved = {"enable.auto.commit",
                                                        "enable.auto.offset.store",
                                                        "auto.offset.reset",
                                                        "topic.auto.offset.reset",
                                                        "enable.partition.eof",
                                                        "partition.assignment.strategy",
                                                        "group.id",
                                                        "group.instance.id",
                                                        "bootstrap.servers",
                                                        "metadata.broker.list"};

struct Setting {
  const char* name;
  const char* value;
};
constexpr Setting kSettings[] = {
    {"client.id", "driftd"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"enable.partition.eof", "true"},
    {"partition.assignment.strategy", "cooperative-sticky"},
    {"allow.auto.create.topics", "false"},
    {"session.timeout.ms", "10000"},
    {"heartbeat.interval.ms", "3000"},
    {"topic.metadata.refresh.interval.ms", "10000"},
    {"reconnect.backoff.max.ms", "2000"},
    // The queue is bounded by its bytes alone. With a small one librdkafka 2.0 stalls when the
    // application is the bottleneck (measured: 2-8 MB 30-110k messages/s, 64 MB 450-920k).
    {"queued.min.messages", "10000000"},
    {"queued.max.messages.kbytes", "65536"},
    // A small fetch throws away the part of the last batch that did not fit.
    {"fetch.message.max.bytes", "4194304"},
};

void log_to_spdlog(const rd_kafka_t*, int level, const char* facility, const char* text) {
  auto to = spdlog::level::debug;
  if (level <= LOG_NOTICE) to = spdlog::level::warn;
  if (level <= LOG_ERR) to = spdlog::level::err;
  spdlog::log(to, "kafka: {}: {}", facility, text);
}

[[nodiscard]] Result<void> set(rd_kafka_conf_t* conf, const KafkaSourceConfig& config,
                               const std::string& name, const std::string& value) {
  char text[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text) == RD_KAFKA_CONF_OK)
    return {};
  return fail(ErrorCode::invalid_config, config.name + ": properties: " + text);
}

[[nodiscard]] PartitionList partition_list(std::span<const TopicPartition> partitions,
                                           std::int64_t offset) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition& one : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), one.topic.c_str(), one.partition)->offset =
        offset;
  }
  return list;
}

// In Kafka's protocol the earliest and the latest offset are asked for like the offset of a time,
// by the times -2 and -1, which are RD_KAFKA_OFFSET_BEGINNING and RD_KAFKA_OFFSET_END: one request
// a broker for all partitions.
[[nodiscard]] std::vector<std::optional<std::int64_t>> query_offsets(
    rd_kafka_t* client, std::span<const TopicPartition> partitions, std::int64_t time,
    int timeout_ms) {
  std::vector<std::optional<std::int64_t>> offsets(partitions.size());
  if (partitions.empty()) return offsets;
  const PartitionList list = partition_list(partitions, time);
  if (rd_kafka_offsets_for_times(client, list.get(), timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return offsets;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const rd_kafka_topic_partition_t& answer = list->elems[i];
    if (answer.err == RD_KAFKA_RESP_ERR_NO_ERROR) offsets[i] = answer.offset;
  }
  return offsets;
}

// The last error that librdkafka told of, which says more than "timed out".
class LastError {
 public:
  static void callback(rd_kafka_t*, int, const char* reason, void* opaque) {
    auto& self = *static_cast<LastError*>(opaque);
    const std::scoped_lock lock(self.mutex_);
    self.text_ = reason;
  }
  [[nodiscard]] std::string text() const {
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace

void KafkaHandleDeleter::operator()(rd_kafka_s* handle) const {
  rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
void KafkaConfDeleter::operator()(rd_kafka_conf_s* conf) const { rd_kafka_conf_destroy(conf); }
void KafkaQueueDeleter::operator()(rd_kafka_queue_s* queue) const { rd_kafka_queue_destroy(queue); }
void PartitionListDeleter::operator()(rd_kafka_topic_partition_list_s* list) const {
  rd_kafka_topic_partition_list_destroy(list);
}

Result<KafkaConf> make_kafka_conf(const KafkaSourceConfig& config, const std::string& instance_id) {
  KafkaConf conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), log_to_spdlog);
  std::vector<std::pair<std::string, std::string>> settings;
  for (const Setting& setting : kSettings) settings.emplace_back(setting.name, setting.value);
  settings.emplace_back("bootstrap.servers", config.brokers);
  settings.emplace_back("group.id", config.group_id);
  if (!instance_id.empty()) settings.emplace_back("group.instance.id", instance_id);
  for (const auto& [name, value] : config.properties) {
    if (std::ranges::find(kReserved, name) != kReserved.end()) {
      return fail(ErrorCode::invalid_config,
                  config.name + ": properties: '" + name +
                      "' is set by driftd itself and cannot be given here");
    }
    settings.emplace_back(name, value);
  }
  for (const auto& [name, value] : settings) {
    if (auto done = set(conf.get(), config, name, value); !done)
      return std::unexpected(done.error());
  }
  return conf;
}

Result<KafkaHandle> make_kafka_consumer(const KafkaSourceConfig& config, KafkaConf conf) {
  char text[512];
  rd_kafka_t* handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), text, sizeof text);
  if (handle == nullptr) return fail(ErrorCode::invalid_config, config.name + ": " + text);
  (void)conf.release();  // the handle owns it now
  return KafkaHandle(handle);
}

std::vector<std::optional<OffsetRange>> query_offset_ranges(
    rd_kafka_s* client, std::span<const TopicPartition> partitions, int timeout_ms) {
  std::vector<std::optional<OffsetRange>> ranges(partitions.size());
  const auto lows = query_offsets(client, partitions, RD_KAFKA_OFFSET_BEGINNING, timeout_ms);
  // Without the first answer the second would only take the same time once more.
  if (std::ranges::none_of(lows, [](const auto& low) { return low.has_value(); })) return ranges;
  const auto highs = query_offsets(client, partitions, RD_KAFKA_OFFSET_END, timeout_ms);
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if (lows[i] && highs[i]) ranges[i] = OffsetRange{*lows[i], *highs[i]};
  }
  return ranges;
}

std::vector<std::optional<std::int64_t>> query_offsets_at(
    rd_kafka_s* client, std::span<const TopicPartition> partitions, TimeMs time, int timeout_ms) {
  auto offsets = query_offsets(client, partitions, time, timeout_ms);
  const bool some_at_end =
      std::ranges::any_of(offsets, [](const auto& offset) { return offset && *offset < 0; });
  if (!some_at_end) return offsets;
  const auto ends = query_offsets(client, partitions, RD_KAFKA_OFFSET_END, timeout_ms);
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if (offsets[i] && *offsets[i] < 0) offsets[i] = ends[i];
  }
  return offsets;
}

std::vector<std::optional<CommittedOffset>> query_committed(
    rd_kafka_s* client, std::span<const TopicPartition> partitions, int timeout_ms) {
  std::vector<std::optional<CommittedOffset>> committed(partitions.size());
  const PartitionList list = partition_list(partitions, RD_KAFKA_OFFSET_INVALID);
  if (rd_kafka_committed(client, list.get(), timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return committed;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const rd_kafka_topic_partition_t& answer = list->elems[i];
    if (answer.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    committed[i] = CommittedOffset{std::max<std::int64_t>(answer.offset, -1), {}};
    if (answer.metadata != nullptr)
      committed[i]->metadata.assign(static_cast<const char*>(answer.metadata),
                                    answer.metadata_size);
  }
  return committed;
}

Result<std::int32_t> count_partitions(rd_kafka_s* client, const std::string& brokers,
                                      const std::string& topic, int timeout_ms) {
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto error = rd_kafka_metadata(client, 0, handle, &metadata, timeout_ms);
  rd_kafka_topic_destroy(handle);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(ErrorCode::unavailable,
                "no Kafka broker answers at " + brokers + ": " + rd_kafka_err2str(error));
  }
  auto topic_error = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  std::int32_t count = 0;
  if (metadata->topic_cnt == 1) {
    topic_error = metadata->topics[0].err;
    count = metadata->topics[0].partition_cnt;
  }
  rd_kafka_metadata_destroy(metadata);
  if (topic_error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    return fail(ErrorCode::not_found,
                "topic '" + topic + "' does not exist at " + brokers + "; create it first");
  }
  if (topic_error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(ErrorCode::unavailable, "topic '" + topic + "': " + rd_kafka_err2str(topic_error));
  }
  return count;
}

Result<std::vector<TopicInfo>> describe_topics(const KafkaSourceConfig& config, int timeout_ms) {
  auto conf = make_kafka_conf(config, "");
  if (!conf) return std::unexpected(conf.error());
  LastError last_error;
  rd_kafka_conf_set_opaque(conf->get(), &last_error);
  rd_kafka_conf_set_error_cb(conf->get(), LastError::callback);
  auto client = make_kafka_consumer(config, std::move(*conf));
  if (!client) return std::unexpected(client.error());

  std::vector<TopicInfo> topics;
  for (const auto* names : {&config.predictions, &config.labels}) {
    for (const std::string& name : *names) {
      const auto count = count_partitions(client->get(), config.brokers, name, timeout_ms);
      rd_kafka_poll(client->get(), 0);  // runs the error callback
      if (!count) {
        Error error = count.error();
        if (const std::string detail = last_error.text(); !detail.empty())
          error.message += " (" + detail + ")";
        if (error.code == ErrorCode::unavailable)
          error.message += "; start the broker, or correct `brokers` of this source";
        return std::unexpected(std::move(error));
      }
      std::vector<TopicPartition> partitions;
      partitions.reserve(static_cast<std::size_t>(*count));
      for (std::int32_t i = 0; i < *count; ++i) partitions.push_back({name, i});
      TopicInfo& info = topics.emplace_back(TopicInfo{name, {}});
      for (const auto& range : query_offset_ranges(client->get(), partitions, timeout_ms)) {
        if (!range) {
          return fail(ErrorCode::unavailable, "topic '" + name + "': the leader of partition " +
                                                  std::to_string(info.partitions.size()) +
                                                  " does not answer");
        }
        info.partitions.push_back(*range);
      }
    }
  }
  return topics;
}

}  // namespace driftd
