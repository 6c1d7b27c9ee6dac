// A Kafka cluster in this process: librdkafka's mock of one broker, and a producer that writes to
// it. It speaks Kafka's protocol over a loopback socket, so that the daemon reads it as any other.
//
// The mock keeps the last 5 MB of a partition: a stream that is longer must be read while it is
// written. Thread rule: one thread sends; the counters may be read from any. Failure rule: what
// cannot be started or sent is `unavailable`; a message that the broker refuses is counted.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"

struct rd_kafka_s;
struct rd_kafka_topic_s;
struct rd_kafka_message_s;

namespace driftd {

class MockCluster {
 public:
  [[nodiscard]] static Result<std::unique_ptr<MockCluster>> start();
  ~MockCluster();
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  [[nodiscard]] const std::string& brokers() const { return brokers_; }
  [[nodiscard]] Result<> create_topic(const std::string& topic, int partitions);
  // Queues a message for any partition of a topic that was created here.
  [[nodiscard]] Result<> send(const std::string& topic, std::string_view message);
  // Waits until the broker has taken everything.
  [[nodiscard]] Result<> flush(DurationMs limit);

 private:
  MockCluster() = default;
  static void count_delivery(rd_kafka_s* handle, const rd_kafka_message_s* message, void* opaque);

  rd_kafka_s* handle_ = nullptr;
  std::map<std::string, rd_kafka_topic_s*> topics_;
  std::string brokers_;
  std::atomic<std::size_t> refused_{0};
};

}  // namespace driftd
