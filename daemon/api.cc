#include "daemon/api.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "daemon/web_files.h"
#include "sinks/json_writer.h"
#include "sinks/prometheus_metrics.h"

namespace driftd {
namespace {

// The page asks nobody but us, and only files of ours run in it; its icon is a data URL.
constexpr std::string_view kContentPolicy =
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

HttpResponse text(unsigned status, std::string body) {
  return {.status = status, .body = std::move(body), .headers = {}};
}

HttpResponse json_answer(unsigned status, std::string body) {
  return {.status = status,
          .content_type = "application/json",
          .body = std::move(body),
          .headers = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}}};
}

HttpResponse file_answer(const WebFile& file) {
  return {.content_type = std::string(file.content_type),
          .body = std::string(file.content),
          // A new driftd may bring another page: a browser asks again each time.
          .headers = {{"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", std::string(kContentPolicy)},
                      {"X-Content-Type-Options", "nosniff"}}};
}

void write_name(JsonWriter& json, const MonitorName& monitor) {
  json.field("model", monitor.model);
  json.field("version", monitor.version);
  json.field("segment", monitor.segment);
}

void write_health(JsonWriter& json, const MonitorName& monitor, HealthState state,
                  std::span<const std::string> reasons) {
  json.begin_object();
  write_name(json, monitor);
  json.field("state", to_string(state));
  json.field("reasons", reasons);
  json.end_object();
}

// How long labels take, in seconds: bounds below which half and nine tenths of them came.
void write_label_delays(JsonWriter& json, const std::map<std::string, LabelDelays>& delays) {
  json.key("label_delays");
  json.begin_object();
  for (const auto& [model, delay] : delays) {
    json.key(model);
    json.begin_object();
    json.field("count", delay.total());
    json.field("half_within_s", delay.bound_of(0.5));
    json.field("nine_tenths_within_s", delay.bound_of(0.9));
    json.end_object();
  }
  json.end_object();
}

void write_totals(JsonWriter& json, const Totals& totals) {
  json.key("totals");
  json.begin_object();
  json.field("predictions", totals.predictions);
  json.field("labels", totals.labels);
  json.field("joined", totals.joined);
  json.key("discarded");
  json.begin_object();
  for (std::size_t i = 0; i < kDiscardReasonNames.size(); ++i) {
    json.field(kDiscardReasonNames[i], totals.discarded.by_reason[i]);
  }
  json.end_object();
  json.field("events_per_second", totals.events_per_second);
  write_label_delays(json, totals.label_delays);
  json.end_object();
}

// The label coverage of the last window with metrics; all metrics of a window have the same.
double coverage_of(const MonitorStatus& status) {
  const auto newest = std::ranges::max_element(status.metrics, {}, [](const auto& metric) {
    return std::pair(metric.second.end, metric.second.index);
  });
  return newest == status.metrics.end() ? std::nan("") : newest->second.coverage();
}

void write_last_window(JsonWriter& json, const std::optional<LastWindow>& window) {
  json.key("last_window");
  if (!window) return json.null();
  json.begin_object();
  json.field("index", window->index);
  json.field("start", window->start);
  json.field("end", window->end);
  json.field("n", window->n);
  json.end_object();
}

void write_monitor(JsonWriter& json, const MonitorStatus& status) {
  json.begin_object();
  write_name(json, status.monitor);
  json.field("state", to_string(status.health.state));
  json.field("reasons", status.health.reasons);
  json.key("since");
  if (status.health.since == kNoTime) {
    json.null();
  } else {
    json.value(status.health.since);
  }
  json.field("windows", status.windows);
  write_last_window(json, status.last_window);
  json.field("drifting", status.health.drifting);
  json.field("coverage", coverage_of(status));
  json.key("metrics");
  json.begin_object();
  for (const auto& [name, point] : status.metrics) {
    json.key(name);
    json.begin_object();
    json.field("value", point.value);
    json.field("level", to_string(point.level));
    json.field("coverage", point.coverage());
    json.end_object();
  }
  json.end_object();
  json.end_object();
}

void write_window(JsonWriter& json, const auto& point) {
  json.field("index", point.index);
  json.field("start", point.start);
  json.field("end", point.end);
  json.field("n", point.n);
  json.field("revision", point.revision);
}

void write_point(JsonWriter& json, const FindingPoint& point) {
  json.begin_object();
  write_window(json, point);
  json.field("statistic", point.statistic);
  json.field("p_value", point.p_value);
  json.field("threshold", point.threshold);
  json.field("level", to_string(point.level));
  json.end_object();
}

void write_point(JsonWriter& json, const MetricPoint& point) {
  json.begin_object();
  write_window(json, point);
  json.field("value", point.value);
  json.field("low", point.low);
  json.field("high", point.high);
  json.field("labelled", point.labelled);
  json.field("coverage", point.coverage());
  json.field("level", to_string(point.level));
  json.end_object();
}

void write_points(JsonWriter& json, const auto& points) {
  json.key("points");
  json.begin_array();
  for (const auto& point : points) write_point(json, point);
  json.end_array();
}

