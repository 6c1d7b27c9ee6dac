#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "detectors/intervals.h"

namespace driftd {
namespace {

constexpr std::size_t kBins = CalibrationBins::kBins;

using PerBin = std::array<double, kBins>;

// By bin: the mean over all rows of the residual of those in it, and that mean's standard error.
struct BinMisses {
  PerBin miss{};
  PerBin error{};
};

// A handful of rows, all right, show no spread at all. The spread is therefore that of the rows and
// of kCautious more that came as their scores say (in the manner of Agresti and Coull 1998, The
// American Statistician 52, who add rows to a share).
[[nodiscard]] std::optional<BinMisses> misses_of(const CalibrationBins& bins) {
  constexpr double kCautious = 4;
  double rows = 0;
  for (const std::uint64_t count : bins.count) rows += static_cast<double>(count);
  if (rows < 2) return std::nullopt;
  BinMisses of;
  double spread = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    if (bins.count[i] == 0) continue;
    const auto count = static_cast<double>(bins.count[i]);
    const double score = bins.score_sum[i] / count;
    of.miss[i] = (static_cast<double>(bins.positives[i]) - bins.score_sum[i]) / rows;
    const double square =
        (bins.residual_squares[i] + kCautious * std::max(0.0, score * (1 - score))) /
        (count + kCautious) * (count / rows);
    of.error[i] = std::sqrt(std::max(0.0, square - of.miss[i] * of.miss[i]) / (rows - 1));
    spread += of.error[i];
  }
  if (!(spread > 0) || !std::isfinite(spread)) return std::nullopt;
  return of;
}

// Moments of the sum over bins of |miss|.
struct Estimate {
  double mean = 0;
  double deviation = 0;
  double skewness = 0;
};

// If the true misses are `scale` times those of `misses`, all positive, with these standard errors.
[[nodiscard]] Estimate estimate_at(const PerBin& misses, const PerBin& errors, double scale) {
  double mean = 0;
  double variance = 0;
  double third = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    const double miss = scale * misses[i];
    const double error = errors[i];
    if (!(error > 0)) {
      mean += miss;
      continue;
    }
    const double ratio = miss / error;
    const double density = error * std::sqrt(2 / std::numbers::pi) * std::exp(-ratio * ratio / 2);
    const double side = std::erf(ratio / std::numbers::sqrt2);
    const double folded = density + miss * side;
    const double square = miss * miss + error * error;
    const double cube = density * (miss * miss + 2 * error * error) +
                        side * miss * (miss * miss + 3 * error * error);
    mean += folded;
    variance += std::max(0.0, square - folded * folded);
    third += cube - 3 * folded * square + 2 * folded * folded * folded;
  }
  const double deviation = std::sqrt(variance);
  return {mean, deviation, deviation > 0 ? third / (variance * deviation) : 0};
}

// How many standard deviations below and above its mean an estimate may be without being surprising
// at 95 %, if the mean is `above_least` deviations above the least possible one. Far from there it
// is the same on both sides. At the least one nothing can be too small, so that all 5 % are above.
// Between them a value belongs to the 95 % the sooner, the larger its likelihood is in proportion
// to the largest that any possible mean gives it (Feldman and Cousins 1998, Physical Review D 57).
struct Unsurprising {
  double below = kNormalQuantile;
  double above = kNormalQuantile;
};
[[nodiscard]] Unsurprising unsurprising(double above_least) {
  if (!(above_least < kNormalQuantile)) return {};
  const auto share_below = [](double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; };
  // For z below -d the largest likelihood is that of the least mean: the ratio of the likelihoods
  // is exp(d z + d^2 / 2), above it exp(-z^2 / 2).
  const double d = std::max(above_least, 1e-9);
  const auto matching = [&](double above) { return (above * above + d * d) / (2 * d); };
  double from = 0;
  double to = kNormalQuantile;
  for (int step = 0; step < 60; ++step) {
    const double middle = (from + to) / 2;
    const double share = share_below(middle) - share_below(-std::max(middle, matching(middle)));
    (share < 1 - 2 * kTail ? from : to) = middle;
  }
  return {std::max(to, matching(to)), to};
}

// The sizes of miscalibration, in the proportions of `misses`, under which `value` is not
// surprising.
[[nodiscard]] Interval sizes(const PerBin& misses, const PerBin& errors, double value) {
  double size = 0;
  for (const double miss : misses) size += miss;
  const double least = estimate_at(misses, errors, 0).mean;
  // Quantiles by Cornish and Fisher (1938), Revue de l'Institut International de Statistique 5,
  // because the sum is skewed to the right; beyond kMost deviations they mean nothing.
  const auto is_too_small = [&](double scale) {  // the estimate would have been smaller
    const auto [mean, deviation, skewness] = estimate_at(misses, errors, scale);
    const double z = unsurprising((mean - least) / deviation).above;
    return value > mean + (z + skewness * (z * z - 1) / 6) * deviation;
  };
  const auto is_too_large = [&](double scale) {
    constexpr double kMost = 4;
    const auto [mean, deviation, skewness] = estimate_at(misses, errors, scale);
    const double z = std::min(unsurprising((mean - least) / deviation).below, kMost);
    return value < mean - (z - skewness * (z * z - 1) / 6) * deviation;
  };
  // Both are monotone in the scale; 60 halvings use up a double's digits.
  const auto boundary = [](double from, double to, auto beyond_to) {
    for (int step = 0; step < 60; ++step) {
      const double middle = (from + to) / 2;
      (beyond_to(middle) ? to : from) = middle;
    }
    return from;
  };
  double above = 1;
  while (!is_too_large(above) && above < 1e6) above *= 2;
  const double high = is_too_large(0) ? 0 : boundary(0, above, is_too_large);
  const double low = is_too_small(0) ? boundary(high, 0, is_too_small) : 0;
  return {low * size, high * size};
}

}  // namespace

std::optional<Interval> calibration_interval(const CalibrationBins& bins, double value) {
  const std::optional<BinMisses> of = misses_of(bins);
  if (!of) return std::nullopt;
  PerBin seen{};
  PerBin sure{};
  bool any_sure = false;
  for (std::size_t i = 0; i < kBins; ++i) {
    seen[i] = std::abs(of->miss[i]);
    sure[i] = std::sqrt(std::max(0.0, seen[i] * seen[i] - of->error[i] * of->error[i]));
    any_sure = any_sure || sure[i] > 0;
  }
  Interval interval = sizes(seen, of->error, value);
  if (any_sure) {
    const Interval concentrated = sizes(sure, of->error, value);
    interval.low = std::min(interval.low, concentrated.low);
    interval.high = std::max(interval.high, concentrated.high);
  }
  return containing(value, interval.low, interval.high);
}

}  // namespace driftd
