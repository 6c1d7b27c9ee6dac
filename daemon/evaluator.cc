#include "daemon/evaluator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>

#include "core/check.h"
#include "daemon/alert_story.h"
#include "detectors/data_quality.h"
#include "detectors/model_quality.h"

namespace driftd {
namespace {

// A revision is published for late labels once they are a twentieth of the window, so that a window
// has at most some twenty revisions however many labels trickle in.
constexpr std::uint64_t kLabelStepsPerWindow = 20;
// For late predictions the distance between two revisions doubles so often: from 10 s to a week.
constexpr std::int32_t kMostDoublings = 16;

// What is called bad where the owner gives no limit of their own (DESIGN section 9).
constexpr double kLeastAccuracy = 0.8;
constexpr double kLeastF1 = 0.7;
constexpr double kLargestMeanLatencyMs = 1'000;

[[nodiscard]] const FeatureConfig* feature_config(const ModelConfig& model,
                                                  const std::string& series) {
  for (const FeatureConfig& feature : model.features) {
    if (feature.name == series) return &feature;
  }
  return nullptr;
}

// Under a budget chance must not reach the limits that nobody asked for: the metric has to lie
// beyond by 4.3 standard errors, which it does by chance in one of 100,000 windows, and one that
// the reference itself does not keep is not asked of live traffic.
constexpr double kSureHalves = 4.3 / 1.96;

void spare_chance(const std::map<std::string, MetricEstimate, std::less<>>& reference,
                  std::map<std::string, MetricLimits, std::less<>>& defaults) {
  for (auto& [name, limits] : defaults) {
    limits.sure_halves = kSureHalves;
    const auto own = reference.find(name);
    if (own == reference.end() || !own->second.value) continue;
    const double value = *own->second.value;
    if (limits.min && value < *limits.min) limits.min.reset();
    if (limits.max && value > *limits.max) limits.max.reset();
  }
}

[[nodiscard]] Alerting alerting_of(AlertOn on) {
  switch (on) {
    case AlertOn::drift: return Alerting::drift;
    case AlertOn::performance: return Alerting::performance;
    case AlertOn::both: break;
  }
  return Alerting::both;
}

[[nodiscard]] WindowName window_name(const WindowRecord& window, std::int64_t n) {
  return {window.index, window.start, window.end, n, window.revision, false};
}

}  // namespace

Evaluator::Evaluator(std::span<const EvaluatedModel> models, const Clock& clock,
                     WindowArchive& archive)
    : clock_(clock), archive_(archive) {
  for (const EvaluatedModel& model : models) plans_.push_back(plan(model));
  event_times_.assign(plans_.size(), 0);
}

Evaluator::ModelPlan Evaluator::plan(const EvaluatedModel& model) {
  ModelPlan plan;
  plan.model = model;
  const ModelConfig& config = *model.config;
  const auto limits_of = [&config](const Detector& detector, const LimitOverrides& overrides) {
    const bool is_limited = overrides.threshold || overrides.warning || overrides.p_value;
    // Under a budget distances are for reading, but where the owner gives a limit.
    if (config.alerts.policy == AlertPolicy::budget && !is_limited) {
      Limits none;
      none.is_signed = detector.is_signed;
      return none;
    }
    return limits_for(detector, overrides, config.alerts.policy == AlertPolicy::p_value,
                      config.alerts.alpha);
  };
  for (const SeriesSchema& series : model.monitored.schema->series) {
    SeriesPlan& target = plan.series.emplace_back();
    const FeatureConfig* feature = feature_config(config, series.name);
    target.quality = quality_plan(series.type, feature, config.alerts.policy);
    if (feature != nullptr && feature->detectors) {
      for (const DetectorConfig& wanted : *feature->detectors) {
        const Detector* detector = find_detector(wanted.name);
        DRIFTD_CHECK(detector != nullptr);
        const LimitOverrides overrides{wanted.warning, wanted.threshold, wanted.p_value};
        target.detectors.emplace_back(detector, limits_of(*detector, overrides));
      }
      continue;
    }
    for (const Detector& detector : detectors()) {
      const bool wanted = series.type == SeriesType::numeric ? detector.default_numeric
                                                             : detector.default_categorical;
      if (wanted) target.detectors.emplace_back(&detector, limits_of(detector, {}));
    }
  }
  for (const NamedMetric& metric : model.reference_metrics)
    plan.reference.emplace(metric.name, MetricEstimate{metric.value, metric.interval});
  plan.metrics["accuracy"].min = kLeastAccuracy;
  plan.metrics["f1"].min = kLeastF1;
  plan.metrics["latency_mean"].max = kLargestMeanLatencyMs;
  if (config.alerts.policy == AlertPolicy::budget) spare_chance(plan.reference, plan.metrics);
  for (const MetricConfig& metric : config.metrics) {
    plan.metrics[metric.name] = {metric.min, metric.max, metric.max_drop, metric.max_deficit,
                                 false};
    plan.compares_versions |= metric.max_deficit.has_value();
  }
  return plan;
}

MonitorName Evaluator::name_of(const MonitorId& id) const {
  const ModelSchema& schema = *plans_[position(id.model)].model.monitored.schema;
  return {schema.name, schema.versions->text(static_cast<std::uint32_t>(position(id.version))),
          "all"};
}

std::vector<Report> Evaluator::take_reports() { return std::exchange(reports_, {}); }

void Evaluator::absorb(const PaneKey& key, std::unique_ptr<Pane> pane) {
  std::unique_ptr<Pane>& slot = absorbed_[key];
  if (slot) {
    slot->merge(*pane);
  } else {
    slot = std::move(pane);
  }
}

// --- Panes and the windows that hold them

std::vector<PaneKey> Evaluator::windows_of(const PaneKey& pane) const {
  const WindowSpec& spec = plan_of(pane).model.monitored.window;
  if (spec.by_count()) return {pane};
  std::vector<PaneKey> windows;
  const std::int64_t last = spec.last_window_of(pane.pane);
  for (std::int64_t start = spec.first_window_of(pane.pane); start <= last; start += spec.hop())
    windows.push_back({pane.monitor, start});
  return windows;
}

std::vector<PaneKey> Evaluator::panes_of(const PaneKey& window) const {
  const WindowSpec& spec = plan_of(window).model.monitored.window;
  if (spec.by_count()) return {window};
  std::vector<PaneKey> panes;
  for (DurationMs offset = 0; offset < spec.size; offset += spec.pane_size())
    panes.push_back({window.monitor, window.pane + offset});
  return panes;
}

bool Evaluator::was_complete(const PaneKey& pane) const {
  if (archive_.has_pane(pane)) return true;
  const std::vector<PaneKey> windows = windows_of(pane);
  return std::ranges::all_of(windows,
                             [&](const PaneKey& window) { return archive_.is_forgotten(window); });
}

TimeMs Evaluator::next_end(ModelIndex model) const {
  TimeMs next = kEndOfTime;
  for (const PaneKey& key : archive_.open()) {
    const WindowRecord& window = archive_.windows().at(key);
    if (key.monitor.model == model && window.has_begun()) next = std::min(next, window.end);
  }
  return next;
}

void Evaluator::evaluate(const IsOver& is_over, bool partial) {
  known_delays_.clear();
  for (auto& [key, pane] : absorbed_) take(key, std::move(pane));
  absorbed_.clear();
  // Of windows that end together the champion's is the first, so that the others can be compared
  // with it.
  std::vector<std::tuple<TimeMs, bool, PaneKey>> over;
  for (const PaneKey& key : archive_.open()) {
    const WindowRecord& window = archive_.windows().at(key);
    if (window.has_begun() && is_over(key))
      over.emplace_back(window.end, !is_champion(key.monitor), key);
  }
  std::ranges::sort(over);
  // Windows that end together share the budget, whichever is the first to be closed.
  for (std::size_t i = 0, marked = 0; i < over.size(); ++i) {
    const TimeMs end = std::get<0>(over[i]);
    for (; marked < over.size() && std::get<0>(over[marked]) == end; ++marked)
      mark_active(std::get<2>(over[marked]));
    close(std::get<2>(over[i]), partial);
  }
  fresh_.clear();
}

void Evaluator::take(const PaneKey& key, std::unique_ptr<Pane> pane) {
  std::vector<PaneKey> windows = windows_of(key);
  std::erase_if(windows, [&](const PaneKey& window) { return archive_.is_forgotten(window); });
  if (windows.empty()) {
    too_late_ += pane->predictions;
    if (pane->predictions > 0) {
      spdlog::warn(
          "{} predictions of model {} are later than the label horizon allows: their window is "
          "final",
          pane->predictions, plan_of(key).model.monitored.schema->name);
    }
    return;
  }
  const bool is_new = !archive_.has_pane(key);
  if (is_new) {
    WindowSummaries summaries;
    pane->write_features(summaries.features);
    pane->write_performance(summaries.performance);
    archive_.put_pane(key, std::move(summaries));
  } else if (!add_to_pane(key, *pane)) {
    return;
  }
  for (const PaneKey& window : windows) add_to_window(window, *pane);
  if (is_new) fresh_.emplace(key, std::move(pane));
}

// Late labels are the usual addition, and they leave the features as they are: those bytes are kept
// unread.
bool Evaluator::add_to_pane(const PaneKey& key, const Pane& pane) {
  const MonitoredModel& model = plan_of(key).model.monitored;
  Result<WindowSummaries> stored = archive_.summaries(key);
  Pane total(model);
  const bool readable = stored && total.read_performance(stored->performance, model) &&
                        (!pane.has_events() || total.read_features(stored->features, model));
  if (!readable) {
    report_damage(key, stored ? "damaged bytes" : stored.error().message);
    return false;
  }
  total.merge(pane);
  if (pane.has_events()) rewatch_columns(key, total);
  WindowSummaries summaries;
  total.write_performance(summaries.performance);
  if (!pane.has_events()) {
    summaries.features = std::move(stored->features);
  } else {
    total.write_features(summaries.features);
  }
  archive_.put_pane(key, std::move(summaries));
  return true;
}

void Evaluator::add_to_window(const PaneKey& key, const Pane& pane) {
  const WindowSpec& spec = plan_of(key).model.monitored.window;
  WindowRecord& window = archive_.change(key);
  const bool is_first = !window.has_begun();
  if (is_first) window.published_at = clock_.now();  // a window that never begins waits from here
  if (!spec.by_count()) {
    window.start = key.pane;
    window.end = key.pane + spec.size;
  } else if (pane.predictions > 0) {
    window.start = is_first ? pane.first_time : std::min(window.start, pane.first_time);
    window.end = is_first ? pane.last_time + 1 : std::max(window.end, pane.last_time + 1);
  }
  window.predictions += pane.predictions;
  window.labelled += labelled(pane.performance);
  window.label_delays.merge(pane.label_delays);
  if (!window.is_closed) return;
  window.performance_pending = true;
  window.features_pending |= pane.has_events();
}

// --- Publishing

void Evaluator::close(const PaneKey& key, bool partial) {
  publish_leaving(key, monitors_[key.monitor].columns, &WindowRecord::features_pending);
  archive_.close(key);
  WindowRecord& window = archive_.change(key);
  const std::unique_ptr<Pane> pane = load(key);
  if (!pane) return;
  const ModelPlan& plan = plan_of(key);
  note_class_coverage(plan, key, *pane, window);
  if (!partial && has_enough_labels(plan, window))
    publish_leaving(key, monitors_[key.monitor].errors, &WindowRecord::verdict_pending);
  MonitorState& monitor = monitors_[key.monitor];
  window.index = monitor.windows++;
  monitor.changed = true;
  window.published_labelled = window.labelled;
  window.published_at = clock_.now();
  window.published_time = event_times_[position(key.monitor.model)];
  ++windows_closed_;

  const MonitorName name = name_of(key.monitor);
  WindowName reported = window_name(window, static_cast<std::int64_t>(window.predictions));
  reported.partial = partial;
  const std::size_t first_report = reports_.size();
  if (!partial) watch_columns(key, *pane);
  report_findings(plan, name, reported, *pane);
  report_budget(plan, key, reported, *pane);
  report_metrics(plan, key, reported, *pane, window);
  if (!partial) watch_errors(key);
  report_errors(plan, key, reported, *pane, window);
  if (!partial) watch_sequence(key, name, reported, *pane, first_report, true);
  reopen_compared(key);
  // A window that the end of the input cut short says little; it is shown, and health does not
  // follow it.
  if (!partial) fold_health(key, name, first_report);
}

void Evaluator::report_damage(const PaneKey& key, const std::string& why) {
  ++damaged_windows_;
  spdlog::error(
      "the stored pane {} of model {} cannot be read ({}); it is not amended and nothing is "
      "published of its windows",
      key.pane, plan_of(key).model.monitored.schema->name, why);
}

bool Evaluator::add_stored_pane(const PaneKey& key, Pane& total) {
  const MonitoredModel& model = plan_of(key).model.monitored;
  const Result<WindowSummaries> stored = archive_.summaries(key);
  Pane pane(model);
  if (!stored || !pane.read_features(stored->features, model) ||
      !pane.read_performance(stored->performance, model)) {
    report_damage(key, stored ? "damaged bytes" : stored.error().message);
    return false;
  }
  total.merge(pane);
  return true;
}

std::unique_ptr<Pane> Evaluator::load(const PaneKey& window) {
  const std::vector<PaneKey> panes = panes_of(window);
  // The usual window is one pane, which has just become complete.
  if (const auto fresh = fresh_.find(window); panes.size() == 1 && fresh != fresh_.end()) {
    std::unique_ptr<Pane> pane = std::move(fresh->second);
    fresh_.erase(fresh);
    return pane;
  }
  auto total = std::make_unique<Pane>(plan_of(window).model.monitored);
  for (const PaneKey& key : panes) {
    if (const auto fresh = fresh_.find(key); fresh != fresh_.end()) {
      total->merge(*fresh->second);
    } else if (archive_.has_pane(key) && !add_stored_pane(key, *total)) {
      return nullptr;
    }
  }
  return total;
}

bool Evaluator::due(const PaneKey& key, const WindowRecord& window) {
  if (window.performance_pending && window.labelled == window.predictions &&
      !window.features_pending)
    return true;
  const DurationMs interval = plan_of(key).model.config->amend_interval;
  const DurationMs passed =
      std::max(event_times_[position(key.monitor.model)] - window.published_time,
               clock_.now() - window.published_at);
  if (passed < interval) return false;
  if (has_come_of_age(key, window)) return true;
  // Rounded up: 39 predictions in steps of one would be 39 revisions.
  const std::uint64_t step = (window.predictions + kLabelStepsPerWindow - 1) / kLabelStepsPerWindow;
  if (window.labelled >= window.published_labelled + step) return true;
  // Late predictions may trickle in for a horizon, too, and so may the labels of the windows that
  // it is judged by: each revision waits twice as long.
  return (window.features_pending || window.verdict_pending) &&
         passed / (DurationMs{1} << std::min(window.revision, kMostDoublings)) >= interval;
}

void Evaluator::amend(bool all) {
  known_delays_.clear();
  for (const bool champions : {true, false}) {
    for (const auto& [key, window] : archive_.windows()) {
      if (!window.is_pending() && !has_come_of_age(key, window)) continue;
      if (is_champion(key.monitor) != champions) continue;
      if (all || due(key, window)) publish_amendment(key);
    }
  }
}

void Evaluator::publish_amendment(const PaneKey& key) {
  const std::unique_ptr<Pane> pane = load(key);
  if (!pane) return;
  const ModelPlan& plan = plan_of(key);
  WindowRecord& window = archive_.change(key);
  note_class_coverage(plan, key, *pane, window);
  if (has_enough_labels(plan, window))
    publish_leaving(key, monitors_[key.monitor].errors, &WindowRecord::verdict_pending);
  ++window.revision;
  window.published_labelled = window.labelled;
  window.published_at = clock_.now();
  window.published_time = event_times_[position(key.monitor.model)];
  const MonitorName name = name_of(key.monitor);
  const WindowName reported = window_name(window, static_cast<std::int64_t>(window.predictions));
  const std::size_t first_report = reports_.size();
  if (window.features_pending) {
    report_findings(plan, name, reported, *pane);
    report_budget(plan, key, reported, *pane);
  }
  report_metrics(plan, key, reported, *pane, window);
  watch_errors(key);
  report_errors(plan, key, reported, *pane, window);
  window.features_pending = window.performance_pending = window.verdict_pending = false;
  watch_sequence(key, name, reported, *pane, first_report, false);
  reopen_compared(key);
  fold_health(key, name, first_report);
}

std::vector<Report> Evaluator::recall(std::size_t windows_per_monitor) {
  std::map<MonitorId, std::vector<std::pair<TimeMs, PaneKey>>> newest;
  for (const auto& [key, window] : archive_.windows()) {
    if (window.is_closed && !window.is_pending()) newest[key.monitor].emplace_back(window.end, key);
  }
  std::vector<Report> before = std::exchange(reports_, {});
  for (auto& [monitor, windows] : newest) {
    std::sort(windows.begin(), windows.end());
    const std::size_t left_out = windows.size() - std::min(windows.size(), windows_per_monitor);
    for (std::size_t i = left_out; i < windows.size(); ++i) {
      const PaneKey& key = windows[i].second;
      const std::unique_ptr<Pane> pane = load(key);
      if (!pane) continue;
      const WindowRecord& window = archive_.windows().at(key);
      const WindowName reported =
          window_name(window, static_cast<std::int64_t>(window.predictions));
      report_findings(plan_of(key), name_of(monitor), reported, *pane);
      report_budget(plan_of(key), key, reported, *pane);
      report_metrics(plan_of(key), key, reported, *pane, window);
      report_errors(plan_of(key), key, reported, *pane, window);
    }
  }
  for (const auto& [id, monitor] : monitors_) {
    std::vector<Finding> said;
    monitor.sequential.recall(name_of(id), said);
    report_sequence(id.model, said);
  }
  return std::exchange(reports_, std::move(before));
}

void Evaluator::mature(ModelIndex model, TimeMs predictions_until, TimeMs labels_until) {
  const TimeMs until = std::min(predictions_until, labels_until);
  const DurationMs horizon = plans_[position(model)].model.config->label_horizon;
  const TimeMs now = clock_.now();
  known_delays_.clear();
  std::vector<PaneKey> gone;
  for (const auto& [key, window] : archive_.windows()) {
    if (key.monitor.model != model || (!window.is_closed && window.has_begun())) continue;
    const bool passed = until != kNoTime && window.end <= until - horizon;
    const bool waited = labels_until == kEndOfTime && now - window.published_at >= horizon;
    if (passed || waited) gone.push_back(key);
  }
  std::ranges::stable_partition(gone, [&](const PaneKey& key) { return is_champion(key.monitor); });
  for (const PaneKey& key : gone) {
    const ModelPlan& plan = plan_of(key);
    WindowRecord& window = archive_.change(key);
    const bool was_judged = !window.is_biased && static_cast<double>(window.published_labelled) >=
                                                     plan.model.config->min_coverage *
                                                         static_cast<double>(window.predictions);
    window.matured = true;
    if (!window.is_closed) continue;
    if (window.is_pending() || (plan.model.has_labels && !was_judged)) publish_amendment(key);
  }
  std::ranges::sort(gone, {}, [&](const PaneKey& key) { return archive_.windows().at(key).index; });
  for (const PaneKey& key : gone) {
    end_sequence(key);
    forget(key);
  }
}

// A pane stays as long as a window that holds it.
void Evaluator::forget(const PaneKey& key) {
  MonitorState& monitor = monitors_[key.monitor];
  monitor.label_delays.merge(archive_.windows().at(key).label_delays);
  monitor.changed = true;
  archive_.forget(key);
  for (const PaneKey& pane : panes_of(key)) {
    const std::vector<PaneKey> windows = windows_of(pane);
    const bool is_needed = std::ranges::any_of(
        windows, [&](const PaneKey& window) { return archive_.find(window) != nullptr; });
    if (!is_needed) archive_.erase_pane(pane);
  }
}

void Evaluator::report_findings(const ModelPlan& plan, const MonitorName& monitor,
                                const WindowName& window, const Pane& pane) {
  const std::int64_t min_samples = plan.model.config->min_samples;
  const std::string baseline = short_hash(plan.model.monitored.reference->hash);
  const auto add = [&](std::string_view series, std::string_view detector, const Verdict& verdict) {
    Finding& finding = std::get<Finding>(reports_.emplace_back(Finding{}));
    finding.monitor = monitor;
    finding.series = series;
    finding.detector = detector;
    finding.window = window;
    finding.window.n = verdict.n;
    finding.statistic = verdict.statistic;
    finding.low = verdict.low;
    finding.high = verdict.high;
    finding.p_value = verdict.p_value;
    finding.bound = verdict.bound;
    finding.threshold = verdict.threshold;
    finding.threshold_on_p_value = verdict.threshold_on_p_value;
    finding.level = verdict.level;
    finding.baseline = baseline;
  };
  for (std::size_t i = 0; i < plan.series.size(); ++i) {
    const SeriesReference& reference = plan.model.monitored.reference->series[i];
    const Comparison samples = compare(reference, pane.series[i]);
    for (const auto& [detector, limits] : plan.series[i].detectors) {
      add(reference.name, detector->name, judge(run(*detector, samples), limits, min_samples));
    }
    for (const auto& [check, limits] : plan.series[i].quality) {
      add(reference.name, check->name,
          judge(run(*check, reference, pane.series[i]), limits, min_samples));
    }
  }
  check_model(plan.model.monitored, *plan.model.config, plan.model.has_labels, window, pane,
              [&](std::string_view check, const Verdict& verdict) {
                add(kPredictionsSeries, check, verdict);
              });
}

SequentialWatches& Evaluator::sequential_of(const PaneKey& key, std::int64_t next_window) {
  MonitorState& monitor = monitors_[key.monitor];
  monitor.sequential.configure(plan_of(key).model.config->sequential, next_window);
  // What is no longer watched must not keep the monitor degraded.
  std::erase_if(monitor.health.sequential,
                [&](const auto& entry) { return !monitor.sequential.has(entry.first); });
  return monitor.sequential;
}

void Evaluator::watch_sequence(const PaneKey& key, const MonitorName& monitor,
                               const WindowName& window, const Pane& pane, std::size_t first_report,
                               bool closing) {
  const EvaluatedModel& model = plan_of(key).model;
  const std::int64_t next = closing ? window.index : monitors_[key.monitor].windows;
  SequentialWatches& watches = sequential_of(key, next);
  if (watches.empty()) return;
  std::vector<Finding> said;
  watches.take(model.config->sequential, monitor, window, model.monitored, pane,
               std::span<const Report>(reports_).subspan(first_report), closing, said);
  report_sequence(key.monitor.model, said);
}

void Evaluator::report_sequence(ModelIndex model, std::vector<Finding>& said) {
  const Reference& reference = *plans_[position(model)].model.monitored.reference;
  for (Finding& finding : said) {
    finding.baseline = short_hash(reference.hash);
    reports_.emplace_back(std::move(finding));
  }
}

void Evaluator::end_sequence(const PaneKey& key) {
  SequentialWatches& watches = sequential_of(key, monitors_[key.monitor].windows);
  if (watches.empty()) return;
  monitors_[key.monitor].changed = true;
  const WindowRecord& window = archive_.windows().at(key);
  const MonitorName monitor = name_of(key.monitor);
  const std::size_t first_report = reports_.size();
  std::vector<Finding> said;
  watches.give_up(monitor, window_name(window, static_cast<std::int64_t>(window.predictions)),
                  said);
  report_sequence(key.monitor.model, said);
  if (!said.empty()) fold_health(key, monitor, first_report);
}

void Evaluator::fold_health(const PaneKey& key, const MonitorName& monitor,
                            std::size_t first_report) {
  MonitorState& state = monitors_[key.monitor];
  state.changed = true;
  const std::span<const Report> reports(reports_.data() + first_report,
                                        reports_.size() - first_report);
  std::optional<Transition> transition = state.health.update(
      monitor, reports, budget_alerts(key), alerting_of(plan_of(key).model.config->alerts.on));
  if (!transition) return;
  if (transition->to == HealthState::degraded || transition->to == HealthState::critical) {
    const bool was_alerting =
        transition->from == HealthState::degraded || transition->from == HealthState::critical;
    alerts_ += !was_alerting;
  }
  tell(key, reports, *transition);
  reports_.emplace_back(std::move(*transition));
}

void Evaluator::tell(const PaneKey& key, std::span<const Report> reports,
                     Transition& transition) const {
  const ModelPlan& plan = plan_of(key);
  const MonitorHealth& health = monitors_.at(key.monitor).health;
  AlertFacts facts;
  facts.task = plan.model.monitored.schema->task;
  facts.fell =
      !budget_alerts(key).error_reason.empty() ||
      std::ranges::any_of(health.metrics, [](const auto& metric) {
        return metric.second.level == Level::degraded && !metric.first.starts_with("latency");
      });
  facts.reports = reports;
  facts.reference = plan.model.monitored.reference;
  facts.reference_metric = [&](std::string_view metric) {
    const auto found = plan.reference.find(metric);
    return found == plan.reference.end() ? MetricEstimate{} : found->second;
  };
  tell_story(facts, transition);
}

}  // namespace driftd
