// The configuration: what is read, what is refused, and where the errors point.

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/duration.h"
#include "config/load.h"
#include "tests/config_fixture.h"

namespace driftd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Configuration = ConfigFixture;

TEST_F(Configuration, FillsInEveryDefault) {
  const Config config = load_good(kSource + kModel);
  EXPECT_EQ(config.daemon.listen_host, "127.0.0.1");
  EXPECT_EQ(config.daemon.listen_port, 9464);
  EXPECT_EQ(config.daemon.state_dir, path("state"));
  EXPECT_EQ(config.daemon.checkpoint_interval, 1'000);
  EXPECT_TRUE(config.daemon.dead_letters);
  EXPECT_EQ(config.store.kind, StoreKind::sqlite);
  EXPECT_EQ(config.store.location, path("state/driftd.db"));
  ASSERT_EQ(config.sources.size(), 1U);
  EXPECT_EQ(config.sources[0].name, "kafka-0");
  EXPECT_EQ(config.sources[0].group_id, "driftd");
  EXPECT_EQ(config.sources[0].start, StartAt::earliest);
  EXPECT_EQ(config.sources[0].offset_lost, OffsetLost::stop);
  EXPECT_TRUE(config.sources[0].labels.empty());
  ASSERT_EQ(config.models.size(), 1U);
  const ModelConfig& model = config.models[0];
  EXPECT_EQ(model.task, Task::binary);
  EXPECT_EQ(model.positive_class, "1");
  EXPECT_EQ(model.reference, path("reference.csv"));
  EXPECT_EQ(model.window.size, kHourMs);
  EXPECT_EQ(model.window.idle_close, 5 * kMinuteMs);
  EXPECT_EQ(model.label_horizon, 7 * kDayMs);
  EXPECT_EQ(model.min_samples, 30);
  EXPECT_EQ(model.alerts.policy, AlertPolicy::budget);
  EXPECT_EQ(model.alerts.budget_alerts, 1);
  EXPECT_EQ(model.alerts.budget_period, 30 * kDayMs);
  EXPECT_EQ(model.alerts.on, AlertOn::both);
  EXPECT_THAT(config.notes, ElementsAre(HasSubstr("no `task`")));
}

TEST_F(Configuration, ReadsEveryKeyOfAModel) {
  const Config config = load_good(kSource + kModel + R"(task = "multiclass"
reference_max_distinct = 1000000
window.count = 1000
window.lateness = "10m"
window.out_of_orderness = "1s"
window.skew = "2h"
window.idle_timeout = "30s"
window.idle_close = "never"
label_horizon = "90d"
alerts = { policy = "p_value", alpha = 0.01 }
min_samples = 5
min_coverage = 0.5
amend_interval = "500ms"
champion = "v1"
[model.features.amount]
type = "numeric"
detectors = { psi = { threshold = 0.25, warning = 0.1 }, ks = { p_value = 0.01 } }
max_missing = 0.1
max_type_error = 0.2
max_out_of_range = 0
max_outliers = 0.25
range = [-1, inf]
[model.quality]
max_duplicate = 0.02
max_missing_columns = 0.5
[model.features]
country = { detectors = {}, max_unseen = 0.3, may_be_constant = true }
prediction = { detectors = { chi2 = {} } }
[model.metrics]
f1_macro = { min = 0.7, max = 1, max_drop = 0.05, max_deficit = 0.02 }
latency_mean = { max = "1s", max_drop = "200ms" }
latency_p99 = { max = 2500 }
mcc = {}
)");
  ASSERT_EQ(config.models.size(), 1U);
  const ModelConfig& model = config.models[0];
  EXPECT_EQ(model.task, Task::multiclass);
  EXPECT_EQ(model.reference_max_distinct, 1'000'000U);
  EXPECT_EQ(model.window.count, 1'000);
  EXPECT_EQ(model.window.size, 0);
  EXPECT_EQ(model.window.lateness, 10 * kMinuteMs);
  EXPECT_EQ(model.window.out_of_orderness, kSecondMs);
  EXPECT_EQ(model.window.skew, 2 * kHourMs);
  EXPECT_EQ(model.window.idle_timeout, 30 * kSecondMs);
  EXPECT_EQ(model.window.idle_close, std::nullopt);
  EXPECT_EQ(model.label_horizon, 90 * kDayMs);
  EXPECT_EQ(model.alerts.policy, AlertPolicy::p_value);
  EXPECT_EQ(model.alerts.alpha, 0.01);
  EXPECT_EQ(model.min_samples, 5);
  EXPECT_EQ(model.min_coverage, 0.5);
  EXPECT_EQ(model.amend_interval, 500);

  ASSERT_EQ(model.features.size(), 3U);
  EXPECT_EQ(model.features[0].name, "amount");
  EXPECT_EQ(model.features[0].type, SeriesType::numeric);
  EXPECT_EQ(model.features[0].max_missing, 0.1);
  EXPECT_EQ(model.features[0].max_type_error, 0.2);
  EXPECT_EQ(model.features[0].max_out_of_range, 0);
  EXPECT_EQ(model.features[0].max_outliers, 0.25);
  EXPECT_EQ(model.features[0].range, std::pair(-1.0, std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(model.features[0].may_be_constant);
  EXPECT_EQ(model.features[1].max_unseen, 0.3);
  EXPECT_TRUE(model.features[1].may_be_constant);
  EXPECT_EQ(model.quality.max_duplicate, 0.02);
  EXPECT_EQ(model.quality.max_missing_columns, 0.5);
  EXPECT_EQ(model.quality.min_volume, std::nullopt);
  ASSERT_EQ(model.features[0].detectors->size(), 2U);
  EXPECT_EQ(model.features[0].detectors->at(0).name, "psi");
  EXPECT_EQ(model.features[0].detectors->at(0).threshold, 0.25);
  EXPECT_EQ(model.features[0].detectors->at(0).warning, 0.1);
  EXPECT_EQ(model.features[0].detectors->at(1).p_value, 0.01);
  EXPECT_EQ(model.features[1].type, std::nullopt);
  EXPECT_TRUE(model.features[1].detectors->empty());
  EXPECT_EQ(model.features[2].type, SeriesType::categorical);

  ASSERT_EQ(model.metrics.size(), 4U);
  EXPECT_EQ(model.metrics[0].name, "f1_macro");
  EXPECT_EQ(model.metrics[0].min, 0.7);
  EXPECT_EQ(model.metrics[0].max_drop, 0.05);
  EXPECT_EQ(model.metrics[0].max_deficit, 0.02);
  EXPECT_EQ(model.champion, "v1");
  EXPECT_EQ(model.metrics[1].max, 1'000);
  EXPECT_EQ(model.metrics[1].max_drop, 200);
  EXPECT_EQ(model.metrics[2].max, 2'500);
  EXPECT_EQ(model.metrics[3].min, std::nullopt);
}

TEST_F(Configuration, ReadsDaemonSourceStoreAndWebhook) {
  write("db.password", "top secret\n");
  write("webhook.key", kSecret + "\n");
  write("ca.pem", "");
  const Config config = load_good(kSource + R"(labels = ["l1", "l2"]
timestamps = "microseconds"
start = "2026-01-31T01:00:00+01:00"
offset_lost = "latest"
properties = { "fetch.wait.max.ms" = "500" }
[daemon]
listen = "[::1]:0"
state_dir = "/var/lib/driftd"
dead_letters = false
log_format = "json"
[store]
url = "postgresql://me@db:5433/driftd?sslmode=require"
password_file = "db.password"
[[webhook]]
name = "retrain"
url = "http://127.0.0.1:8080/hook?x=1"
on = ["critical", "stale", "critical"]
secret_file = "webhook.key"
template = "cloudevents"
cooldown = "6h"
timeout = "3s"
allow_private = true
ca_file = "ca.pem"
)" + kModel);
  EXPECT_EQ(config.daemon.listen_host, "::1");
  EXPECT_EQ(config.daemon.listen_port, 0);
  EXPECT_EQ(config.daemon.state_dir, "/var/lib/driftd");
  EXPECT_FALSE(config.daemon.dead_letters);
  EXPECT_EQ(config.daemon.log_format, "json");
  EXPECT_EQ(config.store.kind, StoreKind::postgres);
  EXPECT_EQ(config.store.location, "postgresql://me@db:5433/driftd?sslmode=require");
  EXPECT_EQ(config.store.password, "top secret");
  ASSERT_EQ(config.sources.size(), 1U);
  EXPECT_THAT(config.sources[0].labels, ElementsAre("l1", "l2"));
  EXPECT_EQ(config.sources[0].timestamps, TimestampUnit::microseconds);
  EXPECT_EQ(config.sources[0].start, StartAt::time);
  EXPECT_EQ(config.sources[0].start_time, 1'769'817'600'000);
  EXPECT_EQ(config.sources[0].offset_lost, OffsetLost::latest);
  EXPECT_EQ(config.sources[0].properties.at("fetch.wait.max.ms"), "500");
  ASSERT_EQ(config.webhooks.size(), 1U);
  const WebhookConfig& webhook = config.webhooks[0];
  EXPECT_EQ(webhook.name, "retrain");
  EXPECT_THAT(webhook.on, ElementsAre(HealthState::critical, HealthState::stale));
  EXPECT_EQ(webhook.secret, kSecret);
  EXPECT_EQ(webhook.template_name, "cloudevents");
  EXPECT_EQ(webhook.cooldown, 6 * kHourMs);
  EXPECT_EQ(webhook.timeout, 3 * kSecondMs);
  EXPECT_TRUE(webhook.allow_private);
  EXPECT_EQ(webhook.ca_file, path("ca.pem"));
}

TEST_F(Configuration, PositiveClassIsCanonicalText) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"1", "1"},           {"1.0", "1"},       {"\"1.0\"", "1"}, {"true", "true"},
      {"\"True\"", "true"}, {"\"yes\"", "yes"}, {"0.5", "0.5"},   {"1e3", "1000"}};
  for (const auto& [written, canonical] : cases) {
    const Config config = load_good(kSource + kModel + "positive_class = " + written);
    ASSERT_EQ(config.models.size(), 1U);
    EXPECT_EQ(config.models[0].positive_class, canonical) << written;
  }
}

TEST_F(Configuration, TakesTheStoreOutOfItsUrl) {
  Config config =
      load_good(kSource + kModel + "[store]\nurl = \"postgres://me:p%40ss@db/driftd\"\n");
  EXPECT_EQ(config.store.location, "postgres://me@db/driftd");
  EXPECT_EQ(config.store.password, "p@ss");
  config = load_good(kSource + kModel + "[store]\nurl = \"sqlite:/var/lib/d.db\"\n");
  EXPECT_EQ(config.store.location, "/var/lib/d.db");
}

TEST(Duration, IsOneNumberAndOneUnit) {
  const std::vector<std::pair<std::string, DurationMs>> cases{
      {"0s", 0},          {"500ms", 500},       {"1001ms", 1'001}, {"10s", 10'000},
      {"5m", 5 * 60'000}, {"90m", 90 * 60'000}, {"1h", 3'600'000}, {"7d", 7 * 86'400'000}};
  for (const auto& [text, duration] : cases) {
    EXPECT_EQ(parse_duration(text), duration);
    EXPECT_EQ(format_duration(duration), text);
  }
  for (const char* text : {"", "10", "s", "10x", "1h30m", "1.5h", "-1s", "+1s", " 1s", "1 s", "1s ",
                           "99999999999999999999s", "9223372036854775807d"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

// A line put into a section, and the one problem that comes of it.
struct BadLine {
  std::string line;
  int column;
  std::string message;
  std::string suggestion;
};

class BadLines : public Configuration {
 protected:
  // `before` is the section up to the bad line, `after` what completes the file.
  void expect_each(const std::string& before, const std::string& after,
                   const std::vector<BadLine>& cases) {
    for (const BadLine& bad : cases) {
      SCOPED_TRACE(bad.line);
      const auto problems = load_bad(before + bad.line + "\n" + after);
      ASSERT_EQ(problems.size(), 1U) << to_text(problems);
      EXPECT_EQ(problems[0].file, path("driftd.toml"));
      EXPECT_EQ(problems[0].line, static_cast<int>(lines_of(before).size()) + 1);
      EXPECT_EQ(problems[0].column, bad.column);
      EXPECT_THAT(problems[0].message, HasSubstr(bad.message));
      EXPECT_THAT(problems[0].suggestion, HasSubstr(bad.suggestion));
    }
  }
};

TEST_F(BadLines, OfDaemon) {
  expect_each(
      "[daemon]\n", kSource + kModel,
      {
          {"lisen = 1", 1, "unknown key `lisen` in [daemon]", "did you mean `listen`?"},
          {"colour = 1", 1, "unknown key `colour`", "the keys here are: listen, state_dir"},
          {"listen = 5", 10, "`listen` must be a string such as \"127.0.0.1:9464\", got an integer",
           ""},
          {"listen = \"localhost\"", 10, "must end in a colon and a port", "0.0.0.0:9464"},
          {"listen = \":9464\"", 10, "there is no host in it", ""},
          {"listen = \"::1:9464\"", 10, "an IPv6 address goes into brackets", ""},
          {"listen = \"[::1:9464\"", 10, "not closed", ""},
          {"listen = \"a:65536\"", 10, "a port from 0 to 65535", ""},
          {"state_dir = \"\"", 13, "`state_dir` is empty", ""},
          {"checkpoint_interval = \"10x\"", 23, "no duration: \"10x\"", "\"500ms\", \"10s\""},
          {"checkpoint_interval = 1", 23, "must be a duration in quotes", ""},
          {"checkpoint_interval = \"1ms\"", 23, "at least \"10ms\" and at most \"1h\"", ""},
          {"lanes = 1000", 9, "between 0 and 256, got 1000", ""},
          {"lanes = 1.5", 9, "a whole number between 0 and 256, got a number with a fraction", ""},
          {"max_event_bytes = 0", 19, "`max_event_bytes` must be between", ""},
          {"dead_letters = \"no\"", 16, "must be true or false, got a string", ""},
          {"log_level = \"warn\"", 13, "unknown log_level \"warn\"", "info, warning, error"},
          {"log_format = \"txt\"", 14, "unknown log_format", "did you mean `text`?"},
          {"log_format = \"${DRIFTD_UNSET}\"", 14, "variable `DRIFTD_UNSET` is not set", "set it"},
          {"log_format = \"${a b}\"", 14, "does not begin the name", "$${"},
      });
}

TEST_F(BadLines, OfStoreAndFile) {
  expect_each("[store]\n", kSource + kModel,
              {
                  {"url = \"mysql://x\"", 7, "must begin with postgresql:// or sqlite:", "sqlite:"},
                  {"url = \"sqlite:\"", 7, "no path behind sqlite:", ""},
                  {"url = \"postgresql://h/d?password=x\"", 7, "must not be a parameter", ""},
                  {"password = \"x\"", 12, "belongs to a postgresql:// store", "leave it out"},
              });
  expect_each("[store]\nurl = \"postgresql://me@h/d\"\n", kSource + kModel,
              {{"password_file = \"nope\"", 17, "nope cannot be read: No such file", "write"}});
  expect_each("[store]\nurl = \"postgresql://me:pw@h/d\"\n", kSource + kModel,
              {{"password = \"x\"", 12, "given twice", "keep"}});
  expect_each("", kSource + kModel,
              {
                  {"[modell]", 2, "unknown key `modell` in the file", "did you mean `model`?"},
                  {"daemon = 1", 10, "`daemon` must be a table such as [daemon]", ""},
                  {"webhook = {}", 11, "two brackets: [[webhook]]", "begins with a line"},
                  {"x = ]", 5, "this is not TOML", ""},
              });
}

TEST_F(BadLines, OfSource) {
  expect_each(
      kSource, kModel,
      {
          {"type = \"http\"", 8, "`type = \"http\"` comes in a later version", "driftd replay"},
          {"type = \"replay\"", 8, "comes in a later version", "driftd replay"},
          {"type = \"kafak\"", 8, "unknown type \"kafak\"", "did you mean `kafka`?"},
          {"format = \"kserve\"", 10, "comes in a later version", "use format = \"json\""},
          {"format = \"xml\"", 10, "unknown format \"xml\"", "json"},
          {"timestamps = \"hours\"", 14, "unknown timestamps", "milliseconds"},
          {"start = \"yesterday\"", 9, "`start` cannot be \"yesterday\"", "earliest"},
          {"start = \"2026-01-31\"", 9, "`start` cannot be", "an offset"},
          {"start = 2026-01-31T00:00:00", 9, "without an offset", "an offset"},
          {"offset_lost = \"erliest\"", 15, "unknown offset_lost \"erliest\"", "`earliest`"},
          {"labels = \"l\"", 10, "an array of strings such as [\"labels\"], got a string", ""},
          {"labels = [1]", 11, "but holds an integer", ""},
          {"labels = [\"p\"]", 10, "is in `predictions` and in `labels`", "topics of their own"},
          {"labels = [\"l\", \"l\"]", 10, "lists the topic \"l\" twice", ""},
          {"labels = [\"^l.*\"]", 10, "no topic name", "patterns"},
          {"properties = { a = 1 }", 20, "must be a string such as \"500\", got an integer", ""},
          {"properties.security.protocol = \"SSL\"", 12, "is a table, not a property", "quotes"},
          {"group_ids = \"x\"", 1, "unknown key", "did you mean `group_id`?"},
      });
  for (const char* name : {"enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset",
                           "enable.partition.eof", "group.id", "bootstrap.servers",
                           "group.instance.id", "partition.assignment.strategy"}) {
    expect_each(kSource, kModel,
                {{"properties = { \"" + std::string(name) + "\" = \"x\" }", 16,
                  "the property `" + std::string(name) + "` cannot be set", ""}});
  }
}

TEST_F(BadLines, OfModel) {
  expect_each(
      kModel, kSource,
      {
          {"task = \"binari\"", 8, "unknown task \"binari\"", "did you mean `binary`?"},
          {"task = 5", 8, "one of \"binary\", \"multiclass\", \"regression\", got an integer", ""},
          {"positive_class = []", 18, "`positive_class` cannot be an array", "as the events"},
          {"positive_class = nan", 18, "`positive_class` cannot be", ""},
          {"reference_max_distinct = 1", 26, "between 10 and 10000000, got 1", ""},
          {"window = \"1h\"", 10, "a table such as { size = \"1h\" }, got a string", ""},
          {"window = { size = \"1h\", count = 5 }", 33, "`size` or `count`, not both", "one of"},
          {"window = { size = \"0s\" }", 19, "`size` must be at least \"1ms\"", ""},
          {"window = { count = 0 }", 20, "`count` must be between 1", ""},
          {"window = { slide = \"2h\" }", 20, "`slide` is longer than `size`", "at most as long"},
          {"window = { slide = \"7ms\" }", 20, "a sum of more than 1000 panes", "common divisor"},
          {"window = { count = 5, slide = \"5m\" }", 31, "without overlap", "leave `slide` out"},
          {"window = { idle_close = \"ever\" }", 25, "no duration: \"ever\"", ""},
          {"window = { latenes = \"1m\" }", 12, "unknown key", "did you mean `lateness`?"},
          {"label_horizon = \"7 days\"", 17, "no duration", "7d"},
          {"alerts = { budget = \"1 per month\" }", 21, "`budget` cannot be \"1 per month\"",
           "\"1 per 30d\""},
          {"alerts = { budget = \"0 per 30d\" }", 21, "`budget` cannot be", "how many"},
          {"alerts = { budget = 1 }", 21, "`budget` must be a string", ""},
          {"alerts = { policy = \"fixed\", budget = \"1 per 30d\" }", 39,
           "under the policy \"budget\" only", "leave `policy` out"},
          {"alerts = { policy = \"fixed\", min_effect = { share = 0.1 } }", 43,
           "`min_effect` belongs to the policy \"budget\"", "leave it out"},
          {"alerts = { learn = 9 }", 20, "`learn` must be between 10 and 2016", ""},
          {"alerts = { policy = \"fixed\", learn = 50 }", 38, "belongs to the policy \"budget\"",
           "leave it out"},
          {"alerts = { min_effect = { share = -1 } }", 35, "at least 0", ""},
          {"alerts = { min_effect = { size = 1 } }", 27, "unknown key", ""},
          {"alerts = { on = \"drifts\" }", 17, "drifts", "did you mean"},
          {"alerts = { policy = \"p_value\", alpha = 1 }", 40, "greater than 0 and less than 1",
           ""},
          {"min_samples = 0", 15, "`min_samples` must be between 1", ""},
          {"quality = { max_duplicate = 1.5 }", 29, "at most 1, got 1.5", ""},
          {"quality = { max_duplicates = 1 }", 13, "unknown key", "did you mean `max_duplicate`?"},
          {"quality = { min_volume = 5, max_volume = 4 }", 26, "is above `max_volume` (4)", ""},
          {"min_coverage = 1.5", 16, "at least 0 and at most 1, got 1.5", ""},
          {"min_coverage = inf", 16, "at least 0 and at most 1", ""},
          {"segments = [ { by = \"country\" } ]", 1, "`segments` comes in a later version",
           "`all`"},
      });
}

TEST_F(BadLines, OfFeatures) {
  expect_each(
      kModel + "[model.features]\n", kSource,
      {
          {"a = { typ = \"numeric\" }", 7, "unknown key `typ` in `a`", "did you mean `type`?"},
          {"a = { type = \"number\" }", 14, "unknown type \"number\"", "numeric"},
          {"a = { max_missing = 2 }", 21, "at most 1, got 2", ""},
          {"a = { max_unseen = -1 }", 20, "at least 0", ""},
          {"a = { type = \"numeric\", max_unseen = 0 }", 38,
           "`max_unseen` does not fit a numeric series", ""},
          {"a = { type = \"categorical\", max_outliers = 0 }", 44,
           "`max_outliers` does not fit a categorical series", ""},
          {"a = { type = \"categorical\", range = [0, 1] }", 37,
           "`range` does not fit a categorical series", ""},
          {"predicted_class = { max_out_of_range = 0 }", 40, "does not fit a categorical", ""},
          {"a = { range = 5 }", 15, "an array of numbers such as [0, 150]", ""},
          {"a = { range = [0, \"x\"] }", 19, "but holds", ""},
          {"a = { range = [1] }", 15, "two numbers, the smaller one first", "range = [0, 150]"},
          {"a = { range = [3, 1] }", 15, "two numbers, the smaller one first", ""},
          {"a = { range = [0, nan] }", 15, "two numbers, the smaller one first", ""},
          {"a = { detectors = { kz = {} } }", 21, "unknown detector `kz`", "did you mean `ks`?"},
          {"a = { detectors = { nonsense = {} } }", 21, "unknown detector `nonsense`",
           "available: ks, psi, js, hellinger, tv, linf"},
          {"a = { type = \"categorical\", detectors = { ks = {} } }", 43,
           "`ks` does not fit a categorical series", "psi, js, hellinger, tv, linf, chi2, g_test"},
          {"a = { type = \"categorical\", detectors = { wasserstein = {} } }", 43,
           "`wasserstein` does not fit a categorical series", ""},
          {"a = { detectors = { ks = { threshold = 2 } } }", 40, "at most 1, got 2", ""},
          {"a = { detectors = { ks = 0.1 } }", 26, "a table such as { threshold = 0.2 }", ""},
          {"a = { detectors = { psi = { warning = 0.3, threshold = 0.2 } } }", 39,
           "`warning` (0.3) is above `threshold` (0.2)", "before"},
          {"a = { detectors = { psi = { p_value = 0.1 } } }", 39, "`psi` has no p-value",
           "use `threshold`"},
          {"id = {}", 1, "`id` is a reserved column", ""},
          {"score_a = {}", 1, "`score_a` is a reserved column", ""},
          {"prediction = { type = \"categorical\" }", 23, "always numeric in a binary model",
           "leave `type` out"},
          {"predicted_class = { detectors = { ks = {} } }", 35, "does not fit a categorical", ""},
      });
}

TEST_F(BadLines, OfMetrics) {
  expect_each(
      kModel + "[model.metrics]\n", kSource,
      {
          {"acuracy = {}", 1, "unknown metric `acuracy`", "did you mean `accuracy`?"},
          {"f1_macro = {}", 1, "a binary model has no metric `f1_macro`", ""},
          {"rmse = {}", 1, "a binary model has no metric `rmse`", "the metrics are: accuracy"},
          {"f1 = 0.7", 6, "a table such as { min = 0.8 }, got a number with a fraction", ""},
          {"f1 = { min = 70 }", 14, "at least 0 and at most 1, got 70", ""},
          {"f1 = { min = 0.9, max = 0.8 }", 14, "`min` (0.9) is above `max` (0.8)", ""},
          {"f1 = { max_drop = -0.05 }", 19, "at least 0 and at most 1, got -0.05", ""},
          {"f1 = { max_deficit = 0.02 }", 22, "`max_deficit` needs a version to compare with",
           "champion = \"v1\""},
          {"latency_mean = { max = \"1 s\" }", 24, "no duration: \"1 s\"", "10s"},
          {"latency_p99 = { max = -1 }", 23, "at least 0, got -1", ""},
      });
}

TEST_F(BadLines, OfWebhook) {
  expect_each(
      kWebhook, kSource + kModel,
      {
          {"on = [\"degrade\"]", 6, "\"degrade\", which is no health state", "`degraded`?"},
          {"on = []", 6, "lists no state", ""},
          {"secret = \"abc\"", 10, "does not begin with whsec_",
           "printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\""},
          {"secret = \"whsec_abc\"", 10, "not whsec_ and base64", "openssl"},
          {"secret = \"whsec_ab*=\"", 10, "not whsec_ and base64", "openssl"},
          {"secret_file = \"nope.key\"", 15, "nope.key cannot be read: No such file", "openssl"},
          {"secret_file = \".\"", 15, "it is a folder", "openssl"},
          {"secret = \"${DRIFTD_UNSET}\"", 10, "variable `DRIFTD_UNSET` is not set", ""},
          {"template = \"slack\"", 12, "comes in a later version", "cloudevents"},
          {"template = \"cloudevent\"", 12, "unknown template", "did you mean `cloudevents`?"},
          {"timeout = \"1ms\"", 11, "`timeout` must be at least \"100ms\"", ""},
          {"ca_file = \"nope.pem\"", 11, "nope.pem cannot be read", "PEM"},
      });
  const std::vector<std::pair<std::string, std::string>> urls{
      {"ftp://x", "must begin with https:// or http://"},
      {"https://", "no host"},
      {"https://a b/", "a space"},
      {"https://me:pw@h/", "must not carry a user name"},
      {"https://h:0/", "port"},
      {"https://h:99999/", "port"},
      {"https://::1/", "brackets"},
  };
  for (const auto& [url, message] : urls) {
    expect_each("[[webhook]]\n", kSource + kModel,
                {{"url = \"" + url + "\"", 7, message, "https://ci.example"}});
  }
}

TEST_F(Configuration, MissingKeysPointAtTheirSection) {
  auto problems = load_bad("[daemon]\n\n[[source]]\n[[model]]\n\n[[webhook]]\n");
  ASSERT_EQ(problems.size(), 5U) << to_text(problems);
  EXPECT_EQ(problems[0].message, "[[source]] has no `brokers`");
  EXPECT_EQ(problems[0].line, 3);
  EXPECT_EQ(problems[1].message, "[[source]] has no `predictions`");
  EXPECT_EQ(problems[2].message, "[[model]] has no `name`");
  EXPECT_EQ(problems[2].line, 4);
  EXPECT_EQ(problems[3].message, "[[model]] has no `reference`");
  EXPECT_EQ(problems[4].message, "[[webhook]] has no `url`");
  EXPECT_EQ(problems[4].line, 6);
  problems = load_bad("");
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(problems[0].message, HasSubstr("no [[model]]"));
  EXPECT_THAT(problems[1].message, HasSubstr("no [[source]]"));
}

TEST_F(Configuration, AnUnreadableFileIsOneProblem) {
  for (const std::string& name : {path("nope.toml"), folder_.string()}) {
    const auto config = load_config(name);
    ASSERT_FALSE(config);
    ASSERT_EQ(config.error().size(), 1U);
    EXPECT_EQ(config.error()[0].line, 0);
    EXPECT_THAT(config.error()[0].message, HasSubstr("cannot be read"));
  }
}

TEST_F(Configuration, AReferenceThatIsNotThereSaysWhereItWasLookedFor) {
  const auto problems = load_bad(kSource + "[[model]]\nname = \"m\"\nreference = \"data/x.csv\"\n");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].line, 6);
  EXPECT_EQ(problems[0].column, 13);
  EXPECT_THAT(problems[0].message, HasSubstr(path("data/x.csv")));
  EXPECT_THAT(problems[0].message, HasSubstr("No such file or directory"));
  EXPECT_THAT(problems[0].suggestion, HasSubstr("the configuration file's folder"));
}

TEST_F(Configuration, NamesAreUnique) {
  auto problems = load_bad(kSource + kModel + kModel);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].line, 8);
  EXPECT_EQ(problems[0].message, "the model name `m` is used twice, first in line 4");
  problems = load_bad(kSource + kModel + kWebhook + kWebhook + "name = \"webhook-0\"\n");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].message, HasSubstr("webhook name `webhook-0` is used twice"));
}

