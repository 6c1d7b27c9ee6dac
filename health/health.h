// From findings and metrics to a monitor's health: a pure fold, kept per monitor.
//
// The state follows from four things: the drift findings of the window with the greatest end, each
// metric's level in the newest window in which it could be judged (labels are late, so that is
// often an older window), what each sequential detector said of the newest window that it was
// given, and whether the false-alarm budget's alerts are on. A finding without a limit is
// published for reading and says nothing of health. Nothing judged yet is `unknown`, never
// `healthy`. Thread rule: one owner. Allocation rule: may allocate (once a window). Cannot fail.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/byte_stream.h"
#include "core/report.h"

namespace driftd {

// What the false-alarm budget says of a monitor now: an alert stays on for a dozen quiet windows.
struct BudgetAlerts {
  bool drift = false;
  bool unfamiliar = false;   // the baseline does not describe this traffic
  std::string error_reason;  // "low_accuracy" or "high_mae" while errors are more than expected
  std::string learning;      // "learning:12/168" while so many of so many windows have been learnt
};

// Which reasons turn a monitor degraded.
enum class Alerting : std::uint8_t { both, drift, performance };

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
  // Reasons of the budget's alert that is on, from all windows since it began.
  std::set<std::string> held;

  // Folds the reports of one window of this monitor. Returns the transition if the state changed.
  std::optional<Transition> update(const MonitorName& monitor, std::span<const Report> reports,
                                   const BudgetAlerts& budget = {},
                                   Alerting alerting = Alerting::both);

  [[nodiscard]] std::vector<std::string> drifting() const;

  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, MonitorHealth& out);
};

// The baseline does not describe the traffic.
inline constexpr std::string_view kUnfamiliarReason = "unfamiliar_traffic";

// The reason word of a degraded metric: low_accuracy, low_f1_score, high_latency, else low_<metric>
// or high_<metric>.
[[nodiscard]] std::string metric_reason(const std::string& metric);

}  // namespace driftd
