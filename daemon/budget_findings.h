// From a window's verdicts under the false-alarm budget to findings, with their reasons in words.
//
// A numeric column has the findings `location` and `spread`, any column `share` (the most extreme
// of its missing values, unseen values and categories), all numeric columns together `combined` of
// the series `features`, and the model's errors `location` or `share` of the series `errors`.
// Thread rule: pure. Allocation rule: may allocate (once a window). Cannot fail.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/report.h"
#include "daemon/budget_plan.h"
#include "detectors/calibration/budget_state.h"
#include "windows/pane.h"

namespace driftd {

inline constexpr std::string_view kAllFeatures = "features";
inline constexpr std::string_view kErrors = "errors";

// Where a judged window lies, for the words.
struct JudgedWindow {
  TimeMs start = 0;     // of the window, or of its newest pane
  DurationMs step = 0;  // 0: windows by count
};

[[nodiscard]] std::vector<Finding> column_findings(const BudgetPlan& plan,
                                                   const MonitoredModel& monitored,
                                                   const BudgetModel& model,
                                                   const WindowVerdict& verdict,
                                                   const JudgedWindow& window);
// Only more errors than expected are a drift; fewer are a finding without one.
[[nodiscard]] std::vector<Finding> error_findings(const BudgetPlan& plan, Task task,
                                                  const BudgetModel& model,
                                                  const WindowVerdict& verdict,
                                                  const JudgedWindow& window);

// "30 days", "1 hour", "90 minutes".
[[nodiscard]] std::string duration_in_words(DurationMs duration);

}  // namespace driftd