TEST_F(Configuration, TellsAllProblemsAtOnceInTheOrderOfTheFile) {
  const auto problems = load_bad(R"([[model]]
name = "m"
reference = "nope.csv"
window = { size = "10x" }
[daemon]
lisen = 5
[[source]]
brokers = "${DRIFTD_UNSET}"
predictions = ["p"]
)",
                                 {.overrides = {"daemon.lanes=-1"}, .models_only = false});
  const std::string file = path("driftd.toml");
  EXPECT_EQ(to_text(problems),
            file + ":3:13: error: the reference " + path("nope.csv") +
                " cannot be read: No such file or directory\n"
                "  help: a relative path starts at the configuration file's folder; the file holds "
                "known-good traffic as CSV or NDJSON, plain or gzipped, or is a baseline\n" +
                file +
                ":4:19: error: `size` is no duration: \"10x\"\n"
                "  help: use e.g. \"500ms\", \"10s\", \"5m\", \"1h\", \"7d\"\n" +
                file +
                ":6:1: error: unknown key `lisen` in [daemon]\n"
                "  help: did you mean `listen`?\n" +
                file +
                ":8:11: error: the environment variable `DRIFTD_UNSET` is not set\n"
                "  help: set it where driftd is started, or write the value itself\n"
                "--set: error: daemon.lanes: `lanes` must be between 0 and 256, got -1\n");
}

