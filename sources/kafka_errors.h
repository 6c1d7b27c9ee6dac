// The errors of one Kafka source: counted, and logged at most once per kind in a while.
//
// Thread rule: any thread. Allocation rule: allocates (errors are rare). Failure rule: none.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "core/clock.h"

namespace driftd {

class KafkaErrors {
 public:
  KafkaErrors(std::string source, const Clock& clock) : source_(std::move(source)), clock_(clock) {}

  // `error` is librdkafka's code.
  void note(int error, const std::string& text);
  // For what must not be missed: logged each time.
  void note_always(const std::string& text);
  [[nodiscard]] std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }

 private:
  const std::string source_;
  const Clock& clock_;
  std::atomic<std::uint64_t> total_{0};
  std::mutex mutex_;
  std::map<int, TimeMs> last_logged_;  // by error code
};

}  // namespace driftd
