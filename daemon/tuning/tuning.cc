#include "daemon/tuning/tuning.h"

#include <algorithm>
#include <utility>

namespace driftd {
namespace {

constexpr double kPeriod = 30.0 * 86'400'000;  // 30 days in milliseconds

[[nodiscard]] std::optional<double> rate_of(std::uint64_t count, const Traffic& traffic) {
  const DurationMs covered = traffic.last - traffic.first;
  if (traffic.predictions == 0 || covered < kShortestCovered) return std::nullopt;
  return static_cast<double>(count) * kPeriod / static_cast<double>(covered);
}

// How long any of the alerts of a model was on; they are in order of `from`.
[[nodiscard]] DurationMs time_alerting(std::span<const Alert> alerts, const Traffic& traffic) {
  DurationMs total = 0;
  TimeMs counted_until = traffic.first;
  for (const Alert& alert : alerts) {
    if (alert.monitor.model != traffic.model) continue;
    const TimeMs from = std::max(alert.from, counted_until);
    const TimeMs to = std::min(alert.to.value_or(traffic.last), traffic.last);
    if (to <= from) continue;
    total += to - from;
    counted_until = to;
  }
  return total;
}

[[nodiscard]] AlertRates rates_of(const PolicyResult& policy, const Traffic& traffic,
                                  bool has_incidents) {
  AlertRates rates;
  for (std::size_t i = 0; i < policy.alerts.size(); ++i) {
    if (policy.alerts[i].monitor.model != traffic.model) continue;
    ++rates.alerts;
    rates.false_alerts += has_incidents && !policy.matches.incident_of[i];
  }
  rates.per_30d = rate_of(rates.alerts, traffic);
  if (has_incidents) rates.false_per_30d = rate_of(rates.false_alerts, traffic);
  if (traffic.predictions > 0 && traffic.last > traffic.first) {
    rates.alerting = static_cast<double>(time_alerting(policy.alerts, traffic)) /
                     static_cast<double>(traffic.last - traffic.first);
  }
  return rates;
}

// A model without predictions has no say.
[[nodiscard]] AlertRates sum_of(std::span<const AlertRates> models,
                                std::span<const Traffic> traffic) {
  AlertRates all;
  double alerting = 0;
  std::size_t with_time = 0;
  bool any = false;
  bool has_rate = true;
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (traffic[i].predictions == 0) continue;
    any = true;
    all.alerts += models[i].alerts;
    all.false_alerts += models[i].false_alerts;
    has_rate = has_rate && models[i].per_30d.has_value();
    all.per_30d = all.per_30d.value_or(0) + models[i].per_30d.value_or(0);
    if (models[i].false_per_30d)
      all.false_per_30d = all.false_per_30d.value_or(0) + *models[i].false_per_30d;
    alerting += models[i].alerting.value_or(0);
    with_time += models[i].alerting.has_value();
  }
  if (!any || !has_rate) all.per_30d = all.false_per_30d = std::nullopt;
  if (with_time > 0) all.alerting = alerting / static_cast<double>(with_time);
  return all;
}

// Of an even number the smaller of the two in the middle: a delay that was measured.
[[nodiscard]] std::optional<DurationMs> median_delay(std::span<const Detection> detections) {
  std::vector<DurationMs> delays;
  for (const Detection& detection : detections) {
    if (detection.outcome == Outcome::caught) delays.push_back(detection.known_delay);
  }
  if (delays.empty()) return std::nullopt;
  std::ranges::sort(delays);
  return delays[(delays.size() - 1) / 2];
}

}  // namespace

void add_policy(Tuning& tuning, PolicyRecord record) {
  PolicyResult policy;
  policy.name = std::move(record.name);
  policy.alerts = std::move(record.alerts);
  policy.matches = match(tuning.incidents, policy.alerts, tuning.traffic, tuning.reach);
  std::uint64_t predictions = 0;
  for (const Traffic& traffic : tuning.traffic) {
    policy.models.push_back(rates_of(policy, traffic, tuning.has_incidents));
    predictions += traffic.predictions;
  }
  policy.all = sum_of(policy.models, tuning.traffic);
  policy.caught = static_cast<std::size_t>(
      std::ranges::count(policy.matches.detections, Outcome::caught, &Detection::outcome));
  policy.median_delay = median_delay(policy.matches.detections);
  policy.cpu_seconds = record.cpu_seconds;
  if (predictions > 0)
    policy.cpu_seconds_per_million = record.cpu_seconds * 1e6 / static_cast<double>(predictions);
  tuning.policies.push_back(std::move(policy));
}

std::optional<std::pair<TimeMs, TimeMs>> covered_time(const Tuning& tuning) {
  std::optional<std::pair<TimeMs, TimeMs>> covered;
  for (const Traffic& traffic : tuning.traffic) {
    if (traffic.predictions == 0) continue;
    if (!covered) covered = {traffic.first, traffic.last};
    covered->first = std::min(covered->first, traffic.first);
    covered->second = std::max(covered->second, traffic.last);
  }
  return covered;
}

std::size_t incidents_with_events(const Tuning& tuning) {
  if (tuning.policies.empty()) return 0;
  // The same for every policy.
  return static_cast<std::size_t>(
      std::ranges::count_if(tuning.policies.front().matches.detections,
                            [](const Detection& d) { return d.outcome != Outcome::no_events; }));
}

}  // namespace driftd
