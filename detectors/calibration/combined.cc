#include "detectors/calibration/combined.h"

#include <cmath>
#include <cstddef>

namespace driftd {
namespace {

// The scales whose values are least dependent from window to window.
constexpr int kScalesForFreedom = 2;

}  // namespace

double CombinedModel::deviate(double mean_square, int scale) const {
  const double spread = 2 / (9 * freedom);
  const double ratio = mean_square / mean[static_cast<std::size_t>(scale)];
  return (std::cbrt(ratio) - 1 + spread) / std::sqrt(spread);
}

CombinedModel fit_combined(const std::array<std::span<const double>, kScales>& mean_squares,
                           int series) {
  CombinedModel model;
  if (series < kLeastLocations) return model;
  model.series = series;
  double variance = 0;
  int used = 0;
  for (std::size_t scale = 0; scale < mean_squares.size(); ++scale) {
    const auto values = mean_squares[scale];
    if (values.size() < 2) break;
    double mean = 0;
    for (const double value : values) mean += value;
    mean /= static_cast<double>(values.size());
    if (mean <= 0) break;
    model.mean[scale] = mean;
    model.scales = static_cast<int>(scale) + 1;
    if (used == kScalesForFreedom) continue;
    double squares = 0;
    for (const double value : values) squares += (value / mean - 1) * (value / mean - 1);
    variance += squares / static_cast<double>(values.size());
    ++used;
  }
  if (model.scales == 0 || variance <= 0) return {};
  model.freedom = 2 / (variance / used);
  return model;
}

}  // namespace driftd
