// The recent past of every monitor, kept in memory for the status page: the last windows of each
// series and metric, the last transitions, the state of health, the totals.
//
// A point belongs to a window; a later revision of the window replaces it, an earlier one changes
// nothing. Thread rule: any thread; one mutex, held while a report is filed or one answer is
// copied. Allocation rule: allocates while a series is younger than kMaxPoints windows and in every
// answer; a point is 64 bytes, so that a full history (kMaxSeries times kMaxPoints) takes about
// 310 MB and a model of 50 series with three detectors 2.3 MB. Failure rule: cannot fail; what goes
// beyond a limit is not kept, and counted in `dropped`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/discard.h"
#include "core/label_delays.h"
#include "core/report.h"

namespace driftd {

// What has been consumed since the process's start; see INTERFACE, "Events and counters".
struct Totals {
  std::uint64_t predictions = 0;
  std::uint64_t labels = 0;
  std::uint64_t joined = 0;
  DiscardCounts discarded;
  double events_per_second = 0;
  std::map<std::string, LabelDelays> label_delays;  // by model, of those that have labels
};

// One window of a series. A number that is not defined is NaN here, because an optional would
// double the point's size.
struct FindingPoint {
  std::int64_t index = 0;
  TimeMs start = 0;
  TimeMs end = 0;
  std::int64_t n = 0;
  double statistic = 0;
  double p_value = 0;
  double threshold = 0;  // on the statistic; one on the p-value is left out: no chart could show it
  std::int32_t revision = 0;
  Level level = Level::insufficient_data;
};

// One window of a metric. Its coverage is labelled / n.
struct MetricPoint {
  std::int64_t index = 0;
  TimeMs start = 0;
  TimeMs end = 0;
  std::int64_t n = 0;
  std::int64_t labelled = 0;
  double value = 0;
  double low = 0;
  double high = 0;
  std::int32_t revision = 0;
  Level level = Level::insufficient_data;

  [[nodiscard]] double coverage() const;  // NaN for a window without predictions
};

struct ShownHealth {
  HealthState state = HealthState::unknown;
  std::vector<std::string> reasons;
  TimeMs since = kNoTime;             // when the state began, if that is known
  std::vector<std::string> drifting;  // names of the series that drift now
};

// The window with the greatest end that any report of a monitor spoke of; `n` is the largest of
// those reports.
struct LastWindow {
  std::int64_t index = 0;
  TimeMs start = 0;
  TimeMs end = 0;
  std::int64_t n = 0;
};

// One line of the status page's table.
struct MonitorStatus {
  MonitorName monitor;
  ShownHealth health;
  std::uint64_t windows = 0;  // closed, as far as this process has heard of them
  std::optional<LastWindow> last_window;
  std::map<std::string, MetricPoint> metrics;  // the last point of each
};

// What the newest window's finding says in words, under a false-alarm budget.
struct NewestWords {
  TimeMs window_end = kNoTime;
  std::int64_t window_index = 0;
  std::string reason;
  std::string baseline;
};

// Everything that is kept of one monitor; all points are in the order of their windows' ends.
struct MonitorDetail {
  // By the names of series and detector.
  std::map<std::pair<std::string, std::string>, std::vector<FindingPoint>> series;
  std::map<std::pair<std::string, std::string>, NewestWords> words;  // by the same names
  std::map<std::string, std::vector<MetricPoint>> metrics;
  std::vector<Transition> transitions;  // in the order of their times
};

class History {
 public:
  // Windows of a series or metric: ten days of hourly ones.
  static constexpr std::size_t kMaxPoints = 240;
  // Series (by detector) and metrics of all monitors together.
  static constexpr std::size_t kMaxSeries = 20'000;
  // A limit of its own, because a monitor may have no series, and versions come from events.
  static constexpr std::size_t kMaxMonitors = 10'000;
  static constexpr std::size_t kMaxTransitions = 200;  // of each monitor
  // Points of one monitor in one answer: some 8 MB of JSON.
  static constexpr std::size_t kMaxAnswerPoints = 50'000;

  void observe(const Report& report);
  // The truth about a monitor's health; `observe` files a transition, but changes no state by it.
  void set_monitor(const MonitorName& monitor, HealthState state, std::vector<std::string> reasons,
                   TimeMs since_or_no_time, std::vector<std::string> drifting);
  void set_totals(const Totals& totals);

  [[nodiscard]] Totals totals() const;
  // By model, version and segment.
  [[nodiscard]] std::vector<MonitorStatus> monitors() const;
  // Only the health, for a probe that asks often; in the same order.
  [[nodiscard]] std::vector<std::pair<MonitorName, ShownHealth>> health() const;
  // Nothing where there is no such monitor. A monitor with very many series is told with fewer, the
  // latest, windows of each, so that the answer stays within kMaxAnswerPoints.
  [[nodiscard]] std::optional<MonitorDetail> detail(const MonitorName& monitor) const;
  // Reports and monitors that were not kept because a limit was reached.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct Monitor {
    ShownHealth health;
    std::uint64_t windows = 0;
    std::optional<LastWindow> last_window;
    MonitorDetail kept;
  };

  Monitor* monitor_of(const MonitorName& name);
  void file(Monitor& monitor, const Finding& finding);
  void file(Monitor& monitor, const MetricValue& metric);
  void file(Monitor& monitor, const Transition& transition);
  template <typename Key, typename Point>
  void keep(std::map<Key, std::vector<Point>>& by_key, Key key, const Point& point);

  mutable std::mutex mutex_;
  std::map<MonitorName, Monitor> monitors_;
  std::size_t series_ = 0;
  std::uint64_t dropped_ = 0;
  Totals totals_;
};

}  // namespace driftd