TEST_F(Configuration, ReplacesEnvironmentVariablesInsideStrings) {
  setenv("DRIFTD_TEST_HOST", "broker", 1);
  setenv("DRIFTD_TEST_SECRET", kSecret.c_str(), 1);
  const Config config = load_good(
      "[[source]]\nbrokers = \"${DRIFTD_TEST_HOST}-1:9092,${DRIFTD_TEST_HOST}-2:9092\"\n"
      "predictions = [\"${DRIFTD_TEST_HOST}\"]\nproperties = { a = \"$${b}$c\" }\n" +
      kModel + kWebhook + "secret = \"${DRIFTD_TEST_SECRET}\"\n");
  ASSERT_EQ(config.sources.size(), 1U);
  EXPECT_EQ(config.sources[0].brokers, "broker-1:9092,broker-2:9092");
  EXPECT_THAT(config.sources[0].predictions, ElementsAre("broker"));
  EXPECT_EQ(config.sources[0].properties.at("a"), "${b}$c");
  EXPECT_EQ(config.webhooks[0].secret, kSecret);
}

TEST_F(Configuration, NoMessageShowsWhatTheEnvironmentHolds) {
  setenv("DRIFTD_TEST_SECRET", "hunter2", 1);
  for (const std::string line :
       {"[daemon]\nlisten = \"${DRIFTD_TEST_SECRET}\"",
        "[daemon]\nlog_level = \"${DRIFTD_TEST_SECRET}\"",
        "[daemon]\ncheckpoint_interval = \"${DRIFTD_TEST_SECRET}\"",
        "[store]\nurl = \"mysql://${DRIFTD_TEST_SECRET}\"",
        "[[webhook]]\nurl = \"https://x/\"\nsecret = \"${DRIFTD_TEST_SECRET}\""}) {
    const std::string text = to_text(load_bad(kSource + kModel + line));
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  }
}

