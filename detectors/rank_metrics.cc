#include "detectors/rank_metrics.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace driftd {
namespace {

using Entries = std::span<const ValueCounts::Entry>;

// Values that were rounded into one cell may have been ordered in any way, and rounding orders no
// two cells anew: each pair in a cell, counted one half, is one half off at most.
[[nodiscard]] double auc_bound(Entries entries, double positives, double negatives) {
  double pairs = 0;
  for (const ValueCounts::Entry& entry : entries)
    pairs += static_cast<double>(entry.count[0]) * entry.count[1];
  return pairs / (2 * positives * negatives);
}

// Within a cell, the precision at a positive is largest where all positives come first and least
// where it alone comes after all negatives.
[[nodiscard]] double precision_bound(Entries entries, double positives, double value) {
  double found = 0;
  double taken = 0;
  double most = 0;
  double least = 0;
  for (std::size_t i = entries.size(); i-- > 0;) {
    const double ours = entries[i].count[1];
    const double others = entries[i].count[0];
    most += ours * ((found + ours) / (taken + ours + (ours == 0 ? 1 : 0)));
    least += ours * ((found + 1) / (taken + others + 1));
    found += ours;
    taken += ours + others;
  }
  return std::max(most / positives - value, value - least / positives);
}

[[nodiscard]] double value_at(Entries entries, std::uint64_t rank) {  // counted from 0
  for (const ValueCounts::Entry& entry : entries) {
    if (rank < entry.count[0]) return entry.value;
    rank -= entry.count[0];
  }
  return entries.back().value;
}

[[nodiscard]] RankMetric quantile_of(const ValueCounts& values, Entries entries, double value,
                                     double q) {
  RankMetric metric;
  metric.value = value;
  metric.interval = quantile_interval(entries, q);
  if (metric.interval)
    metric.interval = containing(value, metric.interval->low, metric.interval->high);
  if (values.relative_error() > 0) metric.bound = std::abs(value) * values.relative_error();
  return metric;
}

}  // namespace

RankMetric roc_auc(const ValueCounts& scores) {
  const std::vector<ValueCounts::Entry> entries = scores.sorted();
  const auto positives = static_cast<double>(scores.total(1));
  const auto negatives = static_cast<double>(scores.total(0));
  RankMetric metric;
  const std::optional<RankEstimate> estimate = delong(entries);
  if (!estimate) return metric;
  metric.value = estimate->value;
  metric.variance = estimate->variance;
  metric.interval = auc_interval(*estimate, positives, negatives);
  if (scores.relative_error() > 0) metric.bound = auc_bound(entries, positives, negatives);
  return metric;
}

RankMetric average_precision(const ValueCounts& scores) {
  RankMetric metric;
  const auto positives = static_cast<double>(scores.total(1));
  if (scores.total(0) + scores.total(1) == 0) return metric;
  metric.value = 0;
  if (positives == 0) return metric;
  const std::vector<ValueCounts::Entry> entries = scores.sorted();
  double found = 0;
  double taken = 0;
  double sum = 0;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    found += entry->count[1];
    taken += static_cast<double>(entry->count[0]) + entry->count[1];
    sum += entry->count[1] * (found / taken);
  }
  metric.value = sum / positives;
  metric.interval = average_precision_interval(entries);
  if (metric.interval)
    metric.interval = containing(*metric.value, metric.interval->low, metric.interval->high);
  if (scores.relative_error() > 0)
    metric.bound = precision_bound(entries, positives, *metric.value);
  return metric;
}

RankMetric median(const ValueCounts& values) {
  const std::uint64_t n = values.total(0);
  if (n == 0) return {};
  const std::vector<ValueCounts::Entry> entries = values.sorted();
  const double value = n % 2 == 1 ? value_at(entries, n / 2)
                                  : (value_at(entries, n / 2 - 1) + value_at(entries, n / 2)) / 2;
  return quantile_of(values, entries, value, 0.5);
}

RankMetric nearest_rank(const ValueCounts& values, double q) {
  const std::uint64_t n = values.total(0);
  if (n == 0) return {};
  const std::vector<ValueCounts::Entry> entries = values.sorted();
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(n)));
  return quantile_of(values, entries, value_at(entries, std::max<std::uint64_t>(rank, 1) - 1), q);
}

}  // namespace driftd
