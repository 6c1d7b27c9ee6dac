// Makes a topic and fills it with predictions or labels, event i into partition i modulo
// PARTITIONS.
//
//   bench_produce_events BROKERS TOPIC EVENTS PARTITIONS [CODEC [KIND]]
//
// KIND: predictions (the default), short_predictions or labels.
#include <librdkafka/rdkafka.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bench/event_generator.h"

namespace {

constexpr int kTimeoutMs = 60'000;

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "bench_produce_events: %s\n", what.c_str());
  std::exit(69);
}

rd_kafka_t* make_producer(const char* brokers, const char* codec) {
  // Batches of a megabyte, as a busy producer makes them.
  const char* const settings[][2] = {
      {"bootstrap.servers", brokers},
      {"compression.codec", codec},
      {"linger.ms", "50"},
      {"batch.num.messages", "10000"},
      {"batch.size", "1000000"},
      {"queue.buffering.max.messages", "200000"},
      {"enable.idempotence", "false"},
  };
  char text[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) give_up(text);
  }
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  if (producer == nullptr) give_up(text);
  return producer;
}

void make_topic(rd_kafka_t* producer, const char* topic, int partitions) {
  char text[512];
  rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(topic, partitions, 1, text, sizeof text);
  if (wanted == nullptr) give_up(text);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(producer);
  rd_kafka_CreateTopics(producer, &wanted, 1, nullptr, queue);
  rd_kafka_event_t* answer = rd_kafka_queue_poll(queue, kTimeoutMs);
  if (answer == nullptr) give_up("no broker answers");
  std::size_t count = 0;
  const auto* result = rd_kafka_event_CreateTopics_result(answer);
  const auto* const* topics = rd_kafka_CreateTopics_result_topics(result, &count);
  if (count != 1 || rd_kafka_topic_result_error(topics[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    give_up(count == 1 ? rd_kafka_topic_result_error_string(topics[0]) : "the topic is not made");
  }
  rd_kafka_event_destroy(answer);
  rd_kafka_queue_destroy(queue);
  rd_kafka_NewTopic_destroy(wanted);
}

using Append = void (*)(std::string&, std::uint64_t);

[[nodiscard]] Append append_of(std::string_view kind) {
  if (kind == "predictions") return driftd::append_prediction;
  if (kind == "short_predictions") return driftd::append_short_prediction;
  return kind == "labels" ? driftd::append_label : nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const Append append = append_of(argc == 7 ? argv[6] : "predictions");
  if (argc < 5 || argc > 7 || append == nullptr) {
    std::fprintf(stderr,
                 "usage: %s BROKERS TOPIC EVENTS PARTITIONS [CODEC "
                 "[predictions|short_predictions|labels]]\n",
                 argv[0]);
    return 64;
  }
  const std::uint64_t events = std::strtoull(argv[3], nullptr, 10);
  const int partitions = std::atoi(argv[4]);
  rd_kafka_t* producer = make_producer(argv[1], argc > 5 ? argv[5] : "lz4");
  make_topic(producer, argv[2], partitions);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, argv[2], nullptr);
  std::uint64_t bytes = 0;
  std::string event;
  for (std::uint64_t i = 0; i < events; ++i) {
    event.clear();
    append(event, i);
    bytes += event.size();
    const auto partition = static_cast<std::int32_t>(i % static_cast<std::uint64_t>(partitions));
    while (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, event.data(), event.size(),
                            nullptr, 0, nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        give_up(rd_kafka_err2str(rd_kafka_last_error()));
      }
      rd_kafka_poll(producer, 10);
    }
    if (i % 1'024 == 0) rd_kafka_poll(producer, 0);
  }
  if (rd_kafka_flush(producer, kTimeoutMs) != RD_KAFKA_RESP_ERR_NO_ERROR) give_up("not all sent");
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
  std::printf("%s: %llu events, %.0f bytes each\n", argv[2],
              static_cast<unsigned long long>(events),
              static_cast<double>(bytes) / static_cast<double>(events));
  return 0;
}
