// Performance metrics from the mergeable state of windows/performance.h, with scikit-learn's names
// and conventions.
//
// 0/0 in precision, recall, F1 and MCC is 0; a metric that is not defined is an empty optional.
// Binary class metrics are of the positive class; macro averages run over the classes that occur
// among labels or predictions. Thread rule: pure. Allocation rule: may allocate (once a window).
// Cannot fail.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/model.h"
#include "windows/performance.h"

namespace driftd {

struct NamedMetric {
  std::string_view name;
  std::optional<double> value;
};

// All metrics of the task, in the order of the documentation.
[[nodiscard]] std::vector<NamedMetric> compute_metrics(const ModelSchema& model,
                                                       const PerformanceSummary& performance);

// latency_mean and latency_p99, in milliseconds.
[[nodiscard]] std::vector<NamedMetric> compute_latency(const LatencySummary& latency);

// The area under the ROC curve, ties counted one half (Mann-Whitney); empty with one class only.
[[nodiscard]] std::optional<double> roc_auc(const ValueCounts& scores);
// sum over thresholds, falling, of (recall_k - recall_{k-1}) precision_k; 0 without positives,
// empty without rows.
[[nodiscard]] std::optional<double> average_precision(const ValueCounts& scores);

}  // namespace driftd
