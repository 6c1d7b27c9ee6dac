// Which values of a sorted sample a quantile is made of: the one rule by which references that are
// sorted in memory and those that are surveyed in a stream agree to the bit.
//
// Thread rule: pure. Allocation rule: none. Cannot fail.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace driftd {

// The quantile lies between the values of two neighbouring ranks, at `rest` of the way; NumPy's
// `linear` method (Hyndman and Fan's type 7).
struct QuantilePlace {
  std::uint64_t below = 0;
  std::uint64_t above = 0;
  double rest = 0;
};
[[nodiscard]] inline QuantilePlace quantile_place(std::uint64_t rows, double share) {
  const double position = static_cast<double>(rows - 1) * share;
  const auto below = static_cast<std::uint64_t>(std::floor(position));
  return {below, std::min(below + 1, rows - 1), position - static_cast<double>(below)};
}

// In the form that NumPy has for tied values, too.
[[nodiscard]] inline double interpolated(double below, double above, double rest) {
  const double step = above - below;
  // A step beyond a double's range (-1e308 to 1e308) would make the quantile infinite or NaN;
  // weighting both ends cannot.
  return std::isfinite(step) ? below + rest * step : (1 - rest) * below + rest * above;
}

// The rank of the i-th of `limit` values at evenly spaced ranks, ends included.
[[nodiscard]] inline std::uint64_t spaced_rank(std::uint64_t rows, std::uint64_t limit,
                                               std::uint64_t i) {
  const double share = limit == 1 ? 0.5 : static_cast<double>(i) / static_cast<double>(limit - 1);
  return static_cast<std::uint64_t>(std::llround(share * static_cast<double>(rows - 1)));
}

}  // namespace driftd
