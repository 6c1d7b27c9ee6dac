// A pane: everything that one monitor saw in the smallest stretch of event time, or in one run of
// predictions.
//
// Panes are commutative monoids: lanes fill their own and the evaluator adds them up. What comes
// after a window has closed is collected in a fresh pane of the same key and is added to the closed
// one in the same way. Thread rule: one owner. Failure rule: `read_*` refuse damaged bytes.
#pragma once

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "core/class_delays.h"
#include "core/clock.h"
#include "core/ids.h"
#include "core/model.h"
#include "windows/estimation.h"
#include "windows/performance.h"
#include "windows/reference.h"
#include "windows/series_summary.h"

namespace driftd {

// What the windows need to know of a model. All of it outlives every lane.
struct WindowSpec {
  DurationMs size = 0;     // by time; 0 where windows are by count
  DurationMs slide = 0;    // from one window's start to the next one's; 0: its size
  std::int64_t count = 0;  // by count; 0 where windows are by time
  DurationMs lateness = 0;
  DurationMs out_of_orderness = 0;

  [[nodiscard]] bool by_count() const { return count > 0; }
  // What follows is of windows by time only.
  [[nodiscard]] DurationMs hop() const { return slide > 0 ? slide : size; }
  // The longest stretch that every window is made of whole ones of.
  [[nodiscard]] DurationMs pane_size() const { return std::gcd(size, hop()); }
  // The key of the pane that an event time falls into: its start.
  [[nodiscard]] std::int64_t pane_of(TimeMs time) const { return floor_to(pane_size(), time); }
  // The starts of the windows that hold a pane: from the first to the last in steps of `hop`.
  [[nodiscard]] std::int64_t first_window_of(std::int64_t pane) const {
    return floor_to(hop(), pane + pane_size() - size + hop() - 1);
  }
  [[nodiscard]] std::int64_t last_window_of(std::int64_t pane) const {
    return floor_to(hop(), pane);
  }

 private:
  [[nodiscard]] static std::int64_t floor_to(DurationMs step, TimeMs time) {
    const std::int64_t below = time / step - (time % step < 0 ? 1 : 0);
    return below * step;
  }
};

struct MonitoredModel {
  const ModelSchema* schema = nullptr;
  const Reference* reference = nullptr;
  WindowSpec window;
};

struct PaneKey {
  MonitorId monitor;
  std::int64_t pane = 0;  // by time: the start in milliseconds; by count: the number of the window
  auto operator<=>(const PaneKey&) const = default;
};

struct Pane {
  explicit Pane(const MonitoredModel& model);

  std::uint64_t predictions = 0;
  std::uint64_t duplicates = 0;    // further predictions of an id, by their own times
  TimeMs first_time = kEndOfTime;  // of its predictions
  TimeMs last_time = kNoTime;
  std::vector<SeriesSummary> series;  // by position in ModelSchema::series
  LatencySummary latency;
  EstimationSummary estimation;  // stored with the features: it is of all predictions
  // Predictions by the class that they say, in the slots of core/class_delays.h; where the model
  // has labels.
  std::vector<std::uint64_t> predicted;
  PerformanceSummary performance;
  ClassDelays label_delays;  // of the labels in `performance`, by their class
  // Changed since the last checkpoint; kept by the lane, read by the coordinator.
  bool features_changed = false;
  bool performance_changed = false;

  // Whether it holds more than what labels say.
  [[nodiscard]] bool has_events() const { return predictions > 0 || duplicates > 0; }
  // Labelled rows by the class that was predicted, in the slots of `predicted`.
  [[nodiscard]] std::vector<std::uint64_t> labelled_by_prediction(const ModelSchema& model) const;

  void merge(const Pane& other);
  void write_features(std::string& out) const;
  void write_performance(std::string& out) const;
  [[nodiscard]] bool read_features(std::string_view bytes, const MonitoredModel& model);
  [[nodiscard]] bool read_performance(std::string_view bytes, const MonitoredModel& model);
};

}  // namespace driftd

template <>
struct std::hash<driftd::PaneKey> {
  std::size_t operator()(const driftd::PaneKey& key) const noexcept {
    return std::hash<driftd::MonitorId>{}(key.monitor) ^
           (static_cast<std::size_t>(key.pane) * 0x9E3779B97F4A7C15ull);
  }
};
