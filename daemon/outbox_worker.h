// Feeds one sink from the outbox, on a thread of its own, until the sink has taken everything.
//
// Entries are read in order from the state database, so an outage costs disk and not memory; what
// has been delivered is deleted by the next checkpoint. After a crash the last entries may be
// delivered a second time: sinks are idempotent. Thread rule: `notify` and `delivered` from any
// thread. Failure rule: `unavailable` is retried with growing pauses for as long as the daemon
// runs; `rejected` drops the entries, logged and counted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "sinks/sink.h"
#include "state/outbox_reader.h"

namespace driftd {

struct DeliveryResult {
  const OutboxEntry* first = nullptr;
  std::size_t entries = 0;
  std::string_view result;  // delivered, failed, rejected
  int attempts = 0;
};

class OutboxWorker {
 public:
  using Observer = std::function<void(const DeliveryResult&)>;

  // `observer` is called on the worker's thread after every attempt.
  OutboxWorker(std::unique_ptr<Sink> sink, std::unique_ptr<OutboxReader> reader, Observer observer);
  ~OutboxWorker();

  void start();
  // The outbox may hold more than before.
  void notify();
  // The sequence of the last entry that needs no delivery any more.
  [[nodiscard]] std::int64_t delivered() const {
    return delivered_.load(std::memory_order_acquire);
  }
  [[nodiscard]] const std::string& name() const { return sink_->name(); }
  // Goes on until the outbox is empty, a delivery fails, or `limit` has passed; then the thread
  // ends.
  void finish(DurationMs limit);

 private:
  void run();
  // True where there may be more.
  bool deliver_some();
  [[nodiscard]] DurationMs pause_after_failure();

  std::unique_ptr<Sink> sink_;
  std::unique_ptr<OutboxReader> reader_;
  Observer observer_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool notified_ = true;
  bool finishing_ = false;
  bool abandoned_ = false;
  bool done_ = false;
  std::atomic<std::int64_t> delivered_{0};
  int failures_ = 0;
  DurationMs pause_ = 0;
  std::minstd_rand jitter_{std::random_device{}()};
};

}  // namespace driftd
