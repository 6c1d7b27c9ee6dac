// The values of a stream in standard deviations from what all earlier ones have taught.
//
// u_t = (x_t - m_{t-1}) / (s_{t-1} sqrt(1 + 1/(t-1))), with m and s the mean and the standard
// deviation of the values before it: what is left to chance is then the same at every t, for normal
// values Student's t with t - 2 degrees of freedom. Source: Hawkins (1987), The Statistician 36,
// "Self-starting CUSUM charts for location and scale"; we leave out his last step, from Student's
// to the normal distribution, whose effect is gone after some 30 values.
//
// Thread rule: a plain value. Allocation rule: none. Failure rule: while fewer than `warm_start`
// values have been seen, or all of them were equal, there is no scale and the answer is empty.
#pragma once

#include <cmath>
#include <optional>

#include "detectors/sequential/running_mean.h"

namespace driftd {

struct Standardised {
  RunningVariance seen;

  [[nodiscard]] bool learnt(double warm_start) const {
    return seen.mean.n >= warm_start && seen.squares > 0;
  }
  [[nodiscard]] bool usable() const {
    return std::isfinite(seen.squares) && std::isfinite(seen.mean.mean);
  }
  [[nodiscard]] std::optional<double> take(double x, double warm_start) {
    std::optional<double> u;
    if (learnt(warm_start)) {
      u = (x - seen.mean.mean) / std::sqrt(seen.variance() * (1 + 1 / seen.mean.n));
    }
    seen.update(x);
    return u;
  }
};

}  // namespace driftd
