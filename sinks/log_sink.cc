#include "sinks/log_sink.h"

#include <string>

#include <spdlog/spdlog.h>

#include "sinks/report_json.h"

namespace driftd {
namespace {

spdlog::level::level_enum log_level(const Finding& finding) {
  return finding.level == Level::drift ? spdlog::level::info : spdlog::level::debug;
}

spdlog::level::level_enum log_level(const MetricValue& metric) {
  return metric.level == Level::degraded ? spdlog::level::info : spdlog::level::debug;
}

spdlog::level::level_enum log_level(const Transition& transition) {
  switch (transition.to) {
    case HealthState::degraded:
    case HealthState::critical:
    case HealthState::stale: return spdlog::level::warn;
    case HealthState::unknown:
    case HealthState::learning:
    case HealthState::healthy: return spdlog::level::info;
  }
  return spdlog::level::info;
}

}  // namespace

void LogSink::observe(const Report& report) const {
  const auto level = std::visit([](const auto& line) { return log_level(line); }, report);
  if (!spdlog::should_log(level)) return;
  std::string line;
  append_json(line, report);
  spdlog::log(level, "{}", line);
}

}  // namespace driftd
