// Sends the example stream, its months evenly compressed into some seconds, from a thread of its
// own.
//
// Thread rule: one owner; every function may be called while the thread works. Failure rule: the
// first failure ends the sending and is kept in `failure`.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "core/clock.h"
#include "core/result.h"
#include "daemon/demo/example_data.h"
#include "daemon/demo/mock_cluster.h"

namespace driftd {

inline constexpr const char* kPredictionsTopic = "predictions";
inline constexpr const char* kLabelsTopic = "labels";

class EventFeeder {
 public:
  // `data` and `cluster`, which has both topics, outlive the feeder.
  EventFeeder(const ExampleData& data, MockCluster& cluster, DurationMs duration);
  ~EventFeeder() { stop(); }
  EventFeeder(const EventFeeder&) = delete;
  EventFeeder& operator=(const EventFeeder&) = delete;

  void start();
  // Sends nothing more.
  void stop();

  // Everything was sent, or sending has failed.
  [[nodiscard]] bool finished() const { return finished_; }
  // How far the stream is, in event time.
  [[nodiscard]] TimeMs position() const { return position_; }
  // The same, from 0 to 1.
  [[nodiscard]] double progress() const;
  [[nodiscard]] std::optional<Error> failure() const;

 private:
  void run();
  [[nodiscard]] Result<> send_all();

  const ExampleData& data_;
  MockCluster& cluster_;
  const DurationMs duration_;
  const TimeMs first_;
  const TimeMs last_;
  const SystemClock clock_;
  std::atomic<TimeMs> position_;
  std::atomic<bool> finished_{false};
  mutable std::mutex mutex_;  // guards the two below
  bool stopping_ = false;
  std::optional<Error> failure_;
  std::condition_variable stop_;
  std::thread thread_;
};

}  // namespace driftd