void write_detail(JsonWriter& json, const MonitorDetail& detail) {
  json.key("series");
  json.begin_array();
  for (const auto& [key, points] : detail.series) {
    json.begin_object();
    json.field("series", key.first);
    json.field("detector", key.second);
    if (const auto words = detail.words.find(key); words != detail.words.end()) {
      json.field("reason", words->second.reason);
      json.field("baseline", words->second.baseline);
    }
    write_points(json, points);
    json.end_object();
  }
  json.end_array();
  json.key("metrics");
  json.begin_array();
  for (const auto& [metric, points] : detail.metrics) {
    json.begin_object();
    json.field("metric", metric);
    write_points(json, points);
    json.end_object();
  }
  json.end_array();
  json.key("transitions");
  json.begin_array();
  for (const Transition& transition : detail.transitions) {
    json.begin_object();
    json.field("at", transition.at);
    json.field("from", to_string(transition.from));
    json.field("to", to_string(transition.to));
    json.field("reasons", transition.reasons);
    if (!transition.message.empty()) {
      json.field("performance", to_string(transition.performance));
      json.field("message", transition.message);
      json.field("evidence", transition.evidence);
      json.field("moved_together", transition.together);
    }
    json.end_object();
  }
  json.end_array();
}

std::string parameter(const HttpRequest& request, std::string_view name,
                      std::string_view otherwise) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string(otherwise) : found->second;
}

}  // namespace

// A path and what answers it; the page's files come after them.
struct Api::Route {
  std::string_view path;
  HttpResponse (Api::*answer)(const HttpRequest&) const;
};

Api::Api(const Clock& clock, const History& history, std::string version,
         std::vector<std::string> models, ApiProviders providers)
    : clock_(clock),
      history_(history),
      version_(std::move(version)),
      models_(std::move(models)),
      providers_(std::move(providers)),
      started_at_(clock.now()) {}

HttpResponse Api::handle(const HttpRequest& request) const {
  static constexpr Route kRoutes[] = {
      {"/metrics", &Api::metrics},      {"/health", &Api::health},
      {"/-/ready", &Api::ready},        {"/readyz", &Api::ready},
      {"/-/healthy", &Api::healthy},    {"/healthz", &Api::healthy},
      {"/api/v1/status", &Api::status}, {"/api/v1/series", &Api::series},
  };
  const auto* route = std::ranges::find(kRoutes, request.path, &Route::path);
  if (route != std::end(kRoutes)) return (this->*route->answer)(request);
  if (const auto file = web_file(request.path)) return file_answer(*file);
  std::string body = "not found; driftd serves:\n  /  (the status page)\n";
  for (const Route& each : kRoutes) body.append("  ").append(each.path).append("\n");
  return text(404, std::move(body));
}

HttpResponse Api::metrics(const HttpRequest&) const {
  return {.content_type = std::string(kPrometheusContentType),
          .body = providers_.metrics_text(),
          .headers = {}};
}

HttpResponse Api::ready(const HttpRequest&) const {
  const Readiness readiness = providers_.readiness();
  if (readiness.ready) return text(200, "ready\n");
  std::string body;
  for (const std::string& reason : readiness.reasons) body.append(reason).append("\n");
  return text(503, body.empty() ? "not ready\n" : std::move(body));
}

HttpResponse Api::healthy(const HttpRequest&) const { return text(200, "healthy\n"); }

HttpResponse Api::health(const HttpRequest&) const {
  static const std::vector<std::string> kNoData = {"no_data"};
  const auto monitors = history_.health();
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("models");
  json.begin_array();
  for (const auto& [name, health] : monitors)
    write_health(json, name, health.state, health.reasons);
  for (const std::string& model : models_) {
    const auto is_of_model = [&model](const auto& monitor) { return monitor.first.model == model; };
    if (std::ranges::none_of(monitors, is_of_model)) {
      write_health(json, {.model = model, .version = ""}, HealthState::unknown, kNoData);
    }
  }
  json.end_array();
  json.end_object();
  return json_answer(200, std::move(body));
}

HttpResponse Api::status(const HttpRequest&) const {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.field("version", version_);
  json.field("now", clock_.now());
  json.field("started_at", started_at_);
  json.field("ready", providers_.readiness().ready);
  write_totals(json, history_.totals());
  json.key("monitors");
  json.begin_array();
  for (const MonitorStatus& monitor : history_.monitors()) write_monitor(json, monitor);
  json.end_array();
  json.end_object();
  return json_answer(200, std::move(body));
}

HttpResponse Api::series(const HttpRequest& request) const {
  const MonitorName monitor{.model = parameter(request, "model", ""),
                            .version = parameter(request, "version", ""),
                            .segment = parameter(request, "segment", "all")};
  const auto detail = history_.detail(monitor);
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  if (detail) {
    write_name(json, monitor);
    write_detail(json, *detail);
  } else {
    json.field("error", "there is no monitor of model '" + monitor.model + "', version '" +
                            monitor.version + "', segment '" + monitor.segment +
                            "'; /api/v1/status lists all");
  }
  json.end_object();
  return json_answer(detail ? 200 : 404, std::move(body));
}

}  // namespace driftd
