// What an alert tells beyond its reason words: how the model does, what was found in order of what
// it may do to the model, and what moved together.
//
// Findings are ordered by how far a series is beyond its limit times its correlation with the
// model's predictions on the reference (the root of SeriesReference::influence); a series without
// one (predictions, latency, errors) counts whole. Series belong together when they began to move
// within a factor of two of the same number of windows ago, which is how well that is known. Thread
// rule: pure. Allocation rule: may allocate (once a transition). Cannot fail.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/model.h"
#include "core/report.h"
#include "detectors/judge_metric.h"
#include "windows/reference.h"

namespace driftd {

struct AlertFacts {
  Task task = Task::binary;
  bool fell = false;                // a metric is degraded, or there are more errors than expected
  std::span<const Report> reports;  // of the window that made the transition
  const Reference* reference = nullptr;
  std::function<MetricEstimate(std::string_view)> reference_metric;
};

// Fills `performance`, `message`, `evidence` and `together`.
void tell_story(const AlertFacts& facts, Transition& transition);

}  // namespace driftd
