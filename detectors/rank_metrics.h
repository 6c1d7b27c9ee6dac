// Metrics that depend on the order of a window's scores or errors only, from counters over its own
// distinct values, each with its interval and, where the counters had to round, its bound.
//
// Thread rule: pure. Allocation rule: may allocate (once a window). Cannot fail.
#pragma once

#include <optional>

#include "detectors/intervals.h"
#include "windows/value_counts.h"

namespace driftd {

struct RankMetric {
  std::optional<double> value;
  std::optional<Interval> interval;
  std::optional<double> bound;  // |value - the exact one| is at most this; empty where it is exact
  double variance = 0;          // of an AUC, DeLong's
};

// The area under the ROC curve, ties counted one half (Mann-Whitney); empty with one class only.
[[nodiscard]] RankMetric roc_auc(const ValueCounts& scores);
// sum over thresholds, falling, of (recall_k - recall_{k-1}) precision_k; 0 without positives,
// empty without rows.
[[nodiscard]] RankMetric average_precision(const ValueCounts& scores);
// Of the values of kind 0; the mean of the middle two of an even number.
[[nodiscard]] RankMetric median(const ValueCounts& values);
// The nearest rank: the smallest value at or below which a share `q` of the values of kind 0 lies.
[[nodiscard]] RankMetric nearest_rank(const ValueCounts& values, double q);

}  // namespace driftd
