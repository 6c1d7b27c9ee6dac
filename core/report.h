// What driftd says: findings, metric values, health transitions. The nouns behind the report lines.
//
// The same records go to the store, to Prometheus, to webhooks, to the status page and into a
// replay's report; their JSON form is made in one place (sinks/report_json.h). A number that is not
// defined is an empty optional, never NaN.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/clock.h"

namespace driftd {

// How bad a statistic or a metric is. `drift` is said of findings, `degraded` of metrics.
enum class Level : std::uint8_t { insufficient_data, stable, warning, drift, degraded };
[[nodiscard]] std::string_view to_string(Level level);

// `learning`: what is normal is still being learnt from live windows, so that nothing can be said.
enum class HealthState : std::uint8_t { unknown, healthy, degraded, critical, stale, learning };
[[nodiscard]] std::string_view to_string(HealthState state);
[[nodiscard]] std::optional<HealthState> health_state_from(std::string_view text);

// Which monitor is meant, in names.
struct MonitorName {
  std::string model;
  std::string version;
  std::string segment = "all";
  auto operator<=>(const MonitorName&) const = default;
};

// Which window is meant. `end` is exclusive; both are event times.
struct WindowName {
  std::int64_t index = 0;
  TimeMs start = 0;
  TimeMs end = 0;
  std::int64_t n =
      0;  // see INTERFACE: of a finding the values that entered, of a metric the predictions
  std::int32_t revision = 0;
  bool partial = false;  // the input ended before the window did (replay only)
};

// What a detector says of one series in one window.
struct Verdict {
  Level level = Level::insufficient_data;
  std::int64_t n = 0;  // values that entered the statistic
  std::optional<double> statistic;
  std::optional<double> low;  // the statistic's 95 % interval, where it has one
  std::optional<double> high;
  std::optional<double> p_value;
  std::optional<double> bound = {};  // how far the statistic may be off; empty where it is exact
  std::optional<double> threshold;   // the limit that applied, on the statistic or on the p-value
  bool threshold_on_p_value = false;
};

// What a finding under the false-alarm budget says beyond its statistic, which is the standardised
// distance Z of the window's most extreme series and scale; its threshold is the limit on |Z|.
struct BudgetDetail {
  double distance = 0;          // |Z| over its limit: above 1 stable traffic comes once in a budget
  double expected = 0;          // mean normal score, cbrt of its variance, or share; for this time
  double effect = 0;            // how far from that, on average since it began
  bool is_share = false;        // `effect` is in shares, else in standard deviations
  std::optional<double> shift;  // the same in the column's own unit, where it has one
  int windows = 0;              // it began so many windows ago, this one included
  TimeMs since = kNoTime;       // and that is the start of the first; kNoTime: windows by count
  std::string of;               // of a share, which one: "missing", "unseen", "category:DE"
  std::string reason;           // all of it in words
  // Not part of the report line: of the model's errors, which health follows as it does metrics.
  bool of_errors = false;
};

struct Finding {
  MonitorName monitor;
  std::string series;
  std::string detector;
  WindowName window;
  std::optional<double> statistic;
  // The statistic's 95 % interval, where it has one; not a column of the store.
  std::optional<double> low = std::nullopt;
  std::optional<double> high = std::nullopt;
  std::optional<double> p_value;
  std::optional<double> bound =
      {};  // of the statistic; part of the report line only where there is one
  std::optional<double> threshold;
  bool threshold_on_p_value =
      false;  // not part of the report line; lets a chart draw only what fits its axis
  Level level = Level::insufficient_data;
  std::string baseline = {};  // what it was compared with: the beginning of the reference's hash
  std::optional<BudgetDetail> budget = std::nullopt;
  // Not part of the report line: of a sequential detector over windows. Its newest level counts for
  // health, as that of a metric does, because it may wait for labels.
  bool sequential = false;
};

struct MetricValue {
  MonitorName monitor;
  std::string metric;
  WindowName window;
  std::optional<double> value;
  std::optional<double> low;  // of the 95 % confidence interval
  std::optional<double> high;
  std::int64_t labelled = 0;
  double coverage = 0;  // labelled / n
  Level level = Level::insufficient_data;
  // How far the value may be off; empty where it is exact.
  std::optional<double> bound = std::nullopt;
  // The share of each class's labels that has come, as far as it can be told; empty where nothing
  // is known.
  std::map<std::string, double> coverage_by_class = {};
};

// How the model itself does at a transition.
enum class ModelPerformance : std::uint8_t {
  unknown,            // no labels yet, and nothing is estimated
  unaffected,         // realised, or, where labels are still to come, estimated
  estimated_to_fall,  // labels are still to come
  fell,
};
[[nodiscard]] std::string_view to_string(ModelPerformance performance);
[[nodiscard]] std::optional<ModelPerformance> model_performance_from(std::string_view text);

struct Transition {
  MonitorName monitor;
  TimeMs at = 0;
  HealthState from = HealthState::unknown;
  HealthState to = HealthState::unknown;
  std::vector<std::string> reasons;  // e.g. "drift:amount", "low_accuracy"; sorted
  ModelPerformance performance = ModelPerformance::unknown;
  std::string message = {};                // one sentence for people
  std::vector<std::string> evidence = {};  // what was found, in words; what matters most first
  std::vector<std::string> together = {};  // series that moved together, "amount, country"
};

using Report = std::variant<Finding, MetricValue, Transition>;

// The last line of a replay.
struct ReplaySummary {
  std::uint64_t predictions = 0;
  std::uint64_t labels = 0;
  std::uint64_t joined = 0;
  std::map<std::string, std::uint64_t> discarded;
  std::uint64_t windows = 0;
  std::uint64_t alerts = 0;
  double seconds = 0;
};

}  // namespace driftd
