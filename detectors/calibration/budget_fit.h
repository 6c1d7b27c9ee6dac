// Learning a BudgetModel: from windows of known-good traffic, or, where there are none, from the
// rows of a reference.
//
// `fit_budget` is steps 2 to 7 of docs/false-alarms.md. Windows between two given ones that are
// missing from the history (no event came) are windows, too: they say nothing, and memory fades
// over them; a longer gap than kMostSkipped counts as so many. A window in which a series has fewer
// than `min_samples` events says nothing about that series.
//
// Thread rule: pure. Allocation rule: by the history. Failure rule: a Result for what a caller can
// get wrong; what cannot be learnt is in the model and said by `limitations`.
#pragma once

#include <span>
#include <vector>

#include "core/result.h"
#include "detectors/calibration/budget_model.h"

namespace driftd {

// Fewer usable windows teach nothing about a series.
inline constexpr std::size_t kLeastWindows = 10;
// Windows skipped beyond this change nothing that is kept: they lie outside of every scan.
inline constexpr std::int64_t kMostSkipped = 128;

struct BudgetHistory {
  std::vector<TimeMs> starts;               // rising; for windows by count their numbers
  std::vector<std::vector<Point>> windows;  // by window, then by series
};

// `anchors`: the reference's own points (SignedSeries::points_of), where the windows are live
// traffic that is only trusted for its noise and seasons: their mean is then moved to the
// reference's. Empty: the windows are the reference.
[[nodiscard]] Result<BudgetModel> fit_budget(std::span<const SeriesSpec> specs,
                                             const BudgetHistory& history,
                                             const BudgetOptions& options,
                                             std::span<const Point> anchors = {});

// For the first days without a history: location, variance and rows from the reference, a level
// noise of 0.1 standard deviations with memory 0.8, the theoretical threshold, and large least
// effects. `events`: of a usual window (that of the first closed one will do).
[[nodiscard]] BudgetModel assume_budget(std::span<const SeriesSpec> specs,
                                        std::span<const Point> anchors, double events,
                                        const BudgetOptions& options);

// After so many days of live windows an assumed model is replaced by a fitted one, and that again.
inline constexpr std::array<int, 3> kLearningDays = {7, 14, 28};
// How many of those fits are due after so long a stretch of live windows.
[[nodiscard]] int fits_due(DurationMs live);

}  // namespace driftd
