#include "tests/support/kafka_broker.h"

#include <librdkafka/rdkafka.h>

#include <map>
#include <memory>
#include <stdexcept>

namespace driftd {
namespace {

constexpr int kTimeoutMs = 20'000;
constexpr const char* kLargestMessage = "10485760";  // the broker's, too

using Client = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;
using Offsets = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                decltype(&rd_kafka_topic_partition_list_destroy)>;

void require(rd_kafka_resp_err_t error, const std::string& what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw std::runtime_error(what + ": " + rd_kafka_err2str(error));
  }
}

[[nodiscard]] Client client(rd_kafka_type_t type,
                            const std::map<std::string, std::string>& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char text[512] = "";
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text) !=
        RD_KAFKA_CONF_OK) {
      throw std::runtime_error(text);
    }
  }
  Client made(rd_kafka_new(type, conf, text, sizeof text), rd_kafka_destroy);
  if (!made) throw std::runtime_error(text);
  return made;
}

using Queue = std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)>;
using Event = std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)>;

// The broker's answer to one administrative request, which `send` puts on its way.
template <typename Send>
[[nodiscard]] Event ask_admin(const std::string& brokers, const std::string& what, Send send) {
  const Client admin = client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers}});
  const Queue queue(rd_kafka_queue_new(admin.get()), rd_kafka_queue_destroy);
  send(admin.get(), queue.get());
  Event event(rd_kafka_queue_poll(queue.get(), kTimeoutMs), rd_kafka_event_destroy);
  if (!event) throw std::runtime_error("no answer to " + what);
  require(rd_kafka_event_error(event.get()), what);
  return event;
}

void require_all(const rd_kafka_topic_result_t* const* results, std::size_t count,
                 const std::string& what) {
  for (std::size_t i = 0; i < count; ++i) require(rd_kafka_topic_result_error(results[i]), what);
}

}  // namespace

KafkaBroker::KafkaBroker()
    : server_("kafka", "KAFKA", {{"KAFKA_FAST_JIT", "1"}, {"KAFKA_HEAP", "256m"}}) {}

std::string KafkaBroker::address() const { return "127.0.0.1:" + std::to_string(server_.port()); }

void KafkaBroker::create_topic(const std::string& topic, int partitions) const {
  char text[512] = "";
  rd_kafka_NewTopic_t* fresh =
      rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, text, sizeof text);
  const Event event =
      ask_admin(address(), "creating " + topic, [&](rd_kafka_t* admin, rd_kafka_queue_t* queue) {
        rd_kafka_CreateTopics(admin, &fresh, 1, nullptr, queue);
      });
  rd_kafka_NewTopic_destroy(fresh);
  std::size_t count = 0;
  const auto* const* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  require_all(results, count, "creating " + topic);
}

void KafkaBroker::delete_topic(const std::string& topic) const {
  rd_kafka_DeleteTopic_t* old = rd_kafka_DeleteTopic_new(topic.c_str());
  const Event event =
      ask_admin(address(), "deleting " + topic, [&](rd_kafka_t* admin, rd_kafka_queue_t* queue) {
        rd_kafka_DeleteTopics(admin, &old, 1, nullptr, queue);
      });
  rd_kafka_DeleteTopic_destroy(old);
  std::size_t count = 0;
  const auto* const* results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  require_all(results, count, "deleting " + topic);
}

void KafkaBroker::add_partitions(const std::string& topic, int partitions) const {
  char text[512] = "";
  rd_kafka_NewPartitions_t* more = rd_kafka_NewPartitions_new(
      topic.c_str(), static_cast<std::size_t>(partitions), text, sizeof text);
  const Event event = ask_admin(address(), "adding partitions to " + topic,
                                [&](rd_kafka_t* admin, rd_kafka_queue_t* queue) {
                                  rd_kafka_CreatePartitions(admin, &more, 1, nullptr, queue);
                                });
  rd_kafka_NewPartitions_destroy(more);
  std::size_t count = 0;
  const auto* const* results = rd_kafka_CreatePartitions_result_topics(
      rd_kafka_event_CreatePartitions_result(event.get()), &count);
  require_all(results, count, "adding partitions to " + topic);
}

void KafkaBroker::delete_records(const std::string& topic, std::int32_t partition,
                                 std::int64_t offset) const {
  const Offsets before(rd_kafka_topic_partition_list_new(1), rd_kafka_topic_partition_list_destroy);
  rd_kafka_topic_partition_list_add(before.get(), topic.c_str(), partition)->offset = offset;
  rd_kafka_DeleteRecords_t* old = rd_kafka_DeleteRecords_new(before.get());
  const Event event = ask_admin(address(), "deleting records of " + topic,
                                [&](rd_kafka_t* admin, rd_kafka_queue_t* queue) {
                                  rd_kafka_DeleteRecords(admin, &old, 1, nullptr, queue);
                                });
  rd_kafka_DeleteRecords_destroy(old);
  const rd_kafka_topic_partition_list_t* done =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  for (int i = 0; i < done->cnt; ++i) require(done->elems[i].err, "deleting records of " + topic);
}

void KafkaBroker::produce(const std::string& topic, std::span<const KafkaMessage> messages,
                          const std::string& codec) const {
  // Without retries, which might double or reorder.
  const Client producer = client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", address()},
                                                     {"compression.codec", codec},
                                                     {"message.max.bytes", kLargestMessage},
                                                     {"retries", "0"},
                                                     // Small batches are many of them.
                                                     {"batch.size", "32768"},
                                                     {"linger.ms", "5"}});
  const std::unique_ptr<rd_kafka_topic_t, decltype(&rd_kafka_topic_destroy)> handle(
      rd_kafka_topic_new(producer.get(), topic.c_str(), nullptr), rd_kafka_topic_destroy);
  for (const KafkaMessage& message : messages) {
    // With F_COPY the bytes are only read, though the parameter is not const.
    const int status =
        rd_kafka_produce(handle.get(), message.partition, RD_KAFKA_MSG_F_COPY,
                         const_cast<char*>(message.value.data()), message.value.size(),
                         message.key.data(), message.key.size(), nullptr);
    if (status != 0) require(rd_kafka_last_error(), "producing to " + topic);
  }
  require(rd_kafka_flush(producer.get(), kTimeoutMs), "producing to " + topic);
}

std::vector<std::int64_t> KafkaBroker::ends(const std::string& topic, int partitions) const {
  const Client consumer = client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", address()}});
  std::vector<std::int64_t> ends;
  for (int partition = 0; partition < partitions; ++partition) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    require(rd_kafka_query_watermark_offsets(consumer.get(), topic.c_str(), partition, &low, &high,
                                             kTimeoutMs),
            "asking for the end of " + topic);
    ends.push_back(high);
  }
  return ends;
}

std::vector<std::int64_t> KafkaBroker::committed(const std::string& group, const std::string& topic,
                                                 int partitions) const {
  const Client consumer =
      client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", address()}, {"group.id", group}});
  const Offsets list(rd_kafka_topic_partition_list_new(partitions),
                     rd_kafka_topic_partition_list_destroy);
  for (int partition = 0; partition < partitions; ++partition) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
  }
  require(rd_kafka_committed(consumer.get(), list.get(), kTimeoutMs),
          "asking for committed offsets");
  std::vector<std::int64_t> offsets;
  offsets.reserve(static_cast<std::size_t>(partitions));
  for (int i = 0; i < partitions; ++i) offsets.push_back(list->elems[i].offset);
  return offsets;
}

}  // namespace driftd
