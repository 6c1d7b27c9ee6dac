#include "daemon/demo/observation.h"

#include <cmath>

namespace driftd {
namespace {

// How far beyond its limit; 0 where the limit is on a p-value.
[[nodiscard]] double times_limit(const FindingPoint& point) {
  const double times = std::abs(point.statistic) / point.threshold;
  return std::isfinite(times) ? times : 0;
}

void add_series(const MonitorDetail& detail, Observation& seen) {
  for (const auto& [name, points] : detail.series) {
    const auto& [series, detector] = name;
    for (const FindingPoint& point : points) {
      if (point.level != Level::drift) continue;
      ObservedWindow& window = seen.windows[point.index];
      window.start = point.start;
      window.end = point.end;
      DriftEvidence& evidence = window.drifting[series];
      // Of several detectors that find the same series drifting the surest one is named.
      if (evidence.detector.empty() || times_limit(point) > evidence.times_limit)
        evidence = {detector, times_limit(point)};
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
