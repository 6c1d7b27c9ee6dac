#include "daemon/history.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <variant>

namespace driftd {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// Windows by count may end at the same time; their index tells them apart.
constexpr auto kPlace = [](const auto& window) { return std::tuple(window.end, window.index); };

// Puts a point into its place among points in the order of `kPlace`, of which at most
// History::kMaxPoints are kept.
template <typename Point>
void put(std::vector<Point>& points, const Point& point) {
  const auto place = std::ranges::lower_bound(points, kPlace(point), {}, kPlace);
  if (place != points.end() && kPlace(*place) == kPlace(point)) {
    if (point.revision >= place->revision) *place = point;
    return;
  }
  if (points.size() < History::kMaxPoints) {
    points.insert(place, point);
  } else if (place != points.begin()) {
    // The oldest goes; what lies before the place moves up by one. A window older than all is not
    // kept at all.
    std::move(points.begin() + 1, place, points.begin());
    *(place - 1) = point;
  }
}

void note_window(std::optional<LastWindow>& last, std::uint64_t& windows,
                 const WindowName& window) {
  if (!last || kPlace(*last) < kPlace(window)) {
    last =
        LastWindow{.index = window.index, .start = window.start, .end = window.end, .n = window.n};
    ++windows;
  } else if (kPlace(*last) == kPlace(window)) {
    last->n = std::max(last->n, window.n);
  }
}

template <typename Point>
std::vector<Point> latest(const std::vector<Point>& points, std::size_t limit) {
  const std::size_t count = std::min(points.size(), limit);
  return {points.end() - static_cast<std::ptrdiff_t>(count), points.end()};
}

}  // namespace

double MetricPoint::coverage() const {
  return n > 0 ? static_cast<double>(labelled) / static_cast<double>(n) : kUndefined;
}

History::Monitor* History::monitor_of(const MonitorName& name) {
  if (const auto found = monitors_.find(name); found != monitors_.end()) return &found->second;
  if (monitors_.size() >= kMaxMonitors) {
    ++dropped_;
    return nullptr;
  }
  return &monitors_[name];
}

template <typename Key, typename Point>
void History::keep(std::map<Key, std::vector<Point>>& by_key, Key key, const Point& point) {
  auto found = by_key.find(key);
  if (found == by_key.end()) {
    if (series_ >= kMaxSeries) {
      ++dropped_;
      return;
    }
    found = by_key.try_emplace(std::move(key)).first;
    ++series_;
  }
  put(found->second, point);
}

void History::file(Monitor& monitor, const Finding& finding) {
  const WindowName& window = finding.window;
  note_window(monitor.last_window, monitor.windows, window);
  keep(monitor.kept.series, std::pair(finding.series, finding.detector),
       FindingPoint{.index = window.index,
                    .start = window.start,
                    .end = window.end,
                    .n = window.n,
                    .statistic = finding.statistic.value_or(kUndefined),
                    .p_value = finding.p_value.value_or(kUndefined),
                    .threshold = finding.threshold_on_p_value
                                     ? kUndefined
                                     : finding.threshold.value_or(kUndefined),
                    .revision = window.revision,
                    .level = finding.level});
  if (!finding.budget) return;
  const std::pair key(finding.series, finding.detector);
  if (!monitor.kept.series.contains(key)) return;  // a limit was reached
  NewestWords& words = monitor.kept.words[key];
  if (std::pair(window.end, window.index) < std::pair(words.window_end, words.window_index)) return;
  words = {window.end, window.index, finding.budget->reason, finding.baseline};
}

void History::file(Monitor& monitor, const MetricValue& metric) {
  const WindowName& window = metric.window;
  note_window(monitor.last_window, monitor.windows, window);
  keep(monitor.kept.metrics, metric.metric,
       MetricPoint{.index = window.index,
                   .start = window.start,
                   .end = window.end,
                   .n = window.n,
                   .labelled = metric.labelled,
                   .value = metric.value.value_or(kUndefined),
                   .low = metric.low.value_or(kUndefined),
                   .high = metric.high.value_or(kUndefined),
                   .revision = window.revision,
                   .level = metric.level});
}

void History::file(Monitor& monitor, const Transition& transition) {
  std::vector<Transition>& kept = monitor.kept.transitions;
  // After a restart a transition may be told a second time.
  const auto is_same = [&](const Transition& other) {
    return other.at == transition.at && other.from == transition.from && other.to == transition.to;
  };
  if (std::ranges::any_of(kept, is_same)) return;
  kept.insert(std::ranges::upper_bound(kept, transition.at, {}, &Transition::at), transition);
  if (kept.size() > kMaxTransitions) kept.erase(kept.begin());
}

void History::observe(const Report& report) {
  const std::scoped_lock lock(mutex_);
  std::visit(
      [this](const auto& line) {
        if (Monitor* monitor = monitor_of(line.monitor)) file(*monitor, line);
      },
      report);
}

void History::set_monitor(const MonitorName& monitor, HealthState state,
                          std::vector<std::string> reasons, TimeMs since_or_no_time,
                          std::vector<std::string> drifting) {
  const std::scoped_lock lock(mutex_);
  if (Monitor* kept = monitor_of(monitor)) {
    kept->health = {.state = state,
                    .reasons = std::move(reasons),
                    .since = since_or_no_time,
                    .drifting = std::move(drifting)};
  }
}

void History::set_totals(const Totals& totals) {
  const std::scoped_lock lock(mutex_);
  totals_ = totals;
}

Totals History::totals() const {
  const std::scoped_lock lock(mutex_);
  return totals_;
}

std::vector<MonitorStatus> History::monitors() const {
  const std::scoped_lock lock(mutex_);
  std::vector<MonitorStatus> result;
  result.reserve(monitors_.size());
  for (const auto& [name, monitor] : monitors_) {
    MonitorStatus& status = result.emplace_back(MonitorStatus{.monitor = name,
                                                              .health = monitor.health,
                                                              .windows = monitor.windows,
                                                              .last_window = monitor.last_window,
                                                              .metrics = {}});
    for (const auto& [metric, points] : monitor.kept.metrics)
      status.metrics.emplace(metric, points.back());
  }
  return result;
}

std::vector<std::pair<MonitorName, ShownHealth>> History::health() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::pair<MonitorName, ShownHealth>> result;
  result.reserve(monitors_.size());
  for (const auto& [name, monitor] : monitors_) result.emplace_back(name, monitor.health);
  return result;
}

std::optional<MonitorDetail> History::detail(const MonitorName& monitor) const {
  const std::scoped_lock lock(mutex_);
  const auto found = monitors_.find(monitor);
  if (found == monitors_.end()) return std::nullopt;
  const MonitorDetail& kept = found->second.kept;
  const std::size_t lines = std::max<std::size_t>(1, kept.series.size() + kept.metrics.size());
  const std::size_t limit = std::max<std::size_t>(1, kMaxAnswerPoints / lines);
  MonitorDetail result;
  for (const auto& [key, points] : kept.series) result.series.emplace(key, latest(points, limit));
  for (const auto& [key, points] : kept.metrics) result.metrics.emplace(key, latest(points, limit));
  result.words = kept.words;
  result.transitions = kept.transitions;
  return result;
}

std::uint64_t History::dropped() const {
  const std::scoped_lock lock(mutex_);
  return dropped_;
}

}  // namespace driftd
