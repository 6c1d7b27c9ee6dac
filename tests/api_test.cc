// What the daemon says over HTTP, read back as a client would.
#include "daemon/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/web_files.h"

namespace driftd {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

const MonitorName kMonitor{.model = "fraud", .version = "v1"};

json::value parsed(std::string_view text) { return json::parse(text); }

std::string header(const HttpResponse& response, std::string_view name) {
  const auto found = std::ranges::find(
      response.headers, name, [](const auto& each) -> std::string_view { return each.first; });
  return found == response.headers.end() ? "" : found->second;
}

class ApiTest : public testing::Test {
 protected:
  HttpResponse get(std::string path, std::map<std::string, std::string, std::less<>> query = {}) {
    return api_.handle({.method = "GET", .path = std::move(path), .query = std::move(query)});
  }

  ManualClock clock_{1'700'000'000'000};
  History history_;
  Readiness readiness_;
  Api api_{clock_,
           history_,
           "0.1.0",
           {"fraud", "churn"},
           {.metrics_text = [] { return std::string("driftd_up 1\n"); },
            .readiness = [this] { return readiness_; }}};
};

void fill(History& history) {
  const WindowName window{.index = 3, .start = 1'000, .end = 2'000, .n = 100, .revision = 1};
  history.observe(Finding{.monitor = kMonitor,
                          .series = "amount",
                          .detector = "ks",
                          .window = window,
                          .statistic = 0.25,
                          .p_value = std::nullopt,
                          .threshold = 0.2,
                          .level = Level::drift});
  history.observe(MetricValue{.monitor = kMonitor,
                              .metric = "accuracy",
                              .window = window,
                              .value = 0.75,
                              .low = 0.5,
                              .high = std::nullopt,
                              .labelled = 93,
                              .coverage = 0.93,
                              .level = Level::degraded});
  history.observe(MetricValue{.monitor = kMonitor,
                              .metric = "f1",
                              .window = window,
                              .value = std::nullopt,
                              .low = std::nullopt,
                              .high = std::nullopt,
                              .labelled = 93,
                              .coverage = 0.93,
                              .level = Level::insufficient_data});
  history.observe(Transition{.monitor = kMonitor,
                             .at = 2'100,
                             .from = HealthState::unknown,
                             .to = HealthState::degraded,
                             .reasons = {"drift:amount", "low_accuracy"}});
  history.set_monitor(kMonitor, HealthState::degraded, {"drift:amount", "low_accuracy"}, 2'100,
                      {"amount"});
}

TEST_F(ApiTest, StatusSaysEverythingThatThePageShows) {
  fill(history_);
  Totals totals{.predictions = 10,
                .labels = 7,
                .joined = 6,
                .discarded = {},
                .events_per_second = 1.5,
                .label_delays = {}};
  for (int i = 0; i < 9; ++i) totals.label_delays["fraud"].add(i < 5 ? 2'000 : 3'000'000);
  totals.label_delays["fraud"].add(400LL * 86'400'000);
  totals.label_delays["quiet"] = {};
  totals.discarded.add(DiscardReason::malformed_json, 3);
  history_.set_totals(totals);
  readiness_.ready = true;
  clock_.advance(5'000);
  const HttpResponse response = get("/api/v1/status");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(header(response, "Cache-Control"), "no-store");
  EXPECT_EQ(parsed(response.body), parsed(R"({
    "version": "0.1.0", "now": 1700000005000, "started_at": 1700000000000, "ready": true,
    "totals": {"predictions": 10, "labels": 7, "joined": 6,
      "discarded": {"empty": 0, "invalid_utf8": 0, "malformed_json": 3, "missing_field": 0,
        "wrong_type": 0, "unknown_model": 0, "too_large": 0, "too_far_ahead": 0,
        "duplicate_prediction": 0, "duplicate_label": 0, "conflicting_label": 0, "late_label": 0},
      "events_per_second": 1.5,
      "label_delays": {
        "fraud": {"count": 10, "half_within_s": 10, "nine_tenths_within_s": 3600},
        "quiet": {"count": 0, "half_within_s": null, "nine_tenths_within_s": null}}},
    "monitors": [{"model": "fraud", "version": "v1", "segment": "all", "state": "degraded",
      "reasons": ["drift:amount", "low_accuracy"], "since": 2100, "windows": 1,
      "last_window": {"index": 3, "start": 1000, "end": 2000, "n": 100},
      "drifting": ["amount"], "coverage": 0.93,
      "metrics": {"accuracy": {"value": 0.75, "level": "degraded", "coverage": 0.93},
                  "f1": {"value": null, "level": "insufficient_data", "coverage": 0.93}}}]})"));
}

TEST_F(ApiTest, StatusOfAMonitorWithoutWindowsHasNulls) {
  history_.set_monitor(kMonitor, HealthState::unknown, {"no_data"}, kNoTime, {});
  const json::value status = parsed(get("/api/v1/status").body);
  EXPECT_EQ(status.at("ready"), json::value(false));
  EXPECT_EQ(status.at("monitors"), parsed(R"([{"model": "fraud", "version": "v1", "segment": "all",
    "state": "unknown", "reasons": ["no_data"], "since": null, "windows": 0, "last_window": null,
    "drifting": [], "coverage": null, "metrics": {}}])"));
}

TEST_F(ApiTest, SeriesTellsEveryPointOfAMonitor) {
  fill(history_);
  const HttpResponse response =
      get("/api/v1/series", {{"model", "fraud"}, {"version", "v1"}, {"segment", "all"}});
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(parsed(response.body), parsed(R"({
    "model": "fraud", "version": "v1", "segment": "all",
    "series": [{"series": "amount", "detector": "ks", "points": [
      {"index": 3, "start": 1000, "end": 2000, "n": 100, "revision": 1,
       "statistic": 0.25, "p_value": null, "threshold": 0.2, "level": "drift"}]}],
    "metrics": [
      {"metric": "accuracy", "points": [
        {"index": 3, "start": 1000, "end": 2000, "n": 100, "revision": 1, "value": 0.75,
         "low": 0.5, "high": null, "labelled": 93, "coverage": 0.93, "level": "degraded"}]},
      {"metric": "f1", "points": [
        {"index": 3, "start": 1000, "end": 2000, "n": 100, "revision": 1, "value": null,
         "low": null, "high": null, "labelled": 93, "coverage": 0.93,
         "level": "insufficient_data"}]}],
    "transitions": [{"at": 2100, "from": "unknown", "to": "degraded",
                     "reasons": ["drift:amount", "low_accuracy"]}]})"));
}

TEST_F(ApiTest, TheSegmentOfASeriesQuestionIsAllWhereItIsLeftOut) {
  fill(history_);
  EXPECT_EQ(get("/api/v1/series", {{"model", "fraud"}, {"version", "v1"}}).status, 200u);
}

TEST_F(ApiTest, AnUnknownMonitorIsNotFound) {
  fill(history_);
  const std::map<std::string, std::string, std::less<>> questions[] = {
      {},
      {{"model", "fraud"}},
      {{"model", "fraud"}, {"version", "v1"}, {"segment", "DE"}},
      {{"model", "\"<b>\xff"}}};
  for (const auto& question : questions) {
    const HttpResponse response = get("/api/v1/series", question);
    EXPECT_EQ(response.status, 404u);
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_THAT(json::value_to<std::string>(parsed(response.body).at("error")),
                StartsWith("there is no monitor"));
  }
}

TEST_F(ApiTest, HealthHasAnEntryForEveryMonitorAndForEveryModelWithoutOne) {
  fill(history_);
  history_.set_monitor({.model = "fraud", .version = "v2"}, HealthState::healthy, {}, 1, {});
  const HttpResponse response = get("/health");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(parsed(response.body), parsed(R"({"models": [
    {"model": "fraud", "version": "v1", "segment": "all", "state": "degraded",
     "reasons": ["drift:amount", "low_accuracy"]},
    {"model": "fraud", "version": "v2", "segment": "all", "state": "healthy", "reasons": []},
    {"model": "churn", "version": "", "segment": "all", "state": "unknown",
     "reasons": ["no_data"]}]})"));
}

TEST_F(ApiTest, HostileNamesStayValidJson) {
  const std::string hostile = "a\"b\\c\n\x01</script>\xff\xc3\xbc";
  history_.set_monitor({.model = hostile, .version = hostile}, HealthState::healthy, {hostile}, 1,
                       {hostile});
  const std::string expected = "a\"b\\c\n\x01</script>\xEF\xBF\xBD\xc3\xbc";
  const json::value health = parsed(get("/health").body).at("models").at(0);
  EXPECT_EQ(health.at("model"), json::value(expected));
  EXPECT_EQ(health.at("reasons").at(0), json::value(expected));
  EXPECT_EQ(parsed(get("/api/v1/status").body).at("monitors").at(0).at("drifting").at(0),
            json::value(expected));
  const json::value series =
      parsed(get("/api/v1/series", {{"model", hostile}, {"version", hostile}}).body);
  EXPECT_EQ(series.at("version"), json::value(expected));
}

TEST_F(ApiTest, ReadinessIsAStatusWithOneReasonALine) {
  for (const std::string path : {"/-/ready", "/readyz"}) {
    readiness_ = {.ready = false,
                  .reasons = {"kafka-0 has no partitions yet", "state is being loaded"}};
    EXPECT_EQ(get(path).status, 503u);
    EXPECT_EQ(get(path).body, "kafka-0 has no partitions yet\nstate is being loaded\n");
    readiness_ = {.ready = false, .reasons = {}};
    EXPECT_EQ(get(path).status, 503u);
    readiness_ = {.ready = true, .reasons = {}};
    EXPECT_EQ(get(path).status, 200u);
    EXPECT_EQ(get(path).body, "ready\n");
  }
}

TEST_F(ApiTest, IsHealthyWhetherReadyOrNot) {
  for (const std::string path : {"/-/healthy", "/healthz"}) {
    EXPECT_EQ(get(path).status, 200u);
    EXPECT_EQ(get(path).body, "healthy\n");
  }
}

TEST_F(ApiTest, MetricsHaveTheTypeThatAScraperExpects) {
  const HttpResponse response = get("/metrics");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(response.body, "driftd_up 1\n");
}

TEST_F(ApiTest, AnythingElseIsNotFoundAndSaysWhatThereIs) {
  for (const std::string path : {"/nothing", "/health/", "/../etc/passwd", "/vendor/",
                                 "/vendor/LICENSE", "/vendor/README.md", "/index.html", ""}) {
    const HttpResponse response = get(path);
    EXPECT_EQ(response.status, 404u) << path;
    EXPECT_THAT(response.body, HasSubstr("/api/v1/status\n")) << path;
  }
}

TEST_F(ApiTest, ServesThePageUnderAPolicy) {
  const HttpResponse page = get("/");
  EXPECT_EQ(page.status, 200u);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(header(page, "Cache-Control"), "no-cache");
  EXPECT_THAT(header(page, "Content-Security-Policy"), StartsWith("default-src 'self'"));
  EXPECT_EQ(header(page, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(get("/app.js").content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(get("/style.css").content_type, "text/css; charset=utf-8");
}

TEST(WebFile, IsTheFileInTheSourcesByteByByte) {
  const fs::path web = fs::path(DRIFTD_ROOT) / "web";
  std::size_t served = 0;
  for (const auto& entry : fs::recursive_directory_iterator(web)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().filename().string();
    if (name.starts_with("README") || name.starts_with("LICENSE") || name.starts_with("."))
      continue;
    const std::string relative = fs::relative(entry.path(), web).string();
    const auto file = web_file(relative == "index.html" ? "/" : "/" + relative);
    ASSERT_TRUE(file) << relative;
    std::ifstream stream(entry.path(), std::ios::binary);
    std::ostringstream bytes;
    bytes << stream.rdbuf();
    EXPECT_TRUE(file->content == bytes.view()) << relative;
    ++served;
  }
  EXPECT_GE(served, 5u);
}

}  // namespace
}  // namespace driftd
