#include "daemon/demo/observation.h"

#include <string_view>

namespace driftd {
namespace {

// Of several detectors that find the same series drifting this one is named: its limit of 0.2 is
// known to most.
constexpr std::string_view kBestKnown = "psi";

void add_series(const MonitorDetail& detail, Observation& seen) {
  for (const auto& [name, points] : detail.series) {
    const auto& [series, detector] = name;
    for (const FindingPoint& point : points) {
      if (point.level != Level::drift) continue;
      ObservedWindow& window = seen.windows[point.index];
      window.start = point.start;
      window.end = point.end;
      DriftEvidence& evidence = window.drifting[series];
      if (evidence.detector.empty() || detector == kBestKnown) {
        evidence = {detector, point.statistic, point.threshold};
      }
    }
  }
}

void add_accuracy(const MonitorDetail& detail, Observation& seen) {
  const auto found = detail.metrics.find("accuracy");
  if (found == detail.metrics.end()) return;
  for (const MetricPoint& point : found->second) {
    ObservedWindow& window = seen.windows[point.index];
    window.start = point.start;
    window.end = point.end;
    window.predictions = point.n;
    window.accuracy = point;
  }
}

}  // namespace

Observation observe(const History& history, const PipelineTotals& totals) {
  Observation seen;
  seen.totals = totals;
  seen.events_per_second = history.totals().events_per_second;
  const std::vector<MonitorStatus> monitors = history.monitors();
  if (monitors.empty()) return seen;
  const MonitorName& name = monitors.front().monitor;
  seen.monitor = name.model + " " + name.version;
  seen.state = monitors.front().health.state;
  seen.reasons = monitors.front().health.reasons;
  if (const auto detail = history.detail(name)) {
    add_accuracy(*detail, seen);
    add_series(*detail, seen);
    seen.transitions = detail->transitions;
  }
  return seen;
}

void PooledAccuracy::add(const ObservedWindow& window) {
  ++windows;
  predictions += window.predictions;
  if (!window.accuracy || window.accuracy->labelled == 0) return;
  labelled += window.accuracy->labelled;
  right += window.accuracy->value * static_cast<double>(window.accuracy->labelled);
}

}  // namespace driftd
