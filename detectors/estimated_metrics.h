// Performance without labels: what the metrics of a window are to be expected to be, given its
// predictions and what the reference taught (windows/estimation_model.h).
//
// Classification is CBPE, confidence-based performance estimation: a prediction with calibrated
// probability p counts as p positives and 1 - p negatives in the confusion matrix, and the metrics
// are those of the expected matrix. Source: NannyML 0.13.1, documentation, "How it works:
// estimating performance"; compared with it in docs/estimates.md. Regression: the mean errors of
// the reference, by bins of the prediction, weighted by the window's predictions.
//
// The interval is for the metric that the window's labels will give, at 95 %, where the
// probabilities (the reference's errors) hold: labels vary about their probabilities, and the
// calibration (the bins' means) was learned from a finite reference; both by the delta method,
// normal. Assumptions: calibration holds, so no concept drift, and the window's scores lie where
// the reference has some. Do not use it as a test for concept drift: it cannot see any. Thread
// rule: pure. Allocation rule: may allocate (once a window). Cannot fail: what is not defined is
// empty.
#pragma once

#include <cstdint>
#include <vector>

#include "detectors/metrics.h"
#include "windows/pane.h"

namespace driftd {

struct EstimatedPerformance {
  std::uint64_t rows = 0;            // predictions that entered
  std::vector<NamedMetric> metrics;  // named <metric>_estimated; the interval goes with the value
};

// All estimates of the task, in the order of the documentation; none where the reference taught
// nothing. Without values where the pane has not collected its predictions from the first one on
// (estimates were switched on meanwhile).
[[nodiscard]] EstimatedPerformance estimate_performance(const MonitoredModel& model,
                                                        const Pane& pane);

}  // namespace driftd
