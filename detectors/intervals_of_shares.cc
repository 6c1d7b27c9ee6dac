#include <algorithm>
#include <cmath>

#include "detectors/intervals.h"

namespace driftd {

std::optional<Interval> containing(double value, double low, double high) {
  if (!std::isfinite(low) || !std::isfinite(high) || !std::isfinite(value)) return std::nullopt;
  return Interval{std::min(low, value), std::max(high, value)};
}

std::optional<Interval> wilson(double successes, double trials) {
  if (!(trials > 0)) return std::nullopt;
  const double share = successes / trials;
  const double z2 = kNormalQuantile * kNormalQuantile;
  const double centre = (share + z2 / (2 * trials)) / (1 + z2 / trials);
  const double half = kNormalQuantile / (1 + z2 / trials) *
                      std::sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials));
  // At 0 and 1 the ends are exactly the value, which the formula meets up to rounding only.
  const double low = successes <= 0 ? 0 : std::max(0.0, centre - half);
  const double high = successes >= trials ? 1 : std::min(1.0, centre + half);
  return containing(share, low, high);
}

std::optional<Interval> weighted_sum_interval(std::span<const Part> parts) {
  double sum = 0;
  double below = 0;
  double above = 0;
  bool any = false;
  for (const Part& part : parts) {
    sum += part.weight * part.value;
    if (!part.interval) continue;
    any = true;
    below += std::pow(part.weight * (part.value - part.interval->low), 2);
    above += std::pow(part.weight * (part.interval->high - part.value), 2);
  }
  if (!any) return std::nullopt;
  return containing(sum, sum - std::sqrt(below), sum + std::sqrt(above));
}

std::optional<Interval> f1_interval(double true_positive, double false_positive,
                                    double false_negative) {
  const std::optional<Interval> jaccard =
      wilson(true_positive, true_positive + false_positive + false_negative);
  if (!jaccard) return std::nullopt;
  const auto f1 = [](double j) { return 2 * j / (1 + j); };
  return containing(2 * true_positive / (2 * true_positive + false_positive + false_negative),
                    f1(jaccard->low), f1(jaccard->high));
}

std::optional<Interval> logit_interval(double value, double variance, double quantile) {
  if (!(value > 0 && value < 1 && variance > 0)) return std::nullopt;
  const double centre = std::log(value / (1 - value));
  const double half = quantile * std::sqrt(variance) / (value * (1 - value));
  const auto back = [](double logit) { return 1 / (1 + std::exp(-logit)); };
  return containing(value, back(centre - half), back(centre + half));
}

std::optional<Interval> logit_interval(double value, double variance) {
  return logit_interval(value, variance, kNormalQuantile);
}

std::optional<Interval> fisher_interval(double value, double variance) {
  if (!(std::abs(value) < 1 && variance > 0)) return std::nullopt;
  const double half = kNormalQuantile * std::sqrt(variance) / (1 - value * value);
  return containing(value, std::tanh(std::atanh(value) - half),
                    std::tanh(std::atanh(value) + half));
}

}  // namespace driftd
