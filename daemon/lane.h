// One lane: a thread that reads batches from a source and folds them, and that can be parked
// between two batches.
//
// While a lane is parked its windows may be read and changed by the coordinator: parking is the
// only meeting of the two, so neither takes a lock per event. A lane answers a request to park
// within one batch or one poll's time-out. Thread rule: `park_all` / `resume_all` by the
// coordinator's thread. Allocation rule: none per event. Cannot fail.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/event_batch.h"
#include "sources/source.h"
#include "windows/lane_windows.h"

namespace driftd {

class Lanes {
 public:
  // Lane i reads `source` as lane i and folds into windows[i].
  Lanes(Source& source, std::vector<LaneWindows*> windows,
        const std::vector<const ModelSchema*>& models);
  ~Lanes();

  void start();
  // Returns when every lane stands between two batches; they stand until `resume`.
  void park();
  void resume();
  // Ends the threads; what they have read has been folded.
  void stop();

 private:
  void run(unsigned lane);
  void wait_while_parked();

  Source& source_;
  std::vector<LaneWindows*> windows_;
  const std::vector<const ModelSchema*>& models_;
  std::vector<std::thread> threads_;
  std::atomic<bool> park_requested_{false};
  std::atomic<bool> stop_requested_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned parked_ = 0;
  unsigned running_ = 0;
};

}  // namespace driftd
