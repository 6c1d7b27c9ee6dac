#include "daemon/budget_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace driftd {
namespace {

// The model's errors are one or two series beside many columns, and the ones that matter most: with
// a quarter of the budget their limit is that of a whole one but for a few hundredths.
constexpr double kPerformanceShare = 0.25;
// A model's error rate moves far less by itself than its inputs do, and a week of blindness to it
// is not to be had: of one prediction in ten that is wrong, levels are taken to move by a point,
// and four points alert.
constexpr double kAssumedErrorLevelSd = 0.03;
constexpr double kAssumedErrorEffect = 0.125;
// A single series learns its noise from so many windows; fewer would make its limit wide.
constexpr std::size_t kLeastErrorWindows = 48;
// Windows that are long beside the budget's period may take less of it: an alert in every few
// windows is none that anybody asked for.
constexpr double kMostPerWindow = 1.0 / 24;
constexpr double kUnknownEvents = 200;
constexpr std::size_t kHashDigits = 12;
// Of windows by count whose duration is not known yet: about an hour of thirty days.
constexpr double kProvisionalBudget = 1.0 / 720;

[[nodiscard]] BudgetOptions options_of(const ModelConfig& config) {
  BudgetOptions options;
  options.step = config.window.count > 0 ? 0 : window_spec(config.window).pane_size();
  options.min_samples = static_cast<std::uint64_t>(std::max<std::int64_t>(2, config.min_samples));
  options.min_effect = config.alerts.min_location_effect;
  options.min_spread_effect = config.alerts.min_spread_effect;
  options.min_share_effect = config.alerts.min_share_effect;
  return options;
}

// `known`: fitted to this history before, for some options; may be null.
void learn(const BudgetPlan& plan, const BudgetHistory& history,
           const std::shared_ptr<const BudgetModel>& known, BudgetGroup& group,
           std::size_t least_windows, std::vector<std::string>* notes) {
  if (group.learn > 0 || history.windows.size() < least_windows || group.specs.empty()) return;
  BudgetOptions options = group.options;
  options.budget =
      plan.usual_step > 0 ? plan.budget_of(group, plan.usual_step, 1) : kProvisionalBudget;
  if (known != nullptr && known->options == options) {
    group.fitted = known;
  } else {
    Result<BudgetModel> model = fit_budget(group.specs, history, options);
    if (!model) {
      if (notes != nullptr) notes->push_back(model.error().message);
      return;
    }
    group.fitted = std::make_shared<const BudgetModel>(std::move(*model));
  }
  if (notes == nullptr) return;
  for (std::string& limitation : limitations(*group.fitted))
    notes->push_back(std::move(limitation));
}

[[nodiscard]] std::vector<SeriesSpec> error_specs(const PerformanceSummary& performance) {
  const auto errors = ErrorSeries::of(performance);
  return errors ? std::vector<SeriesSpec>{errors->spec()} : std::vector<SeriesSpec>{};
}

// Of a window of live traffic, as far as the configuration and the reference say.
[[nodiscard]] double usual_events(const ModelConfig& config, const Reference& reference) {
  if (config.window.count > 0) return static_cast<double>(config.window.count);
  if (reference.volume && reference.volume->median > 0)
    return static_cast<double>(reference.volume->median);
  return kUnknownEvents;
}

}  // namespace

std::string short_hash(const std::string& hash) { return hash.substr(0, kHashDigits); }

double BudgetPlan::budget_of(const BudgetGroup& group, DurationMs step,
                             std::size_t monitors) const {
  const double budget =
      budget_per_window(alerts.budget_alerts, alerts.budget_period, step, monitors);
  return group.share * std::min(kMostPerWindow, budget);
}

bool BudgetPlan::is_capped() const {
  return usual_step > 0 &&
         budget_per_window(alerts.budget_alerts, alerts.budget_period, usual_step) > kMostPerWindow;
}

ReferenceWindowVisitor BudgetPlanner::visitor() {
  return [this](const ModelSchema&, const Reference& reference, const ReferenceWindow& window) {
    if (!series_) series_.emplace(reference);
    columns_.starts.push_back(window.pane);
    columns_.windows.push_back(series_->points(window.series));
    performance_.push_back(window.performance);
    if (first_time_ == kNoTime) first_time_ = window.first_time;
    last_time_ = window.last_time;
  };
}

