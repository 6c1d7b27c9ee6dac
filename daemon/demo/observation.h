// What the running daemon has found out so far, window by window, as the demo shows it.
//
// Thread rule: any thread, the history locks itself. Allocation rule: a copy of the history, small
// for the demo's one model. Cannot fail.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/report.h"
#include "daemon/coordinator.h"
#include "daemon/history.h"

namespace driftd {

struct DriftEvidence {
  std::string detector;
  double times_limit = 0;  // 0: not known
};

struct ObservedWindow {
  TimeMs start = 0;
  TimeMs end = 0;
  std::int64_t predictions = 0;
  std::optional<MetricPoint> accuracy;            // filed after the window's findings
  std::map<std::string, DriftEvidence> drifting;  // by series
};

struct Observation {
  PipelineTotals totals;
  double events_per_second = 0;
  std::string monitor;  // model and version; empty before there is one
  HealthState state = HealthState::unknown;
  std::vector<std::string> reasons;
  std::map<std::int64_t, ObservedWindow> windows;  // by index
  std::vector<Transition> transitions;
};

[[nodiscard]] Observation observe(const History& history, const PipelineTotals& totals);

// Over several windows: the share of right predictions among those with a label, and how many those
// are.
struct PooledAccuracy {
  std::int64_t windows = 0;
  std::int64_t predictions = 0;
  std::int64_t labelled = 0;
  double right = 0;

  void add(const ObservedWindow& window);
  [[nodiscard]] double accuracy() const { return right / static_cast<double>(labelled); }
  [[nodiscard]] double coverage() const {
    return static_cast<double>(labelled) / static_cast<double>(predictions);
  }
};

}  // namespace driftd
