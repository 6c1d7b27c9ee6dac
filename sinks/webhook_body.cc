#include "sinks/webhook_body.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <boost/json.hpp>

#include "core/check.h"
#include "sinks/json_writer.h"
#include "sinks/utf8_text.h"

namespace driftd {
namespace {

constexpr std::string_view kCloudEvents = "cloudevents";

std::string event_type(const Transition& transition) {
  return fmt::format("driftd.health.{}", to_string(transition.to));
}

// The segment of a URI's path (RFC 3986, unreserved characters stay).
std::string uri_segment(std::string_view text) {
  std::string result;
  for (const char c : valid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = std::isalnum(byte) != 0 || std::string_view("-._~").contains(c);
    result += unreserved ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return result;
}

void write_window(JsonWriter& json, const WindowName& window) {
  json.field("n", window.n);
  json.key("window");
  json.begin_object();
  json.field("index", window.index);
  json.field("start", window.start);
  json.field("end", window.end);
  json.field("revision", window.revision);
  json.end_object();
}

void write_evidence(JsonWriter& json, const Finding& finding) {
  json.field("series", finding.series);
  json.field("detector", finding.detector);
  json.field("statistic", finding.statistic);
  json.field("p_value", finding.p_value);
  json.field("threshold", finding.threshold);
  json.field("level", to_string(finding.level));
  if (finding.budget) {
    json.field("distance", finding.budget->distance);
    json.field("effect", finding.budget->effect);
    json.field("effect_unit", finding.budget->is_share ? "share" : "sd");
    json.field("shift", finding.budget->shift);
    if (finding.budget->since != kNoTime) json.field("since", finding.budget->since);
    json.field("reason", finding.budget->reason);
  }
  if (!finding.baseline.empty()) json.field("baseline", finding.baseline);
  write_window(json, finding.window);
}

void write_evidence(JsonWriter& json, const MetricValue& metric) {
  json.field("metric", metric.metric);
  json.field("value", metric.value);
  json.field("low", metric.low);
  json.field("high", metric.high);
  json.field("labelled", metric.labelled);
  json.field("coverage", metric.coverage);
  json.field("level", to_string(metric.level));
  write_window(json, metric.window);
}

template <typename T>
void write_list(JsonWriter& json, std::string_view name, std::span<const T> all) {
  const std::span<const T> shown = all.first(std::min(all.size(), kMaxEvidence));
  json.key(name);
  json.begin_array();
  for (const T& item : shown) {
    json.begin_object();
    write_evidence(json, item);
    json.end_object();
  }
  json.end_array();
  if (shown.size() < all.size()) {
    json.field(fmt::format("{}_left_out", name), all.size() - shown.size());
  }
}

void write_data(JsonWriter& json, const Transition& transition, std::span<const Finding> findings,
                std::span<const MetricValue> metrics) {
  json.key("data");
  json.begin_object();
  json.field("model", transition.monitor.model);
  json.field("version", transition.monitor.version);
  json.field("segment", transition.monitor.segment);
  json.field("at", transition.at);
  json.field("from", to_string(transition.from));
  json.field("to", to_string(transition.to));
  json.field("reasons", transition.reasons);
  if (!transition.message.empty()) {
    json.field("performance", to_string(transition.performance));
    json.field("message", transition.message);
  }
  json.key("evidence");
  json.begin_object();
  if (!transition.message.empty()) {
    json.field("words", transition.evidence);
    json.field("moved_together", transition.together);
  }
  write_list(json, "series", findings);
  write_list(json, "metrics", metrics);
  json.end_object();
  json.end_object();
}

// CloudEvents 1.0, structured mode (cloudevents.io, JSON event format).
void write_cloud_event_attributes(JsonWriter& json, const WebhookConfig& webhook,
                                  const Transition& transition) {
  json.field("specversion", "1.0");
  json.field("id", webhook_id(webhook.name, transition));
  json.field("source", fmt::format("/driftd/{}", uri_segment(transition.monitor.model)));
  json.field("type", event_type(transition));
  json.field("subject",
             fmt::format("{}/{}", transition.monitor.version, transition.monitor.segment));
  json.field("time", rfc3339(transition.at));
  json.field("datacontenttype", "application/json");
}

}  // namespace

std::string webhook_id(std::string_view webhook, const Transition& transition) {
  // As JSON, so that no two different lists of names give the same text.
  std::string text;
  JsonWriter json(text);
  json.begin_array();
  json.value(webhook);
  json.value(transition.monitor.model);
  json.value(transition.monitor.version);
  json.value(transition.monitor.segment);
  json.value(transition.at);
  json.value(to_string(transition.from));
  json.value(to_string(transition.to));
  json.end_array();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  const int made =
      EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  DRIFTD_CHECK(made == 1);
  std::string id = "msg_";
  for (const unsigned char byte : std::span(digest).first(16)) id += fmt::format("{:02x}", byte);
  return id;
}

std::string webhook_body(const WebhookConfig& webhook, const Transition& transition,
                         std::span<const Finding> findings, std::span<const MetricValue> metrics) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  if (webhook.template_name == kCloudEvents) {
    write_cloud_event_attributes(json, webhook, transition);
  } else {
    json.field("type", event_type(transition));
    json.field("timestamp", rfc3339(transition.at));
  }
  write_data(json, transition, findings, metrics);
  json.end_object();
  return body;
}

std::string_view webhook_content_type(std::string_view template_name) {
  return template_name == kCloudEvents ? "application/cloudevents+json" : "application/json";
}

std::string rfc3339(TimeMs time) {
  using namespace std::chrono;
  const sys_time<milliseconds> instant{milliseconds(time)};
  const auto day = floor<days>(instant);
  const year_month_day date(day);
  const hh_mm_ss clock(instant - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::optional<WebhookSubject> webhook_subject(std::string_view body) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse({body.data(), body.size()}, error);
  if (error || !value.is_object()) return std::nullopt;
  const boost::json::value* data = value.get_object().if_contains("data");
  if (data == nullptr || !data->is_object()) return std::nullopt;
  const auto text = [&](const char* key) {
    const boost::json::value* member = data->get_object().if_contains(key);
    return member != nullptr && member->is_string() ? std::string(member->get_string())
                                                    : std::string();
  };
  WebhookSubject subject{{text("model"), text("version"), text("segment")}, 0};
  const boost::json::value* at = data->get_object().if_contains("at");
  if (at != nullptr && at->is_int64()) subject.at = at->get_int64();
  return subject;
}

}  // namespace driftd
