// From a policy's transitions to its alerts: the stretches in which a monitor is degraded or
// critical.
//
// Thread rule: one owner. Allocation rule: may allocate (once a transition). Cannot fail.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/report.h"

namespace driftd {

struct Alert {
  MonitorName monitor;
  TimeMs from = 0;  // event time: the end of the newest window that counted when it began
  // Event time had come so far when it was found: later than `from` where windows wait for late
  // events, or where late labels or events changed what is known of older windows.
  TimeMs known = 0;
  std::optional<TimeMs> to;  // event time; empty: still on when the input ended
  HealthState worst = HealthState::degraded;
  std::vector<std::string> reasons;  // of all transitions while it was on; sorted, distinct
};

[[nodiscard]] bool is_alerting(HealthState state);

class AlertBook {
 public:
  // In the order in which they were published. `arrived` is the latest event time read by then.
  void take(const Transition& transition, TimeMs arrived);

  // In order of `from`.
  [[nodiscard]] std::vector<Alert> alerts() const;

 private:
  std::vector<Alert> alerts_;
  std::map<MonitorName, std::size_t> on_;  // positions in `alerts_`
};

}  // namespace driftd
