#include "daemon/lane.h"

namespace driftd {
namespace {

// Large enough that work per batch and column does not show, small enough that a batch stays in the
// second-level cache.
constexpr std::uint32_t kRowsPerBatch = 4'096;
constexpr DurationMs kPollTimeout = 50;

[[nodiscard]] LaneBatch make_batch(const std::vector<const ModelSchema*>& models) {
  LaneBatch batch;
  for (const ModelSchema* model : models) {
    batch.predictions.emplace_back(*model);
    batch.labels.emplace_back(*model);
  }
  return batch;
}

}  // namespace

Lanes::Lanes(Source& source, std::vector<LaneWindows*> windows,
             const std::vector<const ModelSchema*>& models)
    : source_(source), windows_(std::move(windows)), models_(models) {}

Lanes::~Lanes() { stop(); }

void Lanes::start() {
  running_ = static_cast<unsigned>(windows_.size());
  for (unsigned lane = 0; lane < windows_.size(); ++lane)
    threads_.emplace_back([this, lane] { run(lane); });
}

void Lanes::run(unsigned lane) {
  LaneBatch batch = make_batch(models_);
  LaneWindows& windows = *windows_[lane];
  bool more = true;
  while (more && !stop_requested_.load(std::memory_order_relaxed)) {
    batch.clear();
    more = source_.poll(lane, batch, kRowsPerBatch, kPollTimeout);
    for (const ModelSchema* model : models_) {
      LaneWindows::Cursor cursor;
      // A lane of a daemon never stops in the middle of a batch: windows close by the watermark of
      // all lanes.
      (void)windows.fold(model->index, batch, cursor);
    }
    windows.totals().discarded.merge(batch.discarded);
    if (park_requested_.load(std::memory_order_acquire)) wait_while_parked();
  }
  const std::scoped_lock lock(mutex_);
  --running_;
  changed_.notify_all();
}

void Lanes::wait_while_parked() {
  std::unique_lock lock(mutex_);
  if (!park_requested_.load(std::memory_order_relaxed)) return;
  ++parked_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !park_requested_.load(std::memory_order_relaxed); });
  --parked_;
}

void Lanes::park() {
  std::unique_lock lock(mutex_);
  park_requested_.store(true, std::memory_order_release);
  changed_.wait(lock, [this] { return parked_ == running_; });
}

void Lanes::resume() {
  const std::scoped_lock lock(mutex_);
  park_requested_.store(false, std::memory_order_release);
  changed_.notify_all();
}

void Lanes::stop() {
  stop_requested_.store(true, std::memory_order_relaxed);
  resume();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace driftd
