// The only source of time in driftd.
//
// Event times and wall-clock times are milliseconds since the Unix epoch; durations are
// milliseconds. The steady time only measures how long something has been waiting. Nothing else in
// the project reads a system clock, so that a test advances time by hand and a replay runs on the
// time of the events it reads. Thread-safe. No allocation. Cannot fail.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

namespace driftd {

using TimeMs = std::int64_t;      // milliseconds since the Unix epoch
using DurationMs = std::int64_t;  // milliseconds

inline constexpr TimeMs kNoTime = std::numeric_limits<TimeMs>::min();
inline constexpr TimeMs kEndOfTime = std::numeric_limits<TimeMs>::max();

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimeMs now() const = 0;
  [[nodiscard]] virtual TimeMs steady() const = 0;
};

// What the calling thread has used of a processor since it began, in microseconds. It measures the
// cost of work and is no time: nothing may be decided by it.
[[nodiscard]] std::int64_t thread_cpu_us();

class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimeMs now() const override;
  [[nodiscard]] TimeMs steady() const override;
};

// Time that is advanced by hand; `advance` moves both times, `set` only the wall clock (and,
// forward, the steady one).
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimeMs start = 0) : now_(start), steady_(0) {}
  [[nodiscard]] TimeMs now() const override { return now_.load(std::memory_order_relaxed); }
  [[nodiscard]] TimeMs steady() const override { return steady_.load(std::memory_order_relaxed); }
  void advance(DurationMs by) {
    now_.fetch_add(by, std::memory_order_relaxed);
    steady_.fetch_add(by, std::memory_order_relaxed);
  }
  void set(TimeMs to) {
    const TimeMs before = now_.exchange(to, std::memory_order_relaxed);
    if (to > before) steady_.fetch_add(to - before, std::memory_order_relaxed);
  }

 private:
  std::atomic<TimeMs> now_;
  std::atomic<TimeMs> steady_;
};

}  // namespace driftd
