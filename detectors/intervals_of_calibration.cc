#include <array>
#include <cmath>
#include <numbers>

#include "detectors/intervals.h"

namespace driftd {
namespace {

constexpr std::size_t kBins = CalibrationBins::kBins;

// By bin: the mean over all rows of the residual of those in it, and that mean's standard error.
struct BinMisses {
  std::array<double, kBins> miss{};
  std::array<double, kBins> error{};
};

[[nodiscard]] std::optional<BinMisses> misses_of(const CalibrationBins& bins) {
  double rows = 0;
  for (const std::uint64_t count : bins.count) rows += static_cast<double>(count);
  if (rows < 2) return std::nullopt;
  BinMisses of;
  double spread = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    of.miss[i] = (static_cast<double>(bins.positives[i]) - bins.score_sum[i]) / rows;
    const double variance = bins.residual_squares[i] / rows - of.miss[i] * of.miss[i];
    of.error[i] = std::sqrt(std::max(0.0, variance) / (rows - 1));
    spread += of.error[i];
  }
  if (!(spread > 0) || !std::isfinite(spread)) return std::nullopt;
  return of;
}

struct MeanAndDeviation {
  double mean = 0;
  double deviation = 0;
};

// Of the sum over bins of |miss|, if the true misses are `scale` times those seen.
[[nodiscard]] MeanAndDeviation estimate_at(const BinMisses& bins, double scale) {
  double mean = 0;
  double variance = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    const double miss = scale * bins.miss[i];
    const double error = bins.error[i];
    if (!(error > 0)) {
      mean += std::abs(miss);
      continue;
    }
    const double ratio = miss / error;
    const double folded = error * std::sqrt(2 / std::numbers::pi) * std::exp(-ratio * ratio / 2) +
                          miss * std::erf(ratio / std::numbers::sqrt2);
    mean += folded;
    variance += std::max(0.0, miss * miss + error * error - folded * folded);
  }
  return {mean, std::sqrt(variance)};
}

}  // namespace

std::optional<Interval> calibration_interval(const CalibrationBins& bins, double value) {
  const std::optional<BinMisses> misses = misses_of(bins);
  if (!misses) return std::nullopt;
  const auto too_small = [&](double scale) {  // the estimate would have been larger
    const auto [mean, deviation] = estimate_at(*misses, scale);
    return value > mean + kNormalQuantile * deviation;
  };
  const auto too_large = [&](double scale) {
    const auto [mean, deviation] = estimate_at(*misses, scale);
    return value < mean - kNormalQuantile * deviation;
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
  while (!too_large(above) && above < 1e6) above *= 2;
  const double high = too_large(0) ? 0 : boundary(0, above, too_large);
  const double low = too_small(0) ? boundary(high, 0, too_small) : 0;
  return containing(value, low * value, high * value);
}

}  // namespace driftd
