// A real Kafka broker of a test's own, and a client for it.
//
// Thread rule: one thread. Allocation rule: may allocate. Failure rule: whatever the broker refuses
// throws.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/support/test_server.h"

namespace driftd {

struct KafkaMessage {
  std::int32_t partition = 0;
  std::string key;
  std::string value;
};

class KafkaBroker {
 public:
  KafkaBroker();

  [[nodiscard]] std::string address() const;
  void create_topic(const std::string& topic, int partitions) const;
  // Returns when the broker does not know the topic any more.
  void delete_topic(const std::string& topic) const;
  // So that there are `partitions` in all.
  void add_partitions(const std::string& topic, int partitions) const;
  // What lies before `offset` is deleted, as retention does.
  void delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset) const;
  // In order; returns when the broker has all of them. `codec` is none, gzip, snappy, lz4 or zstd.
  void produce(const std::string& topic, std::span<const KafkaMessage> messages,
               const std::string& codec = "none") const;
  // By partition: the offset behind the last message, and what `group` has committed (negative:
  // nothing).
  [[nodiscard]] std::vector<std::int64_t> ends(const std::string& topic, int partitions) const;
  [[nodiscard]] std::vector<std::int64_t> committed(const std::string& group,
                                                    const std::string& topic, int partitions) const;

 private:
  TestServer server_;
};

}  // namespace driftd
