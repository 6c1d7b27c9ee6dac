#include "health/health.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace driftd {
namespace {

// Metrics of which more is worse; of all others less is.
constexpr std::array<std::string_view, 7> kErrors = {"mae",      "rmse",  "mape", "median_ae",
                                                     "log_loss", "brier", "ece"};

// Detectors of data quality; detectors/data_quality.cc and detectors/model_quality.h have them.
constexpr std::array<std::string_view, 9> kQuality = {
    "missing",  "type_error", "unseen", "out_of_range",   "outliers",
    "constant", "duplicate",  "volume", "missing_columns"};

[[nodiscard]] std::string series_of(const std::string& key) {
  return key.substr(0, key.rfind('/'));
}
[[nodiscard]] std::string detector_of(const std::string& key) {
  return key.substr(key.rfind('/') + 1);
}

// Checks of data quality give their own reason word; everything else is a drift of the series.
[[nodiscard]] std::string finding_reason(const std::string& key) {
  const std::string detector = detector_of(key);
  const bool quality = std::find(kQuality.begin(), kQuality.end(), detector) != kQuality.end();
  return (quality ? detector : "drift") + ":" + series_of(key);
}

}  // namespace

std::string metric_reason(const std::string& metric) {
  if (metric == "f1") return "low_f1_score";
  if (metric.starts_with("latency")) return "high_latency";
  // An estimate is as good or bad as what it estimates.
  constexpr std::string_view kEstimated = "_estimated";
  std::string_view kind = metric;
  if (kind.ends_with(kEstimated)) kind.remove_suffix(kEstimated.size());
  const bool error = std::find(kErrors.begin(), kErrors.end(), kind) != kErrors.end();
  if (metric == "bias") return "bias";
  return (error ? "high_" : "low_") + metric;
}

std::optional<Transition> MonitorHealth::update(const MonitorName& monitor,
                                                std::span<const Report> reports,
                                                const BudgetAlerts& budget, Alerting alerting) {
  for (const Report& report : reports) {
    if (const auto* finding = std::get_if<Finding>(&report)) {
      if (finding->budget && finding->budget->of_errors) continue;
      if (finding->sequential) {
        Judged& judged = sequential[finding->series + "/" + finding->detector];
        if (finding->window.end >= judged.window_end)
          judged = {finding->level, finding->window.end};
        continue;
      }
      if (finding->window.end < last_window_end)
        continue;  // an amendment of an older window is history
      if (finding->window.end > last_window_end) findings.clear();
      last_window_end = finding->window.end;
      const std::string key = finding->series + "/" + finding->detector;
      if (finding->threshold) findings[key] = finding->level;
      if (finding->budget && finding->level == Level::drift) held.insert(finding_reason(key));
    } else if (const auto* metric = std::get_if<MetricValue>(&report)) {
      if (metric->level == Level::insufficient_data) continue;
      Judged& judged = metrics[metric->metric];
      if (metric->window.end >= judged.window_end) judged = {metric->level, metric->window.end};
    }
  }

  if (!budget.drift) held.clear();
  std::set<std::string> drifts = held;
  std::set<std::string> performance;
  if (!budget.error_reason.empty()) performance.insert(budget.error_reason);
  bool anything_judged = false;
  for (const auto& [key, level] : findings) {
    anything_judged |= level != Level::insufficient_data;
    if (level == Level::drift) drifts.insert(finding_reason(key));
  }
  for (const auto& [key, judged] : sequential) {
    anything_judged |= judged.level != Level::insufficient_data;
    if (judged.level == Level::drift) drifts.insert("drift:" + series_of(key));
  }
  if (budget.unfamiliar && !drifts.empty()) drifts.insert(std::string(kUnfamiliarReason));
  for (const auto& [metric, judged] : metrics) {
    anything_judged = true;
    if (judged.level == Level::degraded) performance.insert(metric_reason(metric));
  }
  std::set<std::string> found;
  if (alerting != Alerting::performance) found = drifts;
  if (alerting != Alerting::drift) found.insert(performance.begin(), performance.end());
  HealthState next = HealthState::unknown;
  if (!found.empty()) {
    next = HealthState::degraded;
  } else if (!budget.learning.empty()) {
    next = HealthState::learning;
  } else if (anything_judged) {
    next = HealthState::healthy;
  }
  reasons.assign(found.begin(), found.end());
  if (next == HealthState::learning) reasons = {budget.learning};
  if (next == state) return std::nullopt;
  TimeMs at = last_window_end;
  for (const auto& [metric, judged] : metrics) at = std::max(at, judged.window_end);
  for (const auto& [key, judged] : sequential) at = std::max(at, judged.window_end);
  Transition transition{monitor, at, state, next, reasons};
  state = next;
  since = at;
  return transition;
}

std::vector<std::string> MonitorHealth::drifting() const {
  std::set<std::string> series;
  for (const auto& [key, level] : findings) {
    if (level == Level::drift) series.insert(series_of(key));
  }
  for (const auto& [key, judged] : sequential) {
    if (judged.level == Level::drift) series.insert(series_of(key));
  }
  return {series.begin(), series.end()};
}

void MonitorHealth::write(ByteWriter& out) const {
  out.byte(static_cast<std::uint8_t>(state));
  out.signed_varint(since);
  out.signed_varint(last_window_end);
  out.varint(reasons.size());
  for (const std::string& reason : reasons) out.text(reason);
  out.varint(findings.size());
  for (const auto& [key, level] : findings) {
    out.text(key);
    out.byte(static_cast<std::uint8_t>(level));
  }
  out.varint(held.size());
  for (const std::string& reason : held) out.text(reason);
  out.varint(metrics.size());
  for (const auto& [metric, judged] : metrics) {
    out.text(metric);
    out.byte(static_cast<std::uint8_t>(judged.level));
    out.signed_varint(judged.window_end);
  }
  out.varint(sequential.size());
  for (const auto& [key, judged] : sequential) {
    out.text(key);
    out.byte(static_cast<std::uint8_t>(judged.level));
    out.signed_varint(judged.window_end);
  }
}

bool MonitorHealth::read(ByteReader& in, MonitorHealth& out) {
  const std::uint8_t state = in.byte();
  if (state > static_cast<std::uint8_t>(HealthState::learning)) return false;
  out.state = static_cast<HealthState>(state);
  out.since = in.signed_varint();
  out.last_window_end = in.signed_varint();
  for (std::uint64_t left = in.element_count(); left > 0 && in.ok(); --left)
    out.reasons.emplace_back(in.text());
  const auto level = [&] {
    const std::uint8_t value = in.byte();
    return static_cast<Level>(
        std::min<std::uint8_t>(value, static_cast<std::uint8_t>(Level::degraded)));
  };
  for (std::uint64_t left = in.element_count(); left > 0 && in.ok(); --left) {
    const std::string key(in.text());
    out.findings[key] = level();
  }
  for (std::uint64_t left = in.element_count(); left > 0 && in.ok(); --left)
    out.held.emplace(in.text());
  for (std::uint64_t left = in.element_count(); left > 0 && in.ok(); --left) {
    const std::string metric(in.text());
    const Level judged = level();
    out.metrics[metric] = {judged, in.signed_varint()};
  }
  for (std::uint64_t left = in.element_count(); left > 0 && in.ok(); --left) {
    const std::string key(in.text());
    const Level judged = level();
    out.sequential[key] = {judged, in.signed_varint()};
  }
  return in.ok();
}

}  // namespace driftd
