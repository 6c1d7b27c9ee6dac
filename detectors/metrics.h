// Performance metrics from the mergeable state of windows/performance.h, with scikit-learn's names
// and conventions, each with its 95 % confidence interval (detectors/intervals.h).
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
#include "detectors/intervals.h"
#include "windows/performance.h"

namespace driftd {

struct NamedMetric {
  std::string_view name;
  std::optional<double> value;
  std::optional<Interval> interval;  // never without a value
  std::optional<double> bound;       // how far the value may be off; empty where it is exact
};

// All metrics of the task, in the order of the documentation.
[[nodiscard]] std::vector<NamedMetric> compute_metrics(const ModelSchema& model,
                                                       const PerformanceSummary& performance);

// latency_mean, latency_p50, latency_p90 and latency_p99, in milliseconds.
[[nodiscard]] std::vector<NamedMetric> compute_latency(const LatencySummary& latency);

}  // namespace driftd
