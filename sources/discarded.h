// Takes bad messages out of the stream: counts them by reason, keeps them (capped), and logs a
// sample without content.
//
// Thread rule: `discard` may be called from any lane (bad messages are rare; a mutex). Allocation
// rule: allocates. Failure rule: a write that fails is counted in `not_kept` and never stops the
// stream.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/discard.h"

namespace driftd {

struct MessageOrigin {
  std::string_view topic;  // or the file's path
  std::int32_t partition = 0;
  std::int64_t offset = 0;  // or the line number, from 0
};

class DiscardedMessages {
 public:
  // `path` empty: nothing is kept. Beyond `max_bytes` the file is left as it is and further events
  // are only counted.
  DiscardedMessages(const Clock& clock, std::string path, std::size_t max_bytes);
  ~DiscardedMessages();

  void discard(DiscardReason reason, const MessageOrigin& origin, std::string_view bytes);

  // Messages that were to be kept and were not: the file is full, or a write failed.
  [[nodiscard]] std::uint64_t not_kept() const { return not_kept_.load(std::memory_order_relaxed); }

 private:
  struct File;
  const Clock& clock_;
  const std::size_t max_bytes_;
  std::mutex mutex_;
  std::unique_ptr<File> file_;
  std::size_t written_ = 0;
  TimeMs last_logged_[kDiscardReasonNames.size()];
  std::atomic<std::uint64_t> not_kept_{0};
};

}  // namespace driftd
