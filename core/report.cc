#include "core/report.h"

namespace driftd {

std::string_view to_string(Level level) {
  switch (level) {
    case Level::insufficient_data: return "insufficient_data";
    case Level::stable: return "stable";
    case Level::warning: return "warning";
    case Level::drift: return "drift";
    case Level::degraded: return "degraded";
  }
  return "insufficient_data";
}

std::string_view to_string(HealthState state) {
  switch (state) {
    case HealthState::unknown: return "unknown";
    case HealthState::healthy: return "healthy";
    case HealthState::degraded: return "degraded";
    case HealthState::critical: return "critical";
    case HealthState::stale: return "stale";
  }
  return "unknown";
}

std::optional<HealthState> health_state_from(std::string_view text) {
  for (const HealthState state : {HealthState::unknown, HealthState::healthy, HealthState::degraded,
                                  HealthState::critical, HealthState::stale}) {
    if (to_string(state) == text) return state;
  }
  return std::nullopt;
}

}  // namespace driftd
