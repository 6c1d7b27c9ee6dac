// Normal scores of a numeric column: what each cell of the rank counters contributes to location
// and spread.
//
// With the reference's cumulative shares p and q = Phi^-1(p), a cell that holds reference rows
// between p_0 and p_1 scores the mean of a standard normal variable between q_0 and q_1,
// a = (phi(q_0) - phi(q_1)) / (p_1 - p_0), and its mean square is
// b = 1 + (q_0 phi(q_0) - q_1 phi(q_1)) / (p_1 - p_0). A cell without reference rows scores q and
// q^2 of its place; beyond the ends the first and the last value's scores hold. Exact under ties,
// and no outlier weighs more than the largest reference value. Source: van der Waerden (1952),
// Indag. Math. 14; conditional means for ties as in Hajek and Sidak, Theory of Rank Tests (1967).
//
// Thread rule: immutable once made. Allocation rule: only when made. Cannot fail: a reference
// without rows has scores of 0.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "detectors/calibration/points.h"

namespace driftd {

struct NormalScores {
  std::vector<double> score;   // a, by cell
  std::vector<double> square;  // b, by cell
};

// `cumulative`: reference rows in or below each cell, as NumericReference has it.
[[nodiscard]] NormalScores normal_scores(std::span<const std::uint64_t> cumulative);

struct LocationAndSpread {
  Point location;
  Point spread;  // n is 0 where there are fewer than two values
};

// From a window's counts by cell. X = sum c a / n, V = sum c a^2 / n - X^2, s^2 = V n / (n - 1).
[[nodiscard]] LocationAndSpread location_and_spread(const NormalScores& scores,
                                                    std::span<const std::uint64_t> counts);

}  // namespace driftd
