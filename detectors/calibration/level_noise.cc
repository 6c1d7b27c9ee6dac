#include "detectors/calibration/level_noise.h"

#include <algorithm>
#include <cmath>

namespace driftd {
namespace {

constexpr int kRounds = 2;

void clamp_to(const LevelInput& input, ExpectedValues& expected) {
  for (double& value : expected.by_hour) value = std::clamp(value, input.lowest, input.highest);
}

}  // namespace

LevelFit fit_levels(const LevelInput& input) {
  const std::size_t windows = input.values.size();
  LevelFit fit;
  fit.cross_fitted.assign(windows, 0);
  fit.z.assign(windows, std::numeric_limits<double>::quiet_NaN());
  std::vector<double> weights(windows, 0);
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t t = 0; t < windows; ++t) {
      weights[t] =
          input.n[t] > 0 ? 1 / (fit.level_variance + input.event_variance / input.n[t]) : 0;
    }
    for (std::size_t block = 0; block < kCrossFitBlocks; ++block) {
      const std::size_t begin = block * windows / kCrossFitBlocks;
      const std::size_t end = (block + 1) * windows / kCrossFitBlocks;
      if (begin == end) continue;
      ExpectedValues others =
          fit_expected(input.values, weights, input.hours, input.deepest, begin, end);
      clamp_to(input, others);
      for (std::size_t t = begin; t < end; ++t)
        fit.cross_fitted[t] = others.by_hour[input.hours[t]];
    }
    fit.expected = fit_expected(input.values, weights, input.hours, input.deepest);
    clamp_to(input, fit.expected);

    double sum = 0;
    double excess = 0;
    for (std::size_t t = 0; t < windows; ++t) {
      if (weights[t] <= 0) continue;
      const double rest = input.values[t] - fit.cross_fitted[t];
      const double weight = weights[t] * weights[t];
      sum += weight;
      excess += weight * (rest * rest - input.event_variance / input.n[t]);
    }
    fit.level_variance = sum > 0 ? std::max(0.0, excess / sum) : 0;
  }
  for (std::size_t t = 0; t < windows; ++t) {
    if (input.n[t] <= 0) continue;
    fit.z[t] = (input.values[t] - fit.cross_fitted[t]) /
               std::sqrt(fit.level_variance + input.event_variance / input.n[t]);
  }
  return fit;
}

}  // namespace driftd
