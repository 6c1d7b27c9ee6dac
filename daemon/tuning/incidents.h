// Known incidents, from a file, and which alerts belong to which of them.
//
// The file is CSV with a header: `time` and `name`, and where wanted `model` and `end`; times are
// as in events (core/event_time.h). An incident of a model concerns that one, one without a model
// all of them. An alert belongs to an incident if it begins within the incident's reach: at its
// time or later, but before the next incident of the same model, and either before its `end` or
// within a tolerance of its time. Thread rule: pure functions. Allocation rule: may allocate.
// Failure rule: an Error with file and line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "daemon/tuning/alerts.h"

namespace driftd {

// A longer file is a mistake, such as the events themselves.
inline constexpr std::size_t kMostIncidents = 10'000;
inline constexpr DurationMs kUsualReach = 7LL * 86'400'000;

struct Incident {
  TimeMs time = 0;
  std::optional<TimeMs> end = std::nullopt;
  std::string name;
  std::string model = {};  // empty: of all

  [[nodiscard]] bool concerns(const std::string& other) const {
    return model.empty() || model == other;
  }
};

// In order of time. A model that is not among `models` is an error.
[[nodiscard]] Result<std::vector<Incident>> read_incidents(const std::string& path,
                                                           std::span<const std::string> models);

// From a model's first prediction to its last one.
struct Traffic {
  std::string model;
  std::uint64_t predictions = 0;
  TimeMs first = 0;
  TimeMs last = 0;
};

enum class Outcome : std::uint8_t {
  caught,     // an alert began within its reach
  on_before,  // none did, but one was on when it began: nobody was told anew
  missed,
  no_events,  // there were no predictions at its time
};
[[nodiscard]] std::string_view to_string(Outcome outcome);

struct Detection {
  Outcome outcome = Outcome::missed;
  std::size_t alert = 0;       // of `caught`: its position
  DurationMs delay = 0;        // of `caught`: until the alert's `from`
  DurationMs known_delay = 0;  // until its `known`
};

struct Matches {
  std::vector<Detection> detections;  // by incident
  // By alert: the position of the incident to whose reach it belongs; empty: a false alert.
  std::vector<std::optional<std::size_t>> incident_of;
};

// Both in order of time; `reach` is the tolerance. A monitor that was alerting already when an
// incident began cannot catch it.
[[nodiscard]] Matches match(std::span<const Incident> incidents, std::span<const Alert> alerts,
                            std::span<const Traffic> traffic, DurationMs reach);

}  // namespace driftd
