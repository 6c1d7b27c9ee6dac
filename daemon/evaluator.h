// Closed windows in, reports out: runs the detectors, computes the metrics, folds health, and
// publishes revisions.
//
// Thread rule: the coordinator's thread. Allocation rule: may allocate; it works once a window, not
// once an event. Failure rule: a stored summary that cannot be read is logged, counted in
// `damaged_windows` and never published.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/clock.h"
#include "core/report.h"
#include "daemon/budget_watch.h"
#include "daemon/quality_plan.h"
#include "daemon/sequential_watch.h"
#include "detectors/judge.h"
#include "detectors/judge_metric.h"
#include "detectors/label_maturity.h"
#include "detectors/metrics.h"
#include "health/health.h"
#include "state/window_archive.h"
#include "windows/pane.h"

namespace driftd {

// A model as the evaluator needs it: what is monitored, and against which limits.
struct EvaluatedModel {
  MonitoredModel monitored;
  const ModelConfig* config = nullptr;
  bool has_labels = false;
  // The reference's own metrics and latencies; without values where it has no labels.
  std::vector<NamedMetric> reference_metrics = {};
  std::shared_ptr<const BudgetPlan> budget = nullptr;  // null under another policy
};

struct MonitorState {
  std::int64_t windows = 0;  // closed so far; the index of the next one
  MonitorHealth health;
  SequentialWatches sequential;
  ClassDelays label_delays;  // of the windows that are final
  BudgetWatch columns;       // under a budget
  BudgetWatch errors;
  TimeMs active_from = kEndOfTime;  // start of the first window that it closes or has closed
  TimeMs active_until = kNoTime;    // end of the newest
  bool changed = false;             // since the last checkpoint
};

class Evaluator {
 public:
  Evaluator(std::span<const EvaluatedModel> models, const Clock& clock, WindowArchive& archive);

  // Takes a pane that is complete, or an addition to one that was taken before.
  void absorb(const PaneKey& key, std::unique_ptr<Pane> pane);

  // True where every pane of the window with this key is complete.
  using IsOver = std::function<bool(const PaneKey& window)>;

  // Adds everything absorbed since the last call to its windows; then closes the windows that are
  // over, in order of their ends, with revision 0. Additions to closed windows wait for `amend`.
  // `partial`: the input ended before these windows did (replay).
  void evaluate(const IsOver& is_over, bool partial = false);

  // When the first open window of a model ends; kEndOfTime where there is none. Windows by time.
  [[nodiscard]] TimeMs next_end(ModelIndex model) const;

  // How far the event time of a model's predictions and labels has come; never back.
  void set_event_time(ModelIndex model, TimeMs time) {
    event_times_[position(model)] = std::max(event_times_[position(model)], time);
  }

  // Publishes what late labels and late events changed: what is due, or everything where `all`. A
  // change is due when `amend_interval` has passed since the window's last revision, in event time
  // or, for a stream that stands still, by the clock.
  void amend(bool all);

  // Windows whose labels can no longer change are published a last time and forgotten: those whose
  // end + horizon lies before both event times, before which no more predictions and labels are
  // expected, and those that have stood still for a horizon while no more labels are expected at
  // all (`labels_until` is kEndOfTime).
  void mature(ModelIndex model, TimeMs predictions_until, TimeMs labels_until);

  // What was last published of the newest windows of every monitor, made again from the archive,
  // oldest first: after a restart the gauges and the page show what they showed before. Windows
  // with unpublished changes are left out.
  [[nodiscard]] std::vector<Report> recall(std::size_t windows_per_monitor);

  // True where this pane was complete before, so that more of it is an addition.
  [[nodiscard]] bool was_complete(const PaneKey& pane) const;

  // What is stored of a monitor's false-alarm budget. Of other series than those of now it is left
  // out, and the budget begins anew; false where the bytes are damaged.
  void write_budget(const MonitorId& id, ByteWriter& out) const;
  [[nodiscard]] bool read_budget(ByteReader& in, const MonitorId& id);

  [[nodiscard]] std::vector<Report> take_reports();
  [[nodiscard]] std::map<MonitorId, MonitorState>& monitors() { return monitors_; }
  [[nodiscard]] MonitorName name_of(const MonitorId& id) const;
  [[nodiscard]] std::uint64_t windows_closed() const { return windows_closed_; }
  [[nodiscard]] std::uint64_t alerts() const { return alerts_; }
  [[nodiscard]] std::uint64_t damaged_windows() const { return damaged_windows_; }
  // Predictions that came after their window was final.
  [[nodiscard]] std::uint64_t too_late() const { return too_late_; }

 private:
  struct SeriesPlan {
    std::vector<std::pair<const Detector*, Limits>> detectors;
    QualityPlan quality;
  };
  using Estimates = std::map<std::string, MetricEstimate, std::less<>>;
  struct ModelPlan {
    EvaluatedModel model;
    std::vector<SeriesPlan> series;
    std::map<std::string, MetricLimits, std::less<>> metrics;
    Estimates reference;
    bool compares_versions = false;  // a metric has a `max_deficit`
  };