TEST_F(Configuration, AShortSecretIsNoted) {
  const Config config = load_good(kSource + kModel + kWebhook + "secret = \"whsec_c2hvcnQ=\"\n");
  EXPECT_THAT(config.notes, Contains(HasSubstr("webhook-0: its secret has 5 bytes")));
}

TEST_F(Configuration, OverridesChangeAndAddKeys) {
  const std::string file = kSource + kModel + "window = { size = \"1h\" }\n";
  const Config config = load_good(
      file,
      {.overrides = {"daemon.listen=127.0.0.1:0", "model.0.window.count=500", "model.min_samples=7",
                     "model.task=regression", "source.properties.\"a.b\"=c=d", "model.name=\"5\"",
                     "source.predictions=[\"x\", \"y\"]", "model.metrics.rmse.max=2"},
       .models_only = false});
  EXPECT_EQ(config.daemon.listen_port, 0);
  ASSERT_EQ(config.models.size(), 1U);
  EXPECT_EQ(config.models[0].window.count, 500);
  EXPECT_EQ(config.models[0].window.size, 0);
  EXPECT_EQ(config.models[0].min_samples, 7);
  EXPECT_EQ(config.models[0].task, Task::regression);
  EXPECT_EQ(config.models[0].name, "5");
  EXPECT_EQ(config.models[0].metrics.at(0).max, 2);
  EXPECT_EQ(config.sources[0].properties.at("a.b"), "c=d");
  EXPECT_THAT(config.sources[0].predictions, ElementsAre("x", "y"));
}

