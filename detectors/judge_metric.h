// How bad a metric is: against fixed limits, against the reference's own, and against another
// version's.
//
// Fixed limits hold for the value. A drop is judged with the uncertainty of both sides: the lower
// end of its 95 % interval, by the method of variance estimates recovery (Newcombe 1998, Statistics
// in Medicine 17, method 10; Zou and Donner 2008, ibid. 27). With the better side b in [l_b, u_b]
// and the worse one w in [l_w, u_w], of a metric of which more is better, the drop is b - w and its
// lower end (b - w) - sqrt((b - l_b)^2 + (u_w - w)^2). Thread rule: pure. No allocation. Cannot
// fail.
#pragma once

#include <optional>
#include <string_view>

#include "core/report.h"
#include "detectors/intervals.h"

namespace driftd {

// In which direction a metric gets worse: downwards, upwards (losses, errors, latencies), or away
// from 0 (bias).
enum class Worse : std::uint8_t { below, above, away_from_zero };
[[nodiscard]] Worse worse_direction(std::string_view metric);

struct MetricEstimate {
  std::optional<double> value;
  std::optional<Interval> interval;
};

struct MetricLimits {
  std::optional<double> min;
  std::optional<double> max;
  std::optional<double> max_drop;     // how much worse than the reference
  std::optional<double> max_deficit;  // how much worse than the champion
  // `min` and `max` are passed only where the value lies so many times the half of its interval
  // beyond, else it is a warning; 0: as soon as the value does.
  double sure_halves = 0;
};

// How much worse `current` is than `other`: `drop` below 0 is better. `surely_above` is the lower
// end of its interval; empty where one of the two has none.
struct MetricDrop {
  double drop = 0;
  std::optional<double> surely_above;
};
[[nodiscard]] std::optional<MetricDrop> metric_drop(Worse worse, const MetricEstimate& other,
                                                    const MetricEstimate& current);

// `degraded` where a fixed limit is passed or a drop is surely larger than its limit, `warning`
// where a drop is larger but may be chance, else `stable`. A comparison whose other side has no
// value says nothing. `current` has a value.
[[nodiscard]] Level judge_metric(std::string_view metric, const MetricLimits& limits,
                                 const MetricEstimate& current, const MetricEstimate& reference,
                                 const MetricEstimate& champion);

}  // namespace driftd
