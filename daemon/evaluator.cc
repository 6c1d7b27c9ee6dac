#include "daemon/evaluator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>

#include "core/check.h"
#include "detectors/data_quality.h"
#include "detectors/metrics.h"

namespace driftd {
namespace {

// A revision is published for late labels once they are a twentieth of the window, so that a window
// has at most some twenty revisions however many labels trickle in.
constexpr std::uint64_t kLabelStepsPerWindow = 20;

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

[[nodiscard]] WindowName window_name(const ClosedWindow& window, std::int64_t n) {
  return {window.index, window.start, window.end, n, window.revision, false};
}

}  // namespace

Evaluator::Evaluator(std::span<const EvaluatedModel> models, const Clock& clock,
                     WindowArchive& archive)
    : clock_(clock), archive_(archive) {
  for (const EvaluatedModel& model : models) plans_.push_back(plan(model));
}

Evaluator::ModelPlan Evaluator::plan(const EvaluatedModel& model) {
  ModelPlan plan;
  plan.model = model;
  const ModelConfig& config = *model.config;
  const bool by_p_value = config.policy == AlertPolicy::p_value;
  for (const SeriesSchema& series : model.monitored.schema->series) {
    SeriesPlan& target = plan.series.emplace_back();
    const FeatureConfig* feature = feature_config(config, series.name);
    if (feature != nullptr) target.missing.threshold = feature->max_missing;
    target.missing.exclusive = true;
    if (feature != nullptr && feature->detectors) {
      for (const DetectorConfig& wanted : *feature->detectors) {
        const Detector* detector = find_detector(wanted.name);
        DRIFTD_CHECK(detector != nullptr);
        const LimitOverrides overrides{wanted.warning, wanted.threshold, wanted.p_value};
        target.detectors.emplace_back(detector,
                                      limits_for(*detector, overrides, by_p_value, config.alpha));
      }
      continue;
    }
    for (const Detector& detector : detectors()) {
      const bool wanted = series.type == SeriesType::numeric ? detector.default_numeric
                                                             : detector.default_categorical;
      if (wanted)
        target.detectors.emplace_back(&detector,
                                      limits_for(detector, {}, by_p_value, config.alpha));
    }
  }
  plan.metrics["accuracy"].min = kLeastAccuracy;
  plan.metrics["f1"].min = kLeastF1;
  plan.metrics["latency_mean"].max = kLargestMeanLatencyMs;
  for (const MetricConfig& metric : config.metrics)
    plan.metrics[metric.name] = {metric.min, metric.max};
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

void Evaluator::evaluate(bool partial) {
  std::vector<std::tuple<TimeMs, PaneKey, std::unique_ptr<Pane>>> fresh;
  for (auto& [key, pane] : absorbed_) {
    if (archive_.is_forgotten(key)) {
      too_late_ += pane->predictions;
      spdlog::warn(
          "{} predictions of model {} are later than the label horizon allows: their window is "
          "final",
          pane->predictions, plan_of(key).model.monitored.schema->name);
    } else if (is_closed(key)) {
      add_to_closed(key, *pane);
    } else {
      const WindowSpec& spec = plan_of(key).model.monitored.window;
      fresh.emplace_back(spec.by_count() ? pane->last_time : key.pane + spec.size, key,
                         std::move(pane));
    }
  }
  absorbed_.clear();
  std::sort(fresh.begin(), fresh.end(), [](const auto& a, const auto& b) {
    return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
  });
  for (const auto& [end, key, pane] : fresh) close(key, *pane, partial);
}

void Evaluator::close(const PaneKey& key, const Pane& pane, bool partial) {
  const ModelPlan& plan = plan_of(key);
  const WindowSpec& spec = plan.model.monitored.window;
  MonitorState& monitor = monitors_[key.monitor];
  ClosedWindow window;
  window.index = monitor.windows++;
  monitor.changed = true;
  window.start = spec.by_count() ? pane.first_time : key.pane;
  window.end = spec.by_count() ? pane.last_time + 1 : key.pane + spec.size;
  window.predictions = pane.predictions;
  window.labelled = window.published_labelled = labelled(pane.performance);
  window.published_at = clock_.now();
  ++windows_closed_;

  const MonitorName name = name_of(key.monitor);
  WindowName reported = window_name(window, static_cast<std::int64_t>(pane.predictions));
  reported.partial = partial;
  const std::size_t first_report = reports_.size();
  report_findings(plan, name, reported, pane);
  report_metrics(plan, name, reported, pane, false);
  // A window that the end of the input cut short says little; it is shown, and health does not
  // follow it.
  if (!partial) fold_health(key, name, first_report);

  WindowSummaries summaries;
  pane.write_features(summaries.features);
  pane.write_performance(summaries.performance);
  archive_.put(key, window, std::move(summaries));
}

void Evaluator::report_damage(const PaneKey& key, const std::string& why) {
  ++damaged_windows_;
  spdlog::error(
      "the stored window {} of model {} cannot be read ({}); it is not amended and nothing is "
      "published of it",
      key.pane, plan_of(key).model.monitored.schema->name, why);
}

std::unique_ptr<Pane> Evaluator::load(const PaneKey& key) {
  const MonitoredModel& model = plan_of(key).model.monitored;
  auto pane = std::make_unique<Pane>(model);
  const Result<WindowSummaries> stored = archive_.summaries(key);
  if (stored && pane->read_features(stored->features, model) &&
      pane->read_performance(stored->performance, model)) {
    return pane;
  }
  report_damage(key, stored ? "damaged bytes" : stored.error().message);
  return nullptr;
}

void Evaluator::add_to_closed(const PaneKey& key, const Pane& pane) {
  const MonitoredModel& model = plan_of(key).model.monitored;
  Result<WindowSummaries> stored = archive_.summaries(key);
  // Late labels are the usual case, and they leave the features as they are: those bytes are kept
  // unread.
  Pane total(model);
  const bool readable = stored && total.read_performance(stored->performance, model) &&
                        (pane.predictions == 0 || total.read_features(stored->features, model));
  if (!readable) {
    report_damage(key, stored ? "damaged bytes" : stored.error().message);
    return;
  }
  total.merge(pane);
  ClosedWindow window = *archive_.find(key);
  window.performance_pending = true;
  window.labelled = labelled(total.performance);
  WindowSummaries summaries;
  total.write_performance(summaries.performance);
  if (pane.predictions == 0) {
    summaries.features = std::move(stored->features);
  } else {
    window.features_pending = true;
    window.predictions = total.predictions;
    total.write_features(summaries.features);
  }
  archive_.put(key, window, std::move(summaries));
}

bool Evaluator::due(const ModelPlan& plan, const ClosedWindow& window) const {
  if (window.labelled == window.predictions) return true;
  if (clock_.now() - window.published_at < plan.model.config->amend_interval) return false;
  if (window.features_pending) return true;
  // Rounded up: 39 predictions in steps of one would be 39 revisions.
  const std::uint64_t step = (window.predictions + kLabelStepsPerWindow - 1) / kLabelStepsPerWindow;
  return window.labelled >= window.published_labelled + step;
}

void Evaluator::amend(bool all) {
  for (auto& [key, record] : archive_.records()) {
    ClosedWindow& window = record.window;
    if (!window.features_pending && !window.performance_pending) continue;
    if (all || due(plan_of(key), window)) publish_amendment(key, window);
  }
}

void Evaluator::publish_amendment(const PaneKey& key, ClosedWindow& window) {
  const std::unique_ptr<Pane> pane = load(key);
  if (!pane) return;
  const ModelPlan& plan = plan_of(key);
  ++window.revision;
  window.published_labelled = window.labelled;
  window.published_at = clock_.now();
  if (plan.model.monitored.window.by_count()) {
    window.start = pane->first_time;
    window.end = pane->last_time + 1;
  }
  const MonitorName name = name_of(key.monitor);
  const WindowName reported = window_name(window, static_cast<std::int64_t>(window.predictions));
  const std::size_t first_report = reports_.size();
  if (window.features_pending) report_findings(plan, name, reported, *pane);
  report_metrics(plan, name, reported, *pane, window.matured);
  window.features_pending = window.performance_pending = false;
  archive_.mark_changed(key);
  fold_health(key, name, first_report);
}

std::vector<Report> Evaluator::recall(std::size_t windows_per_monitor) {
  std::map<MonitorId, std::vector<std::pair<TimeMs, PaneKey>>> newest;
  for (const auto& [key, record] : archive_.records()) {
    const ClosedWindow& window = record.window;
    if (!window.features_pending && !window.performance_pending)
      newest[key.monitor].emplace_back(window.end, key);
  }
  std::vector<Report> before = std::exchange(reports_, {});
  for (auto& [monitor, windows] : newest) {
    std::sort(windows.begin(), windows.end());
    const std::size_t left_out = windows.size() - std::min(windows.size(), windows_per_monitor);
    for (std::size_t i = left_out; i < windows.size(); ++i) {
      const PaneKey& key = windows[i].second;
      const std::unique_ptr<Pane> pane = load(key);
      if (!pane) continue;
      const ClosedWindow& window = *archive_.find(key);
      const WindowName reported =
          window_name(window, static_cast<std::int64_t>(window.predictions));
      report_findings(plan_of(key), name_of(monitor), reported, *pane);
      report_metrics(plan_of(key), name_of(monitor), reported, *pane, window.matured);
    }
  }
  return std::exchange(reports_, std::move(before));
}

void Evaluator::mature(ModelIndex model, TimeMs predictions_until, TimeMs labels_until) {
  const TimeMs until = std::min(predictions_until, labels_until);
  const DurationMs horizon = plans_[position(model)].model.config->label_horizon;
  const TimeMs now = clock_.now();
  std::vector<PaneKey> gone;
  for (auto& [key, record] : archive_.records()) {
    ClosedWindow& window = record.window;
    if (key.monitor.model != model) continue;
    const bool passed = until != kNoTime && window.end <= until - horizon;
    const bool waited = labels_until == kEndOfTime && now - window.published_at >= horizon;
    if (!passed && !waited) continue;
    const ModelPlan& plan = plan_of(key);
    const bool was_judged =
        static_cast<double>(window.published_labelled) >=
        plan.model.config->min_coverage * static_cast<double>(window.predictions);
    window.matured = true;
    const bool pending = window.performance_pending || window.features_pending;
    if (pending || (plan.model.has_labels && !was_judged)) {
      publish_amendment(key, window);
    }
    gone.push_back(key);
  }
  for (const PaneKey& key : gone) archive_.forget(key);
}

void Evaluator::report_findings(const ModelPlan& plan, const MonitorName& monitor,
                                const WindowName& window, const Pane& pane) {
  const std::int64_t min_samples = plan.model.config->min_samples;
  const auto add = [&](const std::string& series, std::string_view detector, const Outcome& outcome,
                       const Limits& limits) {
    const Verdict verdict = judge(outcome, limits, min_samples);
    Finding& finding = std::get<Finding>(reports_.emplace_back(Finding{}));
    finding.monitor = monitor;
    finding.series = series;
    finding.detector = detector;
    finding.window = window;
    finding.window.n = verdict.n;
    finding.statistic = verdict.statistic;
    finding.p_value = verdict.p_value;
    finding.threshold = verdict.threshold;
    finding.threshold_on_p_value = verdict.threshold_on_p_value;
    finding.level = verdict.level;
  };
  for (std::size_t i = 0; i < plan.series.size(); ++i) {
    const SeriesReference& reference = plan.model.monitored.reference->series[i];
    for (const auto& [detector, limits] : plan.series[i].detectors) {
      add(reference.name, detector->name, run(*detector, reference, pane.series[i]), limits);
    }
    for (const QualityShare& share : data_quality(pane.series[i], pane.predictions)) {
      add(reference.name, share.name, share.outcome,
          share.name == "missing" ? plan.series[i].missing : Limits{});
    }
  }
}

void Evaluator::report_metrics(const ModelPlan& plan, const MonitorName& monitor,
                               const WindowName& window, const Pane& pane, bool matured) {
  const auto rows = static_cast<double>(pane.predictions);
  const auto labels = static_cast<std::int64_t>(labelled(pane.performance));
  const double coverage = rows == 0 ? 0 : static_cast<double>(labels) / rows;
  const ModelConfig& config = *plan.model.config;
  const auto add = [&](const NamedMetric& metric, bool enough) {
    MetricValue& value = std::get<MetricValue>(reports_.emplace_back(MetricValue{}));
    value.monitor = monitor;
    value.metric = metric.name;
    value.window = window;
    value.value = metric.value;
    value.labelled = labels;
    value.coverage = coverage;
    if (!enough || !metric.value) return;
    value.level = Level::stable;
    const auto limits = plan.metrics.find(metric.name);
    if (limits == plan.metrics.end()) return;
    const bool low = limits->second.min && *metric.value < *limits->second.min;
    const bool high = limits->second.max && *metric.value > *limits->second.max;
    if (low || high) value.level = Level::degraded;
  };
  if (plan.model.has_labels) {
    const bool enough =
        labels >= config.min_samples && (matured || coverage >= config.min_coverage);
    for (const NamedMetric& metric :
         compute_metrics(*plan.model.monitored.schema, pane.performance)) {
      add(metric, enough);
    }
  }
  const bool enough = static_cast<std::int64_t>(pane.latency.moments.count) >= config.min_samples;
  for (const NamedMetric& metric : compute_latency(pane.latency)) add(metric, enough);
}

void Evaluator::fold_health(const PaneKey& key, const MonitorName& monitor,
                            std::size_t first_report) {
  MonitorState& state = monitors_[key.monitor];
  state.changed = true;
  const std::span<const Report> reports(reports_.data() + first_report,
                                        reports_.size() - first_report);
  std::optional<Transition> transition = state.health.update(monitor, reports);
  if (!transition) return;
  if (transition->to == HealthState::degraded || transition->to == HealthState::critical) {
    const bool was_alerting =
        transition->from == HealthState::degraded || transition->from == HealthState::critical;
    alerts_ += !was_alerting;
  }
  reports_.emplace_back(std::move(*transition));
}

}  // namespace driftd