TEST_F(Configuration, BadOverridesAreProblemsOfTheCommandLine) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"model.0.window.cuont=5", "model.0.window.cuont: unknown key `cuont` in `window`"},
      {"model.2.name=x", "model.2.name: there is no `model.2`: the file has 2"},
      {"daemon", "daemon: not of the form KEY=VALUE"},
      {"=5", "not of the form KEY=VALUE"},
      {"a b=5", "a b: not of the form KEY=VALUE"},
      {"webhook.url=https://x/", "the file has no [[webhook]]"},
      {"model.0.name.x=5", "`name` is a string, it has no `x` in it"},
      {"daemon.lanes=many", "`lanes` must be a whole number between 0 and 256, got a string"},
      {"daemon={ lanes = -1 }", "daemon: `lanes` must be between"},
      {"model.min_samples=5", "`model` has 2 elements; say which"},
      {"daemon.log_level=${DRIFTD_UNSET}", "`DRIFTD_UNSET` is not set"},
  };
  const std::string file =
      kSource + kModel + "[[model]]\nname = \"n\"\nreference = \"reference.csv\"\n";
  for (const auto& [change, message] : cases) {
    const auto problems = load_bad(file, {.overrides = {change}, .models_only = false});
    ASSERT_EQ(problems.size(), 1U) << change << "\n" << to_text(problems);
    EXPECT_EQ(problems[0].file, "--set");
    EXPECT_EQ(problems[0].line, 0);
    EXPECT_THAT(problems[0].message, HasSubstr(message));
  }
}

