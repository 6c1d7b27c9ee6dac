// What a model's false-alarm budget is kept by: its signed series, what its reference says of them,
// and what was learnt from the reference's own windows.
//
// The columns and the model's errors are two groups with a share of the budget each: errors are
// judged when labels have come, columns at once. Thread rule: made once, then one owner (the
// evaluator). Allocation rule: may allocate. Cannot fail: what cannot be learnt from the reference
// is assumed, then learnt from live windows, and said in `notes`.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/result.h"
#include "daemon/budget_lesson.h"
#include "detectors/calibration/budget_fit.h"
#include "detectors/calibration/error_series.h"
#include "detectors/calibration/signed_series.h"
#include "state/reference_windows.h"

namespace driftd {

// Series that are judged together.
struct BudgetGroup {
  std::vector<SeriesSpec> specs;
  std::vector<Point> anchors;  // the reference's own points
  double share = 1;            // of the model's budget
  BudgetOptions options;       // without the budget itself
  // What is assumed is first replaced when so many live windows have been learnt from, then at
  // twice and four times as many.
  std::int64_t learning_windows = 24;
  // The first so many live windows are the history, see AlertsConfig::learn; 0: they are not.
  std::size_t learn = 0;
  // What is assumed stays: what has been seen of a window depends on which labels have come, and
  // what is learnt from must not.
  bool stays_assumed = false;
  double usual_events = 0;  // of a window, for what is assumed; 0: as many as the first one has
  // Learnt from the reference's windows; null where it has too few or no times. Its budget is that
  // of one monitor.
  std::shared_ptr<const BudgetModel> fitted;
};

struct BudgetPlan {
  explicit BudgetPlan(const Reference& reference) : series(reference) {}

  AlertsConfig alerts;
  // From one window to the next; of windows by count what the reference's rows took. 0: not known
  // before the first window has closed.
  DurationMs usual_step = 0;
  SignedSeries series;
  BudgetGroup columns;
  std::optional<ErrorSeries> errors;
  BudgetGroup performance;  // without series where `errors` is empty
  std::string baseline;     // the reference's hash, as findings give it
  std::vector<std::string> notes;

  // Windows are so long beside the budget's period that each takes the most that one may.
  [[nodiscard]] bool is_capped() const;
  // Alerts per window that a group of one monitor may raise while so many share the budget.
  [[nodiscard]] double budget_of(const BudgetGroup& group, DurationMs step,
                                 std::size_t monitors) const;
};

// Takes the reference's windows as they are cut, then makes the plan.
class BudgetPlanner {
 public:
  [[nodiscard]] ReferenceWindowVisitor visitor();
  // `performance`: of the reference's labelled rows; `has_labels`: whether any are read.
  [[nodiscard]] std::shared_ptr<const BudgetPlan> plan(const ModelConfig& config,
                                                       const Reference& reference,
                                                       const PerformanceSummary& performance,
                                                       bool has_labels) const;

  // What the windows taught, for a baseline.
  [[nodiscard]] std::string lesson(const ModelConfig& config, const Reference& reference,
                                   const PerformanceSummary& performance) const;
  // The same in place of windows. False for bytes that are no lesson of these columns.
  [[nodiscard]] bool take_lesson(std::string_view bytes, const Reference& reference,
                                 const PerformanceSummary& performance);
  [[nodiscard]] const std::optional<BudgetLesson>& taken() const { return taken_; }

 private:
  [[nodiscard]] BudgetHistory errors(const ErrorSeries& series) const;

  std::optional<SignedSeries> series_;
  BudgetHistory columns_;
  std::vector<PerformanceSummary> performance_;  // by window
  std::optional<BudgetLesson> taken_;            // instead of `columns_` and `performance_`
  TimeMs first_time_ = kNoTime;
  TimeMs last_time_ = kNoTime;
};

// How findings name a baseline: the beginning of its hash.
[[nodiscard]] std::string short_hash(const std::string& hash);

}  // namespace driftd
