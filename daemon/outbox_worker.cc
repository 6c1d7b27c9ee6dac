#include "daemon/outbox_worker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

namespace driftd {
namespace {

constexpr DurationMs kFirstPause = 500;
constexpr DurationMs kLongestPause = 60'000;

}  // namespace

OutboxWorker::OutboxWorker(std::unique_ptr<Sink> sink, std::unique_ptr<OutboxReader> reader,
                           Observer observer)
    : sink_(std::move(sink)), reader_(std::move(reader)), observer_(std::move(observer)) {}

OutboxWorker::~OutboxWorker() { finish(0); }

void OutboxWorker::start() {
  thread_ = std::thread([this] { run(); });
}

void OutboxWorker::notify() {
  const std::scoped_lock lock(mutex_);
  notified_ = true;
  changed_.notify_all();
}

void OutboxWorker::finish(DurationMs limit) {
  if (!thread_.joinable()) return;
  {
    std::unique_lock lock(mutex_);
    finishing_ = true;
    notified_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::milliseconds(limit), [this] { return done_; });
    abandoned_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void OutboxWorker::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (pause_ > 0) {
        // A failure while finishing ends it: what is left is delivered after the next start.
        if (finishing_) break;
        changed_.wait_for(lock, std::chrono::milliseconds(pause_),
                          [this] { return finishing_ || abandoned_; });
      } else {
        changed_.wait(lock, [this] { return notified_ || finishing_ || abandoned_; });
      }
      notified_ = false;
      if (abandoned_) break;
    }
    bool more = true;
    while (more) {
      more = deliver_some();
      const std::scoped_lock lock(mutex_);
      if (abandoned_) more = false;
    }
    const std::scoped_lock lock(mutex_);
    if (finishing_ && !notified_) break;
  }
  const std::scoped_lock lock(mutex_);
  done_ = true;
  changed_.notify_all();
}

bool OutboxWorker::deliver_some() {
  auto rows =
      reader_->read(sink_->name(), delivered_.load(std::memory_order_relaxed), sink_->batch_size());
  if (!rows) {
    spdlog::error("outbox of {}: {}", sink_->name(), rows.error().message);
    pause_ = pause_after_failure();
    return false;
  }
  pause_ = 0;
  if (rows->empty()) return false;
  std::vector<OutboxEntry> entries;
  entries.reserve(rows->size());
  for (StoredOutboxEntry& row : *rows) {
    entries.push_back({row.sequence, std::move(row.id), std::move(row.payload), row.created});
  }
  const Result<void> done = sink_->deliver(entries);
  DeliveryResult result{entries.data(), entries.size(), "delivered", failures_ + 1};
  if (!done && done.error().code != ErrorCode::rejected) {
    result.result = "failed";
    observer_(result);
    pause_ = pause_after_failure();
    spdlog::warn("{}: {}; trying again in {:.1f} s", sink_->name(), done.error().message,
                 static_cast<double>(pause_) / 1000);
    return false;
  }
  if (!done) {
    spdlog::error("{}: {} entries are given up: {}", sink_->name(), entries.size(),
                  done.error().message);
    result.result = "rejected";
  }
  observer_(result);
  failures_ = 0;
  delivered_.store(entries.back().sequence, std::memory_order_release);
  return true;
}

DurationMs OutboxWorker::pause_after_failure() {
  const DurationMs doubled = kFirstPause << std::min(failures_, 10);
  ++failures_;
  // Half fixed, half random, so that many daemons do not come back at the same moment.
  const DurationMs base = std::min(doubled, kLongestPause) / 2;
  const DurationMs pause = base + std::uniform_int_distribution<DurationMs>(0, base)(jitter_);
  return std::max(pause, sink_->retry_after());
}

}  // namespace driftd
