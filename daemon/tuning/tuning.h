// What a replay under several policies comes to: how often each would have alerted, how long, how
// soon after known incidents, and at what cost.
//
// Thread rule: pure functions. Allocation rule: may allocate. Cannot fail: a rate over less than a
// day is no rate and is empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/report.h"
#include "daemon/tuning/alerts.h"
#include "daemon/tuning/incidents.h"

namespace driftd {

// Over less event time a rate per 30 days says nothing.
inline constexpr DurationMs kShortestCovered = 86'400'000;

// Of one policy, of one model or of all of them together.
struct AlertRates {
  std::uint64_t alerts = 0;
  std::optional<double> per_30d;
  // Alerts within no incident's reach; 0 where no incidents are known.
  std::uint64_t false_alerts = 0;
  std::optional<double> false_per_30d;
  // The share of the model's event time in which any of its monitors was alerting; of all models
  // the mean. Empty without event time.
  std::optional<double> alerting;
};

struct PolicyResult {
  std::string name;
  std::vector<Alert> alerts;
  Matches matches;
  AlertRates all;
  std::vector<AlertRates> models;          // as `Tuning::traffic`
  std::size_t caught = 0;                  // incidents
  std::optional<DurationMs> median_delay;  // of those, the `known_delay`
  double cpu_seconds = 0;
  std::optional<double> cpu_seconds_per_million;  // predictions
};

struct Tuning {
  ReplaySummary summary;         // of the configuration's own rules
  std::vector<Traffic> traffic;  // by model
  bool has_incidents = false;    // whether any are known at all
  std::vector<Incident> incidents;
  DurationMs reach = kUsualReach;
  std::vector<PolicyResult> policies;  // the configuration's own first
};

// What one policy did.
struct PolicyRecord {
  std::string name;
  std::vector<Alert> alerts;  // in order of `from`
  double cpu_seconds = 0;
};

// The rest of `tuning` is there already.
void add_policy(Tuning& tuning, PolicyRecord record);

// The first and the last event time of all models; empty without predictions.
[[nodiscard]] std::optional<std::pair<TimeMs, TimeMs>> covered_time(const Tuning& tuning);
// How many incidents had predictions at their time.
[[nodiscard]] std::size_t incidents_with_events(const Tuning& tuning);

}  // namespace driftd
