// Closed windows in, reports out: runs the detectors, computes the metrics, folds health, and
// publishes revisions.
//
// Thread rule: the coordinator's thread. Allocation rule: may allocate; it works once a window, not
// once an event. Failure rule: a stored summary that cannot be read is logged, counted in
// `damaged_windows` and never published.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/clock.h"
#include "core/report.h"
#include "detectors/judge.h"
#include "health/health.h"
#include "state/window_archive.h"
#include "windows/pane.h"

namespace driftd {

// A model as the evaluator needs it: what is monitored, and against which limits.
struct EvaluatedModel {
  MonitoredModel monitored;
  const ModelConfig* config = nullptr;
  bool has_labels = false;
};

struct MonitorState {
  std::int64_t windows = 0;  // closed so far; the index of the next one
  MonitorHealth health;
  bool changed = false;  // since the last checkpoint
};

class Evaluator {
 public:
  Evaluator(std::span<const EvaluatedModel> models, const Clock& clock, WindowArchive& archive);

  // Takes a pane of a window that has closed, or an addition to one that closed before.
  void absorb(const PaneKey& key, std::unique_ptr<Pane> pane);

  // Evaluates everything absorbed since the last call, in order of the windows' ends: new windows
  // get revision 0, additions wait for `amend`. `partial`: the input ended before these windows did
  // (replay).
  void evaluate(bool partial = false);

  // Publishes what late labels and late events changed: what is due, or everything where `all`.
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

  // True where the window of this pane has been closed.
  [[nodiscard]] bool is_closed(const PaneKey& key) {
    return archive_.find(key) != nullptr || archive_.is_forgotten(key);
  }

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
    Limits missing;
  };
  struct MetricLimits {
    std::optional<double> min;
    std::optional<double> max;
  };
  struct ModelPlan {
    EvaluatedModel model;
    std::vector<SeriesPlan> series;
    std::map<std::string, MetricLimits, std::less<>> metrics;
  };

  [[nodiscard]] static ModelPlan plan(const EvaluatedModel& model);
  [[nodiscard]] const ModelPlan& plan_of(const PaneKey& key) const {
    return plans_[position(key.monitor.model)];
  }
  void close(const PaneKey& key, const Pane& pane, bool partial);
  void add_to_closed(const PaneKey& key, const Pane& pane);
  [[nodiscard]] bool due(const ModelPlan& plan, const ClosedWindow& window) const;
  void publish_amendment(const PaneKey& key, ClosedWindow& window);
  [[nodiscard]] std::unique_ptr<Pane> load(const PaneKey& key);
  void report_damage(const PaneKey& key, const std::string& why);
  void report_findings(const ModelPlan& plan, const MonitorName& monitor, const WindowName& window,
                       const Pane& pane);
  void report_metrics(const ModelPlan& plan, const MonitorName& monitor, const WindowName& window,
                      const Pane& pane, bool matured);
  void fold_health(const PaneKey& key, const MonitorName& monitor, std::size_t first_report);

  std::vector<ModelPlan> plans_;
  const Clock& clock_;
  WindowArchive& archive_;
  std::map<PaneKey, std::unique_ptr<Pane>> absorbed_;
  std::map<MonitorId, MonitorState> monitors_;
  std::vector<Report> reports_;
  std::uint64_t windows_closed_ = 0;
  std::uint64_t alerts_ = 0;
  std::uint64_t damaged_windows_ = 0;
  std::uint64_t too_late_ = 0;
};

}  // namespace driftd
