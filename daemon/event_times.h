// How far event time has come for each model, and what that says of its windows and labels.
//
// One place turns the partitions' progress into the three times by which windows close, labels
// expire and windows mature; the rules are those of windows/watermark.h.
// Thread rule: the coordinator's thread. Allocation rule: once per checkpoint. Cannot fail.
#pragma once

#include <span>
#include <vector>

#include "config/config.h"
#include "core/clock.h"
#include "sources/source.h"
#include "windows/pane.h"

namespace driftd {

class EventTimes {
 public:
  // `models` outlive it and are those of the configuration, in the same order.
  EventTimes(const Config& config, std::span<const MonitoredModel> models);

  // To be called with the progress of every partition; `now` is wall-clock time, `steady` steady
  // time.
  void update(const PartitionStates& progress, TimeMs now, TimeMs steady);

  // Up to where predictions are complete; never goes back. kNoTime: nothing is known yet.
  [[nodiscard]] TimeMs watermark(ModelIndex model) const { return times_of(model).watermark; }
  // Before which no more labels are expected; kEndOfTime where none are at all.
  [[nodiscard]] TimeMs labels_until(ModelIndex model) const { return times_of(model).labels_until; }
  // The largest event time of predictions and labels, as far as the clock allows it.
  [[nodiscard]] TimeMs latest(ModelIndex model) const { return times_of(model).latest; }

  // Windows by time: whether everything that ends at `end` is complete.
  [[nodiscard]] bool has_passed(ModelIndex model, TimeMs end) const;
  [[nodiscard]] bool is_complete(const PaneKey& pane, std::uint64_t predictions_in_all_lanes) const;

 private:
  struct ModelTimes {
    TimeMs watermark = kNoTime;
    TimeMs labels_until = kNoTime;
    TimeMs latest = kNoTime;
    // Windows that end before this close although all partitions are idle.
    TimeMs idle_close_until = kNoTime;
  };
  [[nodiscard]] const ModelTimes& times_of(ModelIndex model) const {
    return times_[position(model)];
  }

  const Config& config_;
  std::span<const MonitoredModel> models_;
  std::vector<ModelTimes> times_;
};

// True where any source reads labels.
[[nodiscard]] bool needs_labels(const Config& config);

}  // namespace driftd
