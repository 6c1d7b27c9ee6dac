#include "daemon/demo/mock_cluster.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <spdlog/spdlog.h>

#include <iterator>

namespace driftd {
namespace {

struct Setting {
  const char* name;
  const char* value;
};
constexpr Setting kSettings[] = {
    {"test.mock.num.brokers", "1"},
    {"client.id", "driftd-demo"},
    {"linger.ms", "10"},
    // Compressed, the whole stream stays far below what the mock keeps of a partition.
    {"compression.codec", "lz4"},
};
constexpr int kReplicas = 1;
constexpr int kQueueFullPauseMs = 10;

void log_to_spdlog(const rd_kafka_t*, int, const char* facility, const char* text) {
  spdlog::debug("mock cluster: {}: {}", facility, text);
}

}  // namespace

Result<std::unique_ptr<MockCluster>> MockCluster::start() {
  std::unique_ptr<MockCluster> cluster(new MockCluster);
  char text[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set_log_cb(conf, log_to_spdlog);
  rd_kafka_conf_set_opaque(conf, cluster.get());
  rd_kafka_conf_set_dr_msg_cb(conf, count_delivery);
  for (const Setting& setting : kSettings) {
    if (rd_kafka_conf_set(conf, setting.name, setting.value, text, sizeof text) !=
        RD_KAFKA_CONF_OK) {
      rd_kafka_conf_destroy(conf);
      return fail(ErrorCode::unavailable,
                  fmt::format("no mock Kafka cluster can be started: {}", text));
    }
  }
  cluster->handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  if (cluster->handle_ == nullptr) {
    rd_kafka_conf_destroy(conf);
    return fail(ErrorCode::unavailable,
                fmt::format("no mock Kafka cluster can be started: {}", text));
  }
  cluster->brokers_ =
      rd_kafka_mock_cluster_bootstraps(rd_kafka_handle_mock_cluster(cluster->handle_));
  return cluster;
}

MockCluster::~MockCluster() {
  for (const auto& [name, topic] : topics_) rd_kafka_topic_destroy(topic);
  if (handle_ == nullptr) return;
  // Nobody waits for what was not sent; without this the end would.
  rd_kafka_purge(handle_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_destroy(handle_);
}

void MockCluster::count_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) ++static_cast<MockCluster*>(opaque)->refused_;
}

Result<> MockCluster::create_topic(const std::string& topic, int partitions) {
  rd_kafka_mock_cluster_t* mock = rd_kafka_handle_mock_cluster(handle_);
  const auto error = rd_kafka_mock_topic_create(mock, topic.c_str(), partitions, kReplicas);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    topics_[topic] = rd_kafka_topic_new(handle_, topic.c_str(), nullptr);
    return {};
  }
  return fail(ErrorCode::unavailable,
              fmt::format("topic {} cannot be created: {}", topic, rd_kafka_err2str(error)));
}

Result<> MockCluster::send(const std::string& topic, std::string_view message) {
  rd_kafka_topic_t* to = topics_.at(topic);
  // With RD_KAFKA_MSG_F_COPY the message is only read, though the parameter's type does not say so.
  void* payload = const_cast<char*>(message.data());
  while (rd_kafka_produce(to, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, payload, message.size(),
                          nullptr, 0, nullptr) != 0) {
    const rd_kafka_resp_err_t error = rd_kafka_last_error();
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return fail(ErrorCode::unavailable, fmt::format("topic {}: a message cannot be sent: {}",
                                                      topic, rd_kafka_err2str(error)));
    }
    rd_kafka_poll(handle_, kQueueFullPauseMs);
  }
  rd_kafka_poll(handle_, 0);
  return {};
}

Result<> MockCluster::flush(DurationMs limit) {
  if (rd_kafka_flush(handle_, static_cast<int>(limit)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(ErrorCode::unavailable,
                fmt::format("{} messages were not taken by the mock Kafka cluster within {} s",
                            rd_kafka_outq_len(handle_), limit / 1'000));
  }
  if (refused_ == 0) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("the mock Kafka cluster refused {} messages", refused_.load()));
}

}  // namespace driftd
