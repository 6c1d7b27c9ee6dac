// The false-alarm budget's half of the evaluator: which panes a closing window lets it judge, what
// changes when one of them does, and what is said of it.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/budget_findings.h"
#include "daemon/evaluator.h"
#include "detectors/metrics.h"

namespace driftd {
namespace {

// A monitor whose first event comes later than this share (a tenth) of its first window has seen
// too little of it: hours of a day are not the day.
constexpr DurationMs kLateShare = 10;

}  // namespace

std::vector<PaneKey> Evaluator::judged_panes(const PaneKey& window) const {
  const WindowSpec& spec = plan_of(window).model.monitored.window;
  if (spec.by_count()) return {window};
  std::vector<PaneKey> panes;
  for (DurationMs offset = spec.size - spec.hop(); offset < spec.size; offset += spec.pane_size())
    panes.push_back({window.monitor, window.pane + offset});
  return panes;
}

std::unique_ptr<Pane> Evaluator::single_pane(const PaneKey& key) {
  if (!fresh_.contains(key) && !archive_.has_pane(key)) return nullptr;
  auto pane = std::make_unique<Pane>(plan_of(key).model.monitored);
  if (const auto fresh = fresh_.find(key); fresh != fresh_.end()) {
    pane->merge(*fresh->second);
  } else if (!add_stored_pane(key, *pane)) {
    return nullptr;
  }
  return pane;
}

DurationMs Evaluator::step_of(const PaneKey& window) const {
  const BudgetPlan& budget = *plan_of(window).model.budget;
  if (budget.usual_step > 0) return budget.usual_step;
  const WindowRecord& record = archive_.windows().at(window);
  return std::max<DurationMs>(1, record.end - record.start);
}

void Evaluator::mark_active(const PaneKey& window) {
  const WindowRecord& record = archive_.windows().at(window);
  MonitorState& monitor = monitors_[window.monitor];
  monitor.active_from = std::min(monitor.active_from, record.start);
  monitor.active_until = std::max(monitor.active_until, record.end);
}

std::size_t Evaluator::monitors_sharing(const PaneKey& window) const {
  const WindowRecord& record = archive_.windows().at(window);
  const DurationMs period = plan_of(window).model.config->alerts.budget_period;
  return static_cast<std::size_t>(std::ranges::count_if(monitors_, [&](const auto& entry) {
    const MonitorState& monitor = entry.second;
    return entry.first.model == window.monitor.model && monitor.active_from < record.end &&
           monitor.active_until > record.end - period;
  }));
}

bool Evaluator::begins_late(const PaneKey& key, const Pane& pane) const {
  const WindowSpec& spec = plan_of(key).model.monitored.window;
  const BudgetWatch& watch = monitors_.at(key.monitor).columns;
  const std::optional<TimeMs> newest = watch.newest();
  return !spec.by_count() && !newest && pane.first_time - key.pane > spec.pane_size() / kLateShare;
}

void Evaluator::watch_columns(const PaneKey& window, const Pane& whole) {
  const EvaluatedModel& model = plan_of(window).model;
  if (model.budget == nullptr) return;
  const BudgetPlan& budget = *model.budget;
  const DurationMs step = step_of(window);
  BudgetWatch& watch = monitors_[window.monitor].columns;
  const std::vector<PaneKey> panes = judged_panes(window);
  for (const PaneKey& key : panes) {
    const bool is_whole = panes.size() == 1 && key == window;
    const std::unique_ptr<Pane> part = is_whole ? nullptr : single_pane(key);
    const Pane* const pane = is_whole ? &whole : part.get();
    if (pane == nullptr || pane->predictions == 0 || begins_late(key, *pane)) continue;
    const std::vector<TimeMs> changed =
        watch.take(budget.columns, key.pane, budget.series.points(pane->series),
                   budget.budget_of(budget.columns, step, monitors_sharing(window)), step);
    reopen_judged(window.monitor, changed);
  }
}

void Evaluator::rewatch_columns(const PaneKey& key, const Pane& total) {
  const EvaluatedModel& model = plan_of(key).model;
  if (model.budget == nullptr || total.predictions == 0) return;
  MonitorState& monitor = monitors_[key.monitor];
  // One that has not had its turn will be given as it is then.
  const std::optional<TimeMs> newest = monitor.columns.newest();
  if (!newest || key.pane > *newest) return;
  const BudgetModel* const judged_by = monitor.columns.model();
  const double budget = judged_by == nullptr ? 0 : judged_by->options.budget;
  const DurationMs step = model.budget->usual_step;
  monitor.changed = true;
  std::vector<TimeMs> changed = monitor.columns.take(
      model.budget->columns, key.pane, model.budget->series.points(total.series), budget, step);
  changed.push_back(key.pane);
  reopen_judged(key.monitor, changed);
}

// Labels come in any order, and what is said in the end must not hang on it: a window is judged as
// soon as it has labels enough, and those that are judged by it are judged again.
void Evaluator::watch_errors(const PaneKey& window) {
  const ModelPlan& plan = plan_of(window);
  if (plan.model.budget == nullptr || !plan.model.budget->errors) return;
  if (!has_enough_labels(plan, archive_.windows().at(window))) return;
  const BudgetPlan& budget = *plan.model.budget;
  const DurationMs step = step_of(window);
  MonitorState& monitor = monitors_[window.monitor];
  monitor.changed = true;
  for (const PaneKey& key : judged_panes(window)) {
    const std::unique_ptr<Pane> pane = single_pane(key);
    if (pane == nullptr || labelled(pane->performance) == 0) continue;
    const Point point = budget.errors->point(pane->performance);
    const std::vector<TimeMs> changed = monitor.errors.take(
        budget.performance, key.pane, {&point, 1},
        budget.budget_of(budget.performance, step, monitors_sharing(window)), step);
    for (const TimeMs start : changed) {
      const std::optional<PaneKey> other = window_first_showing({window.monitor, start});
      if (other && *other != window) archive_.change(*other).verdict_pending = true;
    }
  }
}

std::optional<PaneKey> Evaluator::window_first_showing(const PaneKey& pane) {
  const WindowSpec& spec = plan_of(pane).model.monitored.window;
  PaneKey key = pane;
  if (!spec.by_count()) key.pane = spec.first_window_of(pane.pane);
  const WindowRecord* const window = archive_.find(key);
  if (window == nullptr || !window->is_closed) return std::nullopt;
  return key;
}

void Evaluator::reopen_judged(const MonitorId& monitor, std::span<const TimeMs> panes) {
  for (const TimeMs pane : panes) {
    // The window that showed this pane first is the one that is published with its verdict.
    const std::optional<PaneKey> window = window_first_showing({monitor, pane});
    if (!window) continue;
    archive_.change(*window).features_pending = true;
  }
}

void Evaluator::publish_leaving(const PaneKey& next, const BudgetWatch& watch,
                                bool WindowRecord::* pending) {
  const TimeMs newest = judged_panes(next).back().pane;
  if (!watch.newest() || newest <= *watch.newest()) return;
  std::vector<PaneKey> leaving;
  for (auto window = archive_.windows().lower_bound({next.monitor, kNoTime});
       window != archive_.windows().end() && window->first.monitor == next.monitor; ++window) {
    const TimeMs pane = judged_panes(window->first).back().pane;
    if (!watch.is_final_after(pane, newest)) break;
    // One that has left before is amended at its own pace.
    if (window->second.*pending && watch.verdict(pane)) leaving.push_back(window->first);
  }
  for (const PaneKey& key : leaving) publish_amendment(key);
}

void Evaluator::append_budget(std::vector<Finding> findings, const PaneKey& key,
                              const WindowName& window) {
  const MonitorName monitor = name_of(key.monitor);
  for (Finding& finding : findings) {
    const std::int64_t n = finding.window.n;
    finding.monitor = monitor;
    finding.window = window;
    finding.window.n = n;
    reports_.emplace_back(std::move(finding));
  }
}

void Evaluator::report_budget(const ModelPlan& plan, const PaneKey& key, const WindowName& window,
                              const Pane& whole) {
  const EvaluatedModel& model = plan.model;
  if (model.budget == nullptr) return;
  const BudgetWatch& watch = monitors_[key.monitor].columns;
  const BudgetGroup& columns = model.budget->columns;
  const TimeMs newest = judged_panes(key).back().pane;
  const BudgetModel* const judged_by =
      watch.model() != nullptr ? watch.model() : columns.fitted.get();
  std::optional<WindowVerdict> verdict = watch.verdict(newest);
  if (!verdict && window.partial && judged_panes(key).size() == 1 && !begins_late(key, whole))
    verdict = watch.preview(newest, model.budget->series.points(whole.series));
  // One that was not judged (cut short, or without events) says so once; one that is no longer
  // looked back on keeps what was said of it.
  if (!verdict && window.revision == 0) verdict.emplace().series.resize(columns.specs.size());
  if (!verdict || judged_by == nullptr) return;
  append_budget(column_findings(*model.budget, model.monitored, *judged_by, *verdict,
                                {newest, columns.options.step}),
                key, window);
}

void Evaluator::report_errors(const ModelPlan& plan, const PaneKey& key, const WindowName& window,
                              const Pane& whole, const WindowRecord& record) {
  const EvaluatedModel& model = plan.model;
  if (model.budget == nullptr || !model.budget->errors || !has_enough_labels(plan, record)) return;
  const BudgetWatch& watch = monitors_[key.monitor].errors;
  const TimeMs newest = judged_panes(key).back().pane;
  std::optional<WindowVerdict> verdict = watch.verdict(newest);
  if (!verdict && window.partial && judged_panes(key).size() == 1) {
    const Point point = model.budget->errors->point(whole.performance);
    verdict = watch.preview(newest, {&point, 1});
  }
  if (!verdict) return;
  append_budget(error_findings(*model.budget, model.monitored.schema->task, *watch.model(),
                               *verdict, {newest, model.budget->performance.options.step}),
                key, window);
}

BudgetAlerts Evaluator::budget_alerts(const PaneKey& key) const {
  BudgetAlerts alerts;
  const EvaluatedModel& model = plan_of(key).model;
  const auto found = monitors_.find(key.monitor);
  if (model.budget == nullptr || found == monitors_.end()) return alerts;
  if (const auto learnt = found->second.columns.learning(model.budget->columns))
    alerts.learning = fmt::format("learning:{}/{}", *learnt, model.budget->columns.learn);
  const auto newest = [](const BudgetWatch& watch) {
    const std::optional<TimeMs> start = watch.newest();
    return start ? watch.verdict(*start) : std::nullopt;
  };
  if (const auto columns = newest(found->second.columns)) {
    alerts.drift = columns->alerting;
    alerts.unfamiliar = columns->unfamiliar;
  }
  if (const auto errors = newest(found->second.errors); errors && errors->alerting)
    alerts.error_reason =
        model.monitored.schema->task == Task::regression ? "high_mae" : "low_accuracy";
  return alerts;
}

void Evaluator::write_budget(const MonitorId& id, ByteWriter& out) const {
  const MonitorState& monitor = monitors_.at(id);
  out.signed_varint(monitor.active_from);
  out.signed_varint(monitor.active_until);
  const BudgetPlan* const budget = plans_[position(id.model)].model.budget.get();
  const auto write = [&](const BudgetWatch& watch, const BudgetGroup BudgetPlan::* group) {
    std::string bytes;
    ByteWriter part(bytes);
    if (budget != nullptr) watch.write(part, budget->*group);
    out.text(bytes);
  };
  write(monitor.columns, &BudgetPlan::columns);
  write(monitor.errors, &BudgetPlan::performance);
}

bool Evaluator::read_budget(ByteReader& in, const MonitorId& id) {
  MonitorState& monitor = monitors_[id];
  monitor.active_from = in.signed_varint();
  monitor.active_until = in.signed_varint();
  const std::string columns(in.text());
  const std::string errors(in.text());
  if (!in.ok()) return false;
  const EvaluatedModel& model = plans_[position(id.model)].model;
  if (model.budget == nullptr) return true;  // another policy now
  const auto read = [&](const std::string& bytes, BudgetWatch& watch, const BudgetGroup& group) {
    if (group.specs.empty() || bytes.empty()) return;
    ByteReader part(bytes);
    if (watch.read(part, group) && part.at_end()) return;
    watch = {};
    spdlog::warn(
        "model {}: what was stored of its false-alarm budget was made from other series; the "
        "windows before this start are not looked back on",
        model.monitored.schema->name);
  };
  read(columns, monitor.columns, model.budget->columns);
  read(errors, monitor.errors, model.budget->performance);
  return true;
}

}  // namespace driftd
