// From findings and metrics to a monitor's health: a pure fold, kept per monitor.
//
// The state follows from three things: the drift findings of the window with the greatest end, each
// metric's level in the newest window in which it could be judged (labels are late, so that is
// often an older window), and what each sequential detector said of the newest window that it was
// given. Nothing judged yet is `unknown`, never `healthy`. Thread rule: one owner. Allocation rule:
// may allocate (once a window). Cannot fail.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/byte_stream.h"
#include "core/report.h"

namespace driftd {

struct MonitorHealth {
  HealthState state = HealthState::unknown;
  std::vector<std::string> reasons;  // sorted, distinct
  TimeMs since = kNoTime;            // event time of the last transition; kNoTime: none yet

  // What the state follows from.
  struct Judged {
    Level level = Level::insufficient_data;
    TimeMs window_end = kNoTime;
    bool operator==(const Judged&) const = default;
  };
  TimeMs last_window_end = kNoTime;
  std::map<std::string, Level> findings;  // "series/detector" -> level in the last window
  std::map<std::string, Judged> metrics;  // metric -> its newest judged level

  std::map<std::string, Judged> sequential;  // "series/detector" -> its newest level

  // Folds the reports of one window of this monitor. Returns the transition if the state changed.
  std::optional<Transition> update(const MonitorName& monitor, std::span<const Report> reports);

  [[nodiscard]] std::vector<std::string> drifting() const;

  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, MonitorHealth& out);
};

// The reason word of a degraded metric: low_accuracy, low_f1_score, high_latency, else low_<metric>
// or high_<metric>.
[[nodiscard]] std::string metric_reason(const std::string& metric);

}  // namespace driftd