std::shared_ptr<const BudgetPlan> BudgetPlanner::plan(const ModelConfig& config,
                                                      const Reference& reference,
                                                      const PerformanceSummary& performance,
                                                      bool has_labels) const {
  auto plan = std::make_shared<BudgetPlan>(reference);
  plan->alerts = config.alerts;
  plan->baseline = short_hash(reference.hash);
  plan->columns.options = options_of(config);
  plan->usual_step = plan->columns.options.step;
  if (plan->usual_step == 0 && !columns_.starts.empty() && first_time_ != kNoTime) {
    plan->usual_step = (last_time_ - first_time_) / static_cast<DurationMs>(columns_.starts.size());
  }
  plan->columns.learn = static_cast<std::size_t>(config.alerts.learn);
  plan->columns.specs = plan->series.specs();
  plan->columns.anchors = plan->series.points_of(reference);
  if (has_labels) plan->errors = ErrorSeries::of(performance);
  if (plan->errors) {
    plan->performance.specs = {plan->errors->spec()};
    plan->performance.anchors = {plan->errors->point(performance)};
    plan->performance.options = plan->columns.options;
    plan->performance.stays_assumed = true;
    plan->performance.usual_events = usual_events(config, reference);
    plan->performance.options.only_rises = true;
    plan->performance.options.assumed_level_sd = kAssumedErrorLevelSd;
    plan->performance.options.assumed_effect = kAssumedErrorEffect;
    plan->performance.options.assumed_long_effect = kAssumedErrorEffect;
    plan->performance.share = kPerformanceShare;
    plan->columns.share = 1 - kPerformanceShare;
    learn(*plan, errors(*plan->errors), taken_ ? taken_->errors_model : nullptr, plan->performance,
          kLeastErrorWindows, nullptr);
  }
  learn(*plan, columns_, taken_ ? taken_->columns_model : nullptr, plan->columns, kLeastWindows,
        &plan->notes);
  if (plan->columns.learn > 0) {
    plan->notes.push_back(
        fmt::format("the first {} windows of each version are taken for normal traffic and learnt "
                    "from; until then its state is `learning`",
                    plan->columns.learn));
  } else if (plan->columns.fitted == nullptr) {
    plan->notes.push_back(fmt::format(
        "the reference has {} of the {} windows that are needed to learn a false-alarm budget "
        "from: until live windows of 7 days have been learnt, only shifts of 1 standard "
        "deviation, or 0.5 that last 24 windows, alert; `driftd baseline make` makes a baseline "
        "of known-good traffic",
        columns_.starts.size(), kLeastWindows));
  }
  return plan;
}

BudgetHistory BudgetPlanner::errors(const ErrorSeries& series) const {
  if (taken_) return taken_->errors;
  BudgetHistory errors{.starts = columns_.starts, .windows = {}};
  for (const PerformanceSummary& window : performance_)
    errors.windows.push_back({series.point(window)});
  return errors;
}

std::string BudgetPlanner::lesson(const ModelConfig& config, const Reference& reference,
                                  const PerformanceSummary& performance) const {
  const auto plan = this->plan(config, reference, performance, true);
  BudgetLesson lesson;
  lesson.alerts = config.alerts.budget_alerts;
  lesson.period = config.alerts.budget_period;
  lesson.first_time = first_time_;
  lesson.last_time = last_time_;
  lesson.columns = columns_;
  if (plan->errors) lesson.errors = errors(*plan->errors);
  lesson.columns_model = plan->columns.fitted;
  lesson.errors_model = plan->performance.fitted;
  return lesson_bytes(lesson, plan->columns.specs, plan->performance.specs);
}

bool BudgetPlanner::take_lesson(std::string_view bytes, const Reference& reference,
                                const PerformanceSummary& performance) {
  taken_ = read_lesson(bytes, SignedSeries(reference).specs(), error_specs(performance));
  if (!taken_) return false;
  columns_ = taken_->columns;
  first_time_ = taken_->first_time;
  last_time_ = taken_->last_time;
  return true;
}

}  // namespace driftd
