// Brings lanes, evaluator, state and sinks together: the checkpoint is the one place where they
// meet.
//
// A checkpoint parks the lanes between two batches, takes the panes of windows that have closed and
// copies of what else changed, lets the lanes go on, evaluates, and writes everything (open panes,
// closed windows, join rows, monitors, outbox, next offsets) in one transaction. Only then is
// anything published or an offset committed: what the world sees is always durable, and after kill
// -9 the same events give the same numbers again. Thread rule: one thread runs `step`; `totals` and
// `readiness` may be asked from any. Failure rule: a checkpoint that cannot be written is repeated
// as it is until it can; meanwhile the daemon is not ready and says why.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/clock.h"
#include "daemon/evaluator.h"
#include "daemon/event_times.h"
#include "daemon/lane.h"
#include "daemon/model_setup.h"
#include "daemon/readiness.h"
#include "sources/source.h"
#include "state/disk_space.h"
#include "state/join_log.h"
#include "state/state_store.h"
#include "windows/label_join.h"
#include "windows/lane_windows.h"

namespace driftd {

// Of one model that has labels.
struct JoinTotals {
  JoinCounts counts;
  LabelDelays delays;
};

struct PipelineTotals {
  std::uint64_t predictions = 0;
  std::uint64_t labels = 0;
  std::uint64_t joined = 0;
  std::uint64_t windows = 0;
  std::uint64_t alerts = 0;
  std::map<std::string, JoinTotals> joins;  // by model; only those with labels
  std::uint64_t too_late = 0;
  std::uint64_t damaged_windows = 0;
  DiscardCounts discarded;
};

// What one checkpoint cost. `cpu_us` is the coordinator's processor time in microseconds, without
// the evaluation of windows, which lies between its two halves.
struct CheckpointCost {
  DurationMs took = 0;
  std::int64_t cpu_us = 0;
};

// Called by the coordinator's thread: at a start with what was published before it, then after
// every checkpoint.
class CheckpointObserver {
 public:
  virtual ~CheckpointObserver() = default;
  virtual void recalled(std::span<const Report> reports) = 0;
  virtual void published(std::span<const Report> reports) = 0;
  virtual void monitor_changed(const MonitorName& name, const MonitorState& state) = 0;
  virtual void totals(const PipelineTotals& totals) = 0;
  virtual void watermark(const std::string& model, TimeMs watermark) = 0;
  virtual void checkpoint_written(const CheckpointCost& cost) = 0;
};

// Makes the outbox entries of reports that are about to be published.
class OutboxComposer {
 public:
  virtual ~OutboxComposer() = default;
  [[nodiscard]] virtual std::vector<StoredOutboxEntry> compose(std::span<const Report> reports) = 0;
  // sink -> last sequence delivered.
  [[nodiscard]] virtual std::map<std::string, std::int64_t> delivered() = 0;
};

// How long to wait before a checkpoint that failed is tried again.
inline constexpr DurationMs kRetryPause = 1'000;

class Coordinator final : public SourceHost {
 public:
  Coordinator(const Config& config, ModelSetup& models, StateStore& store, Source& source,
              OutboxComposer& outbox, CheckpointObserver& observer, const Clock& clock,
              unsigned lanes, DurationMs retry_pause = kRetryPause);
  ~Coordinator() override;

  // Loads the stored state, then starts the source and the lanes.
  [[nodiscard]] Result<> start();
  // Serves the source and writes a checkpoint when it is time to; to be called every few
  // milliseconds.
  void step();
  // Lets a checkpoint that cannot be written be given up; from any thread, also a signal's.
  void request_stop() { stop_requested_ = true; }
  // Stops intake, publishes amendments, writes the last checkpoint and leaves.
  void stop();

  [[nodiscard]] Readiness readiness() const;
  [[nodiscard]] PipelineTotals totals() const;

  // SourceHost
  [[nodiscard]] const PartitionStates& stored() const override { return stored_; }
  void checkpoint_before_revoke() override { checkpoint(false); }

 private:
  struct Snapshot;

  [[nodiscard]] Result<> check_fingerprints(StoredState& state);
  [[nodiscard]] Result<> restore(StoredState& state);
  [[nodiscard]] Result<> restore_windows(StoredState& state);
  [[nodiscard]] Result<> open_joins(const StoredState& state);
  void make_lanes();
  void checkpoint(bool last);
  void take_snapshot(Snapshot& snapshot);
  void take_panes(Snapshot& snapshot);
  void take_names(Checkpoint& checkpoint);
  void take_windows(Checkpoint& checkpoint);
  void take_numbers(Snapshot& snapshot);
  void store_monitors(Snapshot& snapshot);
  // False where it has been given up because the daemon is to stop.
  [[nodiscard]] bool write_until_done(const Checkpoint& checkpoint);
  [[nodiscard]] Result<> write_once(const Checkpoint& checkpoint);
  [[nodiscard]] Result<> write_join_rows();
  [[nodiscard]] bool found_damage();
  void set_trouble(std::string trouble);
  void watch_disk();
  void resume_lanes();
  void refresh_totals();
  [[nodiscard]] WindowId window_id(const PaneKey& key) const;
  [[nodiscard]] Result<PaneKey> pane_key(const WindowId& id) const;

  const Config& config_;
  ModelSetup& models_;
  StateStore& store_;
  Source& source_;
  OutboxComposer& outbox_;
  CheckpointObserver& observer_;
  const Clock& clock_;

  WindowArchive archive_;
  Evaluator evaluator_;
  EventTimes times_;
  MemoryBudget join_memory_;
  std::vector<std::unique_ptr<LabelJoin>> joins_;      // by model; null without labels
  std::vector<JoinLog*> join_logs_;                    // by model; owned by the joins
  std::vector<std::unique_ptr<LaneWindows>> windows_;  // by lane
  std::unique_ptr<Lanes> lanes_;

  PartitionStates stored_;
  std::map<std::string, std::uint32_t>
      names_written_;  // "model/kind" -> codes that are in the store
  std::map<std::string, std::int64_t> delivered_written_;
  std::set<std::pair<unsigned, PaneKey>> open_in_store_;
  bool first_checkpoint_ = true;
  TimeMs last_checkpoint_ = 0;  // steady
  std::atomic<bool> stop_requested_{false};

  mutable std::mutex mutex_;  // guards the two below
  PipelineTotals totals_;
  std::string trouble_;  // why no checkpoint can be written; empty: all is well
  std::atomic<bool> started_{false};
  std::atomic<bool> source_ready_{false};
  const unsigned lane_count_;
  const DurationMs retry_pause_;
  bool join_rows_written_ = false;  // by the checkpoint that is being made
  bool writing_failed_ = false;
  bool disk_is_full_ = false;
  TimeMs next_look_at_disk_ = 0;  // steady
  bool gave_up_ = false;
};

}  // namespace driftd