  [[nodiscard]] static ModelPlan plan(const EvaluatedModel& model);
  [[nodiscard]] const ModelPlan& plan_of(const PaneKey& key) const {
    return plans_[position(key.monitor.model)];
  }
  // The keys of the windows that hold a pane, or of the panes that a window holds.
  [[nodiscard]] std::vector<PaneKey> windows_of(const PaneKey& pane) const;
  [[nodiscard]] std::vector<PaneKey> panes_of(const PaneKey& window) const;
  void take(const PaneKey& key, std::unique_ptr<Pane> pane);
  [[nodiscard]] bool add_to_pane(const PaneKey& key, const Pane& pane);
  void add_to_window(const PaneKey& key, const Pane& pane);
  void close(const PaneKey& key, bool partial);
  void forget(const PaneKey& key);
  [[nodiscard]] bool due(const PaneKey& key, const WindowRecord& window);
  void publish_amendment(const PaneKey& key);
  // The sum of a window's panes; nothing, reported as damage, where one cannot be read.
  [[nodiscard]] std::unique_ptr<Pane> load(const PaneKey& window);
  [[nodiscard]] bool add_stored_pane(const PaneKey& key, Pane& total);
  void report_damage(const PaneKey& key, const std::string& why);
  void report_findings(const ModelPlan& plan, const MonitorName& monitor, const WindowName& window,
                       const Pane& pane);
  void report_metrics(const ModelPlan& plan, const PaneKey& key, const WindowName& window,
                      const Pane& pane, const WindowRecord& record);
  // Notes in the record how far each class's labels have come, before a revision is published.
  void note_class_coverage(const ModelPlan& plan, const PaneKey& key, const Pane& pane,
                           WindowRecord& record);
  // How long labels of a model have taken, as far as is known, and until when.
  struct KnownDelays {
    TimeMs latest = kNoTime;
    DelayTable table;
  };
  [[nodiscard]] const KnownDelays& delays_of(ModelIndex model);
  // True where a window waits only until it is old enough for the labels of every class, and is.
  [[nodiscard]] bool has_come_of_age(const PaneKey& key, const WindowRecord& record);
  // Whether there are labels enough to judge by, and none of a class that is still to come.
  [[nodiscard]] static bool has_enough_labels(const ModelPlan& plan, const WindowRecord& record);
  [[nodiscard]] bool is_champion(const MonitorId& monitor) const;
  // The champion's window that a window is compared with: the same one, by count its newest that
  // could be judged. Null where there is none.
  [[nodiscard]] const std::pair<const PaneKey, WindowRecord>* champion_window(
      const PaneKey& key) const;
  // The champion's metrics that could be judged.
  [[nodiscard]] Estimates champion_metrics(const PaneKey& key);
  // The champion's window has changed: those that are compared with it are judged anew.
  void reopen_compared(const PaneKey& champion);
  // The monitor's sequential detectors, as the configuration has them.
  [[nodiscard]] SequentialWatches& sequential_of(const PaneKey& key, std::int64_t next_window);
  // Gives them a window's values; `first_report` is the first of this window and revision.
  void watch_sequence(const PaneKey& key, const MonitorName& monitor, const WindowName& window,
                      const Pane& pane, std::size_t first_report, bool closing);
  void report_sequence(ModelIndex model, std::vector<Finding>& said);
  // The window's turn is over for all that still wait for it.
  void end_sequence(const PaneKey& key);
  void fold_health(const PaneKey& key, const MonitorName& monitor, std::size_t first_report);

  // Fills in what a transition tells beyond its reasons.
  void tell(const PaneKey& key, std::span<const Report> reports, Transition& transition) const;

  // --- The false-alarm budget (evaluator_budget.cc)

  // The panes of a window that no window before it has shown: what its closing lets the budget
  // judge.
  [[nodiscard]] std::vector<PaneKey> judged_panes(const PaneKey& window) const;
  // Gives them to the budget; `whole` is the sum of all of the window's panes.
  void watch_columns(const PaneKey& window, const Pane& whole);
  // A pane that the budget has seen has changed.
  void rewatch_columns(const PaneKey& pane, const Pane& total);
  void watch_errors(const PaneKey& window);
  [[nodiscard]] std::optional<PaneKey> window_first_showing(const PaneKey& pane);
  // True of a monitor's first pane where its events begin long after it: it is not judged.
  [[nodiscard]] bool begins_late(const PaneKey& key, const Pane& pane) const;
  void report_budget(const ModelPlan& plan, const PaneKey& key, const WindowName& window,
                     const Pane& whole);
  void report_errors(const ModelPlan& plan, const PaneKey& key, const WindowName& window,
                     const Pane& whole, const WindowRecord& record);
  void append_budget(std::vector<Finding> findings, const PaneKey& key, const WindowName& window);
  // Publishes what is pending of the windows that are no longer looked back on once `next` has been
  // taken: many windows may close before the next `amend`.
  void publish_leaving(const PaneKey& next, const BudgetWatch& watch, bool WindowRecord::* pending);
  // Later windows say something else now, too, and are published again.
  void reopen_judged(const MonitorId& monitor, std::span<const TimeMs> panes);
  [[nodiscard]] std::unique_ptr<Pane> single_pane(const PaneKey& key);
  [[nodiscard]] DurationMs step_of(const PaneKey& window) const;
  void mark_active(const PaneKey& window);
  // How many monitors of the model share the budget of a window.
  [[nodiscard]] std::size_t monitors_sharing(const PaneKey& window) const;
  [[nodiscard]] BudgetAlerts budget_alerts(const PaneKey& key) const;

  std::vector<ModelPlan> plans_;
  std::vector<TimeMs> event_times_;  // by model
  const Clock& clock_;
  WindowArchive& archive_;
  std::map<PaneKey, std::unique_ptr<Pane>> absorbed_;
  // Panes that have become complete in this `evaluate`, so that they are not read back at once.
  std::map<PaneKey, std::unique_ptr<Pane>> fresh_;
  std::map<MonitorId, MonitorState> monitors_;
  std::map<ModelIndex, KnownDelays>
      known_delays_;  // made when first asked for, until the next call
  std::vector<Report> reports_;
  std::uint64_t windows_closed_ = 0;
  std::uint64_t alerts_ = 0;
  std::uint64_t damaged_windows_ = 0;
  std::uint64_t too_late_ = 0;
};

}  // namespace driftd
