#include "daemon/demo/event_feeder.h"

#include <algorithm>
#include <chrono>

namespace driftd {
namespace {

constexpr auto kPause = std::chrono::milliseconds(10);
constexpr DurationMs kFlushLimit = 10'000;

}  // namespace

EventFeeder::EventFeeder(const ExampleData& data, MockCluster& cluster, DurationMs duration)
    : data_(data),
      cluster_(cluster),
      duration_(duration),
      first_(data.events.front().ts),
      last_(std::max(first_ + 1, data.events.back().ts)),
      position_(first_) {}

void EventFeeder::start() {
  thread_ = std::thread([this] { run(); });
}

void EventFeeder::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
}

double EventFeeder::progress() const {
  return static_cast<double>(position_ - first_) / static_cast<double>(last_ - first_);
}

std::optional<Error> EventFeeder::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

void EventFeeder::run() {
  if (Result<> sent = send_all(); !sent) {
    const std::scoped_lock lock(mutex_);
    failure_ = std::move(sent.error());
  }
  finished_ = true;
}

Result<> EventFeeder::send_all() {
  const TimeMs begun = clock_.steady();
  std::size_t next = 0;
  while (next < data_.events.size()) {
    const DurationMs passed = std::min(clock_.steady() - begun, duration_);
    const double share = static_cast<double>(passed) / static_cast<double>(duration_);
    const TimeMs now = first_ + static_cast<TimeMs>(share * static_cast<double>(last_ - first_));
    for (; next < data_.events.size() && data_.events[next].ts <= now; ++next) {
      const ExampleEvent& event = data_.events[next];
      const char* topic = event.is_label ? kLabelsTopic : kPredictionsTopic;
      if (auto sent = cluster_.send(topic, event.json); !sent) return sent;
    }
    position_ = now;
    std::unique_lock lock(mutex_);
    if (stop_.wait_for(lock, kPause, [this] { return stopping_; })) return {};
  }
  return cluster_.flush(kFlushLimit);
}

}  // namespace driftd