TEST_F(Configuration, ModelsOnlyNeedsAndTouchesNothingElse) {
  const LoadOptions models_only{.overrides = {}, .models_only = true};
  EXPECT_EQ(load_good(kModel, models_only).models.size(), 1U);
  const Config config = load_good(kModel + R"([[source]]
brokers = "${DRIFTD_UNSET}"
properties = { "sasl.password" = "${DRIFTD_UNSET}" }
[store]
url = "postgresql://me:${DRIFTD_UNSET}@db/x"
password_file = "nope"
[[webhook]]
secret_file = "nope"
ca_file = "nope"
)",
                                  models_only);
  EXPECT_TRUE(config.sources.empty());
  EXPECT_TRUE(config.webhooks.empty());
  const auto problems =
      load_bad(kModel + "[[source]]\nbroker = 1\n[store]\nurls = 1\n", models_only);
  ASSERT_EQ(problems.size(), 2U) << to_text(problems);
  EXPECT_EQ(problems[0].suggestion, "did you mean `brokers`?");
  EXPECT_EQ(problems[1].suggestion, "did you mean `url`?");
  EXPECT_EQ(load_bad(kSource, models_only).size(), 1U);
}

TEST_F(Configuration, ReadsSequentialDetectors) {
  const Config config = load_good(kSource + kModel + R"([[model.sequential]]
detector = "page_hinkley"
on = "metric:accuracy"
set = { threshold = 0.5, mode = "down", min_instances = 10 }
[[model.sequential]]
detector = "cusum"
on = "statistic:a.b.ks"
[[model.sequential]]
detector = "adwin"
on = "score"
)");
  const std::vector<SequentialConfig>& watches = config.models[0].sequential;
  ASSERT_EQ(watches.size(), 3U);
  EXPECT_EQ(watches[0].on, "metric:accuracy");
  EXPECT_EQ(watches[0].source, SequentialSource::metric);
  EXPECT_EQ(watches[0].name, "accuracy");
  EXPECT_TRUE(watches[0].waits_for_labels);
  EXPECT_EQ(watches[0].settings->kind().name, "page_hinkley");
  EXPECT_EQ(watches[0].settings->number("threshold"), 0.5);
  EXPECT_EQ(watches[0].settings->choice("mode"), "down");
  EXPECT_EQ(watches[0].settings->whole("min_instances"), 10U);
  EXPECT_EQ(watches[1].series, "a.b");
  EXPECT_EQ(watches[1].name, "ks");
  EXPECT_FALSE(watches[1].waits_for_labels);
  EXPECT_EQ(watches[2].source, SequentialSource::score);
}

