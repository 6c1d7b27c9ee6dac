#include "daemon/tuning/tuning_json.h"

#include <concepts>

#include "sinks/json_writer.h"

namespace driftd {
namespace {

void integer_or_null(JsonWriter& json, std::string_view name, const auto& number) {
  json.key(name);
  if (number) {
    json.value(*number);
  } else {
    json.null();
  }
}

void write_rates(JsonWriter& json, const AlertRates& rates, bool has_incidents) {
  json.field("alerts", rates.alerts);
  json.field("alerts_per_30d", rates.per_30d);
  json.field("alerting_ratio", rates.alerting);
  if (!has_incidents) return;
  json.field("false_alerts", rates.false_alerts);
  json.field("false_alerts_per_30d", rates.false_per_30d);
}

void write_alert(JsonWriter& json, const Alert& alert, std::optional<std::size_t> incident,
                 bool has_incidents) {
  json.begin_object();
  json.field("model", alert.monitor.model);
  json.field("version", alert.monitor.version);
  json.field("segment", alert.monitor.segment);
  json.field("from", alert.from);
  integer_or_null(json, "to", alert.to);
  json.field("known", alert.known);
  json.field("worst", to_string(alert.worst));
  json.key("reasons");
  json.begin_array();
  for (const std::string& reason : alert.reasons) json.value(reason);
  json.end_array();
  if (has_incidents) integer_or_null(json, "incident", incident);
  json.end_object();
}

void write_detection(JsonWriter& json, const Detection& detection) {
  json.begin_object();
  json.field("outcome", to_string(detection.outcome));
  const bool caught = detection.outcome == Outcome::caught;
  const auto if_caught = [caught](auto number) {
    return caught ? std::optional(number) : std::nullopt;
  };
  integer_or_null(json, "alert", if_caught(detection.alert));
  integer_or_null(json, "delay_ms", if_caught(detection.delay));
  integer_or_null(json, "known_delay_ms", if_caught(detection.known_delay));
  json.end_object();
}

void write_policy(JsonWriter& json, const Tuning& tuning, const PolicyResult& policy) {
  json.begin_object();
  json.field("policy", policy.name);
  write_rates(json, policy.all, tuning.has_incidents);
  if (tuning.has_incidents) {
    json.field("caught", policy.caught);
    integer_or_null(json, "median_known_delay_ms", policy.median_delay);
  }
  json.field("cpu_seconds", policy.cpu_seconds);
  json.field("cpu_seconds_per_million", policy.cpu_seconds_per_million);
  json.key("models");
  json.begin_array();
  for (std::size_t i = 0; i < tuning.traffic.size(); ++i) {
    json.begin_object();
    json.field("model", tuning.traffic[i].model);
    write_rates(json, policy.models[i], tuning.has_incidents);
    json.end_object();
  }
  json.end_array();
  json.key("alert_list");
  json.begin_array();
  for (std::size_t i = 0; i < policy.alerts.size(); ++i)
    write_alert(json, policy.alerts[i], policy.matches.incident_of[i], tuning.has_incidents);
  json.end_array();
  if (tuning.has_incidents) {
    json.key("incidents");
    json.begin_array();
    for (const Detection& detection : policy.matches.detections) write_detection(json, detection);
    json.end_array();
  }
  json.end_object();
}

void write_traffic(JsonWriter& json, const Traffic& traffic) {
  const bool any = traffic.predictions > 0;
  json.begin_object();
  json.field("model", traffic.model);
  json.field("predictions", traffic.predictions);
  integer_or_null(json, "first", any ? std::optional(traffic.first) : std::nullopt);
  integer_or_null(json, "last", any ? std::optional(traffic.last) : std::nullopt);
  json.end_object();
}

void write_incident(JsonWriter& json, const Incident& incident) {
  json.begin_object();
  json.field("name", incident.name);
  json.field("time", incident.time);
  integer_or_null(json, "end", incident.end);
  json.key("model");
  if (incident.model.empty()) {
    json.null();
  } else {
    json.value(incident.model);
  }
  json.end_object();
}

}  // namespace

void append_json(std::string& out, const Tuning& tuning) {
  JsonWriter json(out);
  const ReplaySummary& summary = tuning.summary;
  json.begin_object();
  json.field("type", "tuning");
  json.field("predictions", summary.predictions);
  json.field("labels", summary.labels);
  json.field("joined", summary.joined);
  json.key("discarded");
  json.begin_object();
  for (const auto& [reason, count] : summary.discarded) json.field(reason, count);
  json.end_object();
  json.field("windows", summary.windows);
  json.field("seconds", summary.seconds);
  json.key("models");
  json.begin_array();
  for (const Traffic& traffic : tuning.traffic) write_traffic(json, traffic);
  json.end_array();
  if (tuning.has_incidents) {
    json.field("reach_ms", tuning.reach);
    json.key("incidents");
    json.begin_array();
    for (const Incident& incident : tuning.incidents) write_incident(json, incident);
    json.end_array();
  }
  json.key("policies");
  json.begin_array();
  for (const PolicyResult& policy : tuning.policies) write_policy(json, tuning, policy);
  json.end_array();
  json.end_object();
}

}  // namespace driftd
