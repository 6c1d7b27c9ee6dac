#include "detectors/calibration/error_series.h"

#include <cmath>
#include <numeric>

namespace driftd {
namespace {

struct Errors {
  std::uint64_t wrong = 0;
  std::uint64_t labelled = 0;
};

[[nodiscard]] Errors errors_of(const BinaryPerformance& window) {
  return {window.false_positive + window.false_negative, window.labelled()};
}

[[nodiscard]] Errors errors_of(const MulticlassPerformance& window) {
  Errors errors{0, window.labelled()};
  for (const auto& [classes, rows] : window.confusion)
    if (classes.first != classes.second) errors.wrong += rows;
  return errors;
}

}  // namespace

std::optional<ErrorSeries> ErrorSeries::of(const PerformanceSummary& reference) {
  ErrorSeries series;
  if (labelled(reference) == 0) return std::nullopt;
  if (const auto* regression = std::get_if<RegressionPerformance>(&reference)) {
    series.kind_ = SeriesKind::location;
    series.unit_ = std::sqrt(regression->absolute_error.population_variance());
    if (!(series.unit_ > 0) || !std::isfinite(series.unit_)) return std::nullopt;
  }
  return series;
}

SeriesSpec ErrorSeries::spec() const { return {0, kind_, 0}; }

Point ErrorSeries::point(const PerformanceSummary& window) const {
  if (const auto* regression = std::get_if<RegressionPerformance>(&window)) {
    const Moments& errors = regression->absolute_error;
    const double variance = errors.population_variance() / (unit_ * unit_);
    if (errors.count == 0 || !std::isfinite(errors.mean) || !std::isfinite(variance)) return {};
    return {errors.mean / unit_, variance, static_cast<double>(errors.count)};
  }
  const auto* binary = std::get_if<BinaryPerformance>(&window);
  const Errors errors =
      binary != nullptr ? errors_of(*binary) : errors_of(std::get<MulticlassPerformance>(window));
  return {static_cast<double>(errors.wrong), 0, static_cast<double>(errors.labelled)};
}

}  // namespace driftd
