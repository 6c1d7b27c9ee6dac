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
    case HealthState::learning: return "learning";
  }
  return "unknown";
}

std::string_view to_string(ModelPerformance performance) {
  switch (performance) {
    case ModelPerformance::unknown: return "unknown";
    case ModelPerformance::unaffected: return "unaffected";
    case ModelPerformance::estimated_to_fall: return "estimated_to_fall";
    case ModelPerformance::fell: return "fell";
  }
  return "unknown";
}

std::optional<ModelPerformance> model_performance_from(std::string_view text) {
  for (const ModelPerformance performance :
       {ModelPerformance::unknown, ModelPerformance::unaffected,
        ModelPerformance::estimated_to_fall, ModelPerformance::fell}) {
    if (to_string(performance) == text) return performance;
  }
  return std::nullopt;
}

std::optional<HealthState> health_state_from(std::string_view text) {
  for (const HealthState state :
       {HealthState::unknown, HealthState::healthy, HealthState::degraded, HealthState::critical,
        HealthState::stale, HealthState::learning}) {
    if (to_string(state) == text) return state;
  }
  return std::nullopt;
}

}  // namespace driftd
