// The metrics' half of the evaluator: computing, comparing with the reference and the champion,
// judging.
#include <algorithm>
#include <cmath>
#include <limits>

#include "daemon/evaluator.h"
#include "detectors/estimated_metrics.h"
#include "detectors/metrics.h"

namespace driftd {
namespace {

// What the age of a window's predictions is measured from.
[[nodiscard]] TimeMs middle_of(const WindowRecord& record) {
  return record.start + (record.end - record.start) / 2;
}

}  // namespace

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
  std::map<std::string, double> by_class;
  for (std::size_t slot = 0; slot < record.class_coverage.size(); ++slot) {
    const std::string name = class_slot_name(*plan.model.monitored.schema, slot);
    if (!name.empty() && !std::isnan(record.class_coverage[slot]))
      by_class.emplace(name, record.class_coverage[slot]);
  }
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
    value.coverage_by_class = by_class;
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
  const bool is_covered = static_cast<double>(record.labelled) >=
                          config.min_coverage * static_cast<double>(record.predictions);
  return record.matured || (is_covered && !record.is_biased);
}

// --- Label maturity

const Evaluator::KnownDelays& Evaluator::delays_of(ModelIndex model) {
  const auto [found, is_new] = known_delays_.try_emplace(model);
  KnownDelays& known = found->second;
  if (!is_new) return known;
  const auto of_model = [&](auto take) {
    for (auto window = archive_.windows().lower_bound({{model, VersionIndex{}}, kNoTime});
         window != archive_.windows().end() && window->first.monitor.model == model; ++window)
      take(window->second);
  };
  // After a start nothing has been read yet: what was published before says how late it was.
  known.latest = event_times_[position(model)];
  of_model([&](const WindowRecord& window) {
    known.latest = std::max(known.latest, window.published_time);
  });
  of_model([&](const WindowRecord& window) {
    known.table.add(window.label_delays, known.latest - window.end);
  });
  for (const auto& [id, state] : monitors_) {
    if (id.model == model) known.table.add(state.label_delays, kEndOfTime);
  }
  return known;
}

bool Evaluator::has_come_of_age(const PaneKey& key, const WindowRecord& record) {
  if (!record.is_closed || !record.is_biased_by_age) return false;
  const ModelPlan& plan = plan_of(key);
  const KnownDelays& known = delays_of(key.monitor.model);
  const DurationMs age = known.latest - middle_of(record);
  for (std::size_t slot = 0; slot < class_slots(*plan.model.monitored.schema); ++slot) {
    if (known.table.coverage(slot, age).value_or(1) < plan.model.config->min_coverage) return false;
  }
  return true;
}

void Evaluator::note_class_coverage(const ModelPlan& plan, const PaneKey& key, const Pane& pane,
                                    WindowRecord& record) {
  record.class_coverage.clear();
  record.is_biased = record.is_biased_by_age = false;
  if (!plan.model.has_labels || pane.predicted.empty()) return;
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  if (record.labelled == record.predictions) {
    for (const std::uint64_t rows : pane.predicted)
      record.class_coverage.push_back(rows > 0 ? 1 : kUnknown);
    return;
  }
  const KnownDelays& known = delays_of(key.monitor.model);
  const std::vector<ClassCoverage> classes = class_coverage(
      pane.predicted, pane.labelled_by_prediction(*plan.model.monitored.schema), known.table,
      known.latest - middle_of(record), plan.model.config->min_coverage);
  bool by_prediction = false;
  bool by_delay = false;
  for (const ClassCoverage& of : classes) {
    record.class_coverage.push_back(of.share.value_or(kUnknown));
    by_prediction |= !of.is_mature_by_prediction;
    by_delay |= !of.is_mature_by_delay;
  }
  record.is_biased = by_prediction || by_delay;
  record.is_biased_by_age = by_delay && !by_prediction;
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
    if (window != nullptr && window->is_closed) archive_.change(key).verdict_pending = true;
  }
}

}  // namespace driftd
