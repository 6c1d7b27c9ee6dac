// The metrics' half of the evaluator: computing, comparing with the reference and the champion,
// judging.
#include <algorithm>

#include "daemon/evaluator.h"
#include "detectors/estimated_metrics.h"
#include "detectors/metrics.h"

namespace driftd {

void Evaluator::report_metrics(const ModelPlan& plan, const PaneKey& key, const WindowName& window,
                               const Pane& pane, const WindowRecord& record) {
  const auto rows = static_cast<double>(pane.predictions);
  const auto labels = static_cast<std::int64_t>(labelled(pane.performance));
  const MonitorName monitor = name_of(key.monitor);
  const Estimates champion = champion_metrics(key);
  const auto estimate_in = [](const Estimates& estimates, std::string_view metric) {
    const auto found = estimates.find(metric);
    return found == estimates.end() ? MetricEstimate{} : found->second;
  };
  const auto add = [&](const NamedMetric& metric, bool enough) {
    MetricValue& value = std::get<MetricValue>(reports_.emplace_back(MetricValue{}));
    value.monitor = monitor;
    value.metric = metric.name;
    value.window = window;
    value.value = metric.value;
    if (metric.interval) {
      value.low = metric.interval->low;
      value.high = metric.interval->high;
    }
    value.bound = metric.bound;
    value.labelled = labels;
    value.coverage = rows == 0 ? 0 : static_cast<double>(labels) / rows;
    if (!enough || !metric.value) return;
    value.level = Level::stable;
    const auto limits = plan.metrics.find(metric.name);
    if (limits == plan.metrics.end()) return;
    value.level =
        judge_metric(metric.name, limits->second, {metric.value, metric.interval},
                     estimate_in(plan.reference, metric.name), estimate_in(champion, metric.name));
  };
  if (plan.model.has_labels) {
    const bool enough = has_enough_labels(plan, record);
    for (const NamedMetric& metric :
         compute_metrics(*plan.model.monitored.schema, pane.performance)) {
      add(metric, enough);
    }
  }
  const EstimatedPerformance estimated = estimate_performance(plan.model.monitored, pane);
  for (const NamedMetric& metric : estimated.metrics)
    add(metric, static_cast<std::int64_t>(estimated.rows) >= plan.model.config->min_samples);
  const bool enough =
      static_cast<std::int64_t>(pane.latency.moments.count) >= plan.model.config->min_samples;
  for (const NamedMetric& metric : compute_latency(pane.latency)) add(metric, enough);
}

bool Evaluator::has_enough_labels(const ModelPlan& plan, const WindowRecord& record) {
  const ModelConfig& config = *plan.model.config;
  if (record.labelled < static_cast<std::uint64_t>(config.min_samples)) return false;
  return record.matured || static_cast<double>(record.labelled) >=
                               config.min_coverage * static_cast<double>(record.predictions);
}

// --- The champion

bool Evaluator::is_champion(const MonitorId& monitor) const {
  const ModelPlan& plan = plans_[position(monitor.model)];
  return plan.compares_versions && name_of(monitor).version == plan.model.config->champion;
}

const std::pair<const PaneKey, WindowRecord>* Evaluator::champion_window(const PaneKey& key) const {
  const ModelPlan& plan = plan_of(key);
  const bool by_count = plan.model.monitored.window.by_count();
  const std::pair<const PaneKey, WindowRecord>* newest = nullptr;
  for (const auto& [id, state] : monitors_) {
    if (id.model != key.monitor.model || !is_champion(id)) continue;
    if (!by_count) {
      const auto found = archive_.windows().find({id, key.pane});
      return found != archive_.windows().end() && found->second.is_closed ? &*found : nullptr;
    }
    for (auto window = archive_.windows().lower_bound({id, 0});
         window != archive_.windows().end() && window->first.monitor == id; ++window) {
      const WindowRecord& record = window->second;
      const bool is_judged = record.is_closed && has_enough_labels(plan, record);
      if (is_judged && (newest == nullptr || record.index > newest->second.index))
        newest = &*window;
    }
  }
  return newest;
}

Evaluator::Estimates Evaluator::champion_metrics(const PaneKey& key) {
  const ModelPlan& plan = plan_of(key);
  if (!plan.compares_versions || is_champion(key.monitor)) return {};
  const auto* const window = champion_window(key);
  if (window == nullptr) return {};
  const std::unique_ptr<Pane> pane = load(window->first);
  if (!pane) return {};
  Estimates estimates;
  const auto add = [&](const std::vector<NamedMetric>& metrics) {
    for (const NamedMetric& metric : metrics)
      estimates.emplace(metric.name, MetricEstimate{metric.value, metric.interval});
  };
  if (plan.model.has_labels && has_enough_labels(plan, window->second))
    add(compute_metrics(*plan.model.monitored.schema, pane->performance));
  if (static_cast<std::int64_t>(pane->latency.moments.count) >= plan.model.config->min_samples)
    add(compute_latency(pane->latency));
  return estimates;
}

void Evaluator::reopen_compared(const PaneKey& champion) {
  if (!is_champion(champion.monitor) || plan_of(champion).model.monitored.window.by_count()) return;
  for (const auto& [id, state] : monitors_) {
    if (id.model != champion.monitor.model || id == champion.monitor) continue;
    const PaneKey key{id, champion.pane};
    const WindowRecord* const window = archive_.find(key);
    if (window != nullptr && window->is_closed) archive_.change(key).performance_pending = true;
  }
}

}  // namespace driftd
