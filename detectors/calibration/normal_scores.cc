#include "detectors/calibration/normal_scores.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "detectors/calibration/normal.h"

namespace driftd {
namespace {

// q phi(q), whose limit at the infinities is 0.
[[nodiscard]] double weighted_density(double q) {
  return std::isfinite(q) ? q * normal_density(q) : 0;
}

}  // namespace

NormalScores normal_scores(std::span<const std::uint64_t> cumulative) {
  NormalScores scores;
  scores.score.assign(cumulative.size(), 0);
  scores.square.assign(cumulative.size(), 0);
  const std::uint64_t rows = cumulative.empty() ? 0 : cumulative.back();
  if (rows == 0) return scores;

  const auto total = static_cast<double>(rows);
  std::uint64_t below = 0;
  std::size_t first = cumulative.size();
  std::size_t last = 0;
  for (std::size_t cell = 0; cell < cumulative.size(); below = cumulative[cell++]) {
    const std::uint64_t up_to = cumulative[cell];
    const double low = normal_quantile(static_cast<double>(below) / total);
    if (up_to == below) {
      // Beyond the ends the quantile is infinite; those cells are filled below.
      scores.score[cell] = low;
      scores.square[cell] = low * low;
      continue;
    }
    const double high = normal_quantile(static_cast<double>(up_to) / total);
    const double share = static_cast<double>(up_to - below) / total;
    scores.score[cell] = (normal_density(low) - normal_density(high)) / share;
    scores.square[cell] = 1 + (weighted_density(low) - weighted_density(high)) / share;
    first = std::min(first, cell);
    last = cell;
  }
  for (std::size_t cell = 0; cell < first; ++cell) {
    scores.score[cell] = scores.score[first];
    scores.square[cell] = scores.square[first];
  }
  for (std::size_t cell = last + 1; cell < cumulative.size(); ++cell) {
    scores.score[cell] = scores.score[last];
    scores.square[cell] = scores.square[last];
  }
  return scores;
}

LocationAndSpread location_and_spread(const NormalScores& scores,
                                      std::span<const std::uint64_t> counts) {
  DRIFTD_CHECK(counts.size() == scores.score.size());
  double n = 0;
  double sum = 0;
  double sum_of_squares = 0;
  double square = 0;
  double square_of_squares = 0;
  for (std::size_t cell = 0; cell < counts.size(); ++cell) {
    if (counts[cell] == 0) continue;
    const auto c = static_cast<double>(counts[cell]);
    const double a = scores.score[cell];
    const double b = scores.square[cell];
    n += c;
    sum += c * a;
    sum_of_squares += c * a * a;
    square += c * b;
    square_of_squares += c * b * b;
  }
  LocationAndSpread points;
  if (n == 0) return points;
  const double mean = sum / n;
  const double variance = std::max(0.0, sum_of_squares / n - mean * mean);
  points.location = {mean, variance, n};
  if (n < 2) return points;
  const double mean_square = square / n;
  points.spread = {std::cbrt(variance * n / (n - 1)),
                   std::max(0.0, square_of_squares / n - mean_square * mean_square), n};
  return points;
}

}  // namespace driftd
