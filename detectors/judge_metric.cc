#include "detectors/judge_metric.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace driftd {
namespace {

constexpr std::array<std::string_view, 7> kErrors = {"mae",      "rmse",  "mape", "median_ae",
                                                     "log_loss", "brier", "ece"};

// The size of a value that is best at 0.
[[nodiscard]] MetricEstimate size_of(const MetricEstimate& estimate) {
  MetricEstimate size;
  if (estimate.value) size.value = std::abs(*estimate.value);
  if (!estimate.interval) return size;
  const auto [low, high] = *estimate.interval;
  const bool holds_zero = low <= 0 && high >= 0;
  size.interval = Interval{holds_zero ? 0 : std::min(std::abs(low), std::abs(high)),
                           std::max(std::abs(low), std::abs(high))};
  return size;
}

[[nodiscard]] Level judge_drop(const std::optional<double>& limit,
                               const std::optional<MetricDrop>& drop) {
  if (!limit || !drop || drop->drop <= *limit) return Level::stable;
  return drop->surely_above && *drop->surely_above > *limit ? Level::degraded : Level::warning;
}

}  // namespace

Worse worse_direction(std::string_view metric) {
  if (metric == "bias") return Worse::away_from_zero;
  const bool error = std::ranges::find(kErrors, metric) != kErrors.end();
  return error || metric.starts_with("latency") ? Worse::above : Worse::below;
}

std::optional<MetricDrop> metric_drop(Worse worse, const MetricEstimate& other,
                                      const MetricEstimate& current) {
  if (!other.value || !current.value) return std::nullopt;
  if (worse == Worse::away_from_zero)
    return metric_drop(Worse::above, size_of(other), size_of(current));
  const MetricEstimate& larger = worse == Worse::below ? other : current;
  const MetricEstimate& smaller = worse == Worse::below ? current : other;
  MetricDrop drop{*larger.value - *smaller.value, {}};
  if (larger.interval && smaller.interval) {
    drop.surely_above = drop.drop - std::hypot(*larger.value - larger.interval->low,
                                               smaller.interval->high - *smaller.value);
  }
  return drop;
}

Level judge_metric(std::string_view metric, const MetricLimits& limits,
                   const MetricEstimate& current, const MetricEstimate& reference,
                   const MetricEstimate& champion) {
  const bool low = limits.min && *current.value < *limits.min;
  const bool high = limits.max && *current.value > *limits.max;
  if (low || high) {
    const bool may_be_chance =
        limits.sure_halves > 0 && current.interval &&
        (low ? *current.value + limits.sure_halves * (current.interval->high - *current.value) >=
                   *limits.min
             : *current.value - limits.sure_halves * (*current.value - current.interval->low) <=
                   *limits.max);
    return may_be_chance ? Level::warning : Level::degraded;
  }
  const Worse worse = worse_direction(metric);
  return std::max(judge_drop(limits.max_drop, metric_drop(worse, reference, current)),
                  judge_drop(limits.max_deficit, metric_drop(worse, champion, current)));
}

}  // namespace driftd
