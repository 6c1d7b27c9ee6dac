// How much the level of a series moves between windows beyond what its number of events explains.
//
// Expected values are fitted with weights w_t = 1 / (lam2 + v / n_t) and cross-fitted: the residual
// E of a window comes from the nine of ten contiguous blocks that it is not in. Then lam2 = max(0,
// weighted mean of E^2 - v / n, with weights w^2), and both steps are repeated once, beginning with
// lam2 = 0. z = E / sqrt(lam2 + v / n) has variance 1 whatever n is. Source: method of moments for
// a random effect with known sampling variance, as in DerSimonian and Laird (1986).
//
// Thread rule: pure. Allocation rule: by the history, in the fit only. Cannot fail.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "detectors/calibration/season.h"

namespace driftd {

inline constexpr std::size_t kCrossFitBlocks = 10;

// What is fitted: values by window (a share is the quotient), events by window (0: no usable
// window), event variance, and between which numbers an expected value may lie.
struct LevelInput {
  std::span<const double> values;
  std::span<const double> n;
  std::span<const std::uint8_t> hours;
  SeasonLevel deepest = SeasonLevel::all;
  double event_variance = 1;
  double lowest = -std::numeric_limits<double>::infinity();
  double highest = std::numeric_limits<double>::infinity();
};

struct LevelFit {
  ExpectedValues expected;           // from all windows, for live traffic
  double level_variance = 0;         // lam2
  std::vector<double> cross_fitted;  // expected value of each window from the other blocks
  std::vector<double> z;             // standardised residuals; NaN where there is no usable window
};

[[nodiscard]] LevelFit fit_levels(const LevelInput& input);

}  // namespace driftd