TEST_F(Configuration, RefusesSequentialDetectorsThatCannotBe) {
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"detector = \"page_hinkly\"\non = \"score\"", "unknown sequential detector `page_hinkly`",
       "did you mean `page_hinkley`?"},
      {"detector = \"ddm\"\non = \"score\"", "`ddm` takes errors", "available: adwin"},
      {"on = \"score\"", "`detector`", "page_hinkley"},
      {"detector = \"adwin\"", "`on`", "metric:NAME"},
      {"detector = \"adwin\"\non = \"accuracy\"", "`on` names no series: \"accuracy\"",
       "metric:NAME"},
      {"detector = \"adwin\"\non = \"statistic:amount\"", "`on` names no series", "statistic:"},
      {"detector = \"adwin\"\non = \"metric:acuracy\"", "has no metric `acuracy`",
       "did you mean `accuracy`?"},
      {"detector = \"adwin\"\non = \"score\"\nset = { detla = 1 }", "has no parameter `detla`",
       "did you mean `delta`?"},
      {"detector = \"adwin\"\non = \"score\"\nset = { delta = 2 }", "cannot be adwin's `delta`",
       "a number above 0, at most 1"},
      {"detector = \"adwin\"\non = \"score\"\nset = { delta = [] }", "`delta` must be a number",
       ""},
      {"detector = \"kswin\"\non = \"score\"\nset = { stat_size = 60 }", "draws `stat_size`",
       "window_size"},
      {"detector = \"adwin\"\non = \"score\"\nseries = 1", "unknown key `series`", ""},
      {"detector = \"adwin\"\non = \"score\"\n[[model.sequential]]\ndetector = \"adwin\"\n"
       "on = \"score\"",
       "watches \"score\" twice", "keep one"},
  };
  for (const auto& [text, message, help] : cases) {
    const auto problems = load_bad(kSource + kModel + "[[model.sequential]]\n" + text + "\n");
    ASSERT_EQ(problems.size(), 1U) << text << "\n" << to_text(problems);
    EXPECT_THAT(problems[0].message, HasSubstr(message)) << text;
    EXPECT_THAT(problems[0].suggestion, HasSubstr(help)) << text;
    EXPECT_GT(problems[0].line, 0) << text;
  }
}

}  // namespace
}  // namespace driftd
