#include "sinks/report_json.h"

#include "sinks/json_writer.h"

namespace driftd {
namespace {

void begin_line(JsonWriter& json, std::string_view type, const MonitorName& monitor) {
  json.begin_object();
  json.field("type", type);
  json.field("model", monitor.model);
  json.field("version", monitor.version);
  json.field("segment", monitor.segment);
}

void write_window(JsonWriter& json, const WindowName& window) {
  json.key("window");
  json.begin_object();
  json.field("index", window.index);
  json.field("start", window.start);
  json.field("end", window.end);
  json.field("n", window.n);
  json.field("revision", window.revision);
  json.end_object();
}

void write_budget(JsonWriter& json, const BudgetDetail& detail) {
  json.field("distance", detail.distance);
  if (!detail.of.empty()) json.field("of", detail.of);
  json.field("expected", detail.expected);
  json.field("effect", detail.effect);
  json.field("effect_unit", detail.is_share ? "share" : "sd");
  json.field("shift", detail.shift);
  json.field("began_windows_ago", detail.windows);
  if (detail.since != kNoTime) json.field("since", detail.since);
  json.field("reason", detail.reason);
}

void end_line(JsonWriter& json, const WindowName& window) {
  if (window.partial) json.field("partial", true);
  json.end_object();
}

void write_story(JsonWriter& json, const Transition& transition) {
  if (transition.message.empty()) return;
  json.field("performance", to_string(transition.performance));
  json.field("message", transition.message);
  json.field("evidence", transition.evidence);
  json.field("moved_together", transition.together);
}

}  // namespace

void append_json(std::string& out, const Finding& finding) {
  JsonWriter json(out);
  begin_line(json, "finding", finding.monitor);
  json.field("series", finding.series);
  json.field("detector", finding.detector);
  write_window(json, finding.window);
  json.field("statistic", finding.statistic);
  // Most statistics have no interval; theirs would be two nulls a line.
  if (finding.low || finding.high) {
    json.field("low", finding.low);
    json.field("high", finding.high);
  }
  json.field("p_value", finding.p_value);
  json.field("threshold", finding.threshold);
  json.field("level", to_string(finding.level));
  if (finding.bound) json.field("bound", finding.bound);
  if (finding.budget) write_budget(json, *finding.budget);
  if (!finding.baseline.empty()) json.field("baseline", finding.baseline);
  end_line(json, finding.window);
}

void append_json(std::string& out, const MetricValue& metric) {
  JsonWriter json(out);
  begin_line(json, "metric", metric.monitor);
  json.field("metric", metric.metric);
  write_window(json, metric.window);
  json.field("value", metric.value);
  json.field("low", metric.low);
  json.field("high", metric.high);
  if (metric.bound) json.field("bound", metric.bound);
  json.field("labelled", metric.labelled);
  json.field("coverage", metric.coverage);
  if (!metric.coverage_by_class.empty()) {
    json.key("coverage_by_class");
    json.begin_object();
    for (const auto& [name, share] : metric.coverage_by_class) json.field(name, share);
    json.end_object();
  }
  json.field("level", to_string(metric.level));
  end_line(json, metric.window);
}

void append_json(std::string& out, const Transition& transition) {
  JsonWriter json(out);
  begin_line(json, "health", transition.monitor);
  json.field("at", transition.at);
  json.field("from", to_string(transition.from));
  json.field("to", to_string(transition.to));
  json.field("reasons", transition.reasons);
  write_story(json, transition);
  json.end_object();
}

void append_json(std::string& out, const ReplaySummary& summary) {
  JsonWriter json(out);
  json.begin_object();
  json.field("type", "summary");
  json.field("predictions", summary.predictions);
  json.field("labels", summary.labels);
  json.field("joined", summary.joined);
  json.key("discarded");
  json.begin_object();
  for (const auto& [reason, count] : summary.discarded) json.field(reason, count);
  json.end_object();
  json.field("windows", summary.windows);
  json.field("alerts", summary.alerts);
  json.field("seconds", summary.seconds);
  json.end_object();
}

void append_json(std::string& out, const Report& report) {
  std::visit([&out](const auto& line) { append_json(out, line); }, report);
}

}  // namespace driftd
