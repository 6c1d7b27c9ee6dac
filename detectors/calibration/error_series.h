// How wrong a model is, as a signed series of the false-alarm budget: one point a window, from its
// labelled predictions.
//
// | task | series | point |
// | binary, multiclass | errors, a share | predictions whose class is not the actual one |
// | regression | error size, like a location | mean |prediction - actual| in standard deviations |
// | | | of the reference's own |prediction - actual| |
//
// The budget's limits on location and share series hold for it, and only a rise is bad. Thread
// rule: pure. Allocation rule: none. Failure rule: a model whose reference has no labels, or only
// one size of error, has no such series.
#pragma once

#include <optional>

#include "core/model.h"
#include "detectors/calibration/points.h"
#include "windows/performance.h"

namespace driftd {

class ErrorSeries {
 public:
  // `reference`: of the reference's labelled rows.
  [[nodiscard]] static std::optional<ErrorSeries> of(const PerformanceSummary& reference);

  [[nodiscard]] SeriesSpec spec() const;
  [[nodiscard]] Point point(const PerformanceSummary& window) const;
  // An effect in the metric's own unit: a share of the predictions, or the target's unit.
  [[nodiscard]] double in_own_unit(double effect) const { return effect * unit_; }

 private:
  SeriesKind kind_ = SeriesKind::category;
  double unit_ = 1;
};

}  // namespace driftd
