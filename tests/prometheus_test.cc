// The families of /metrics: which are there, what moves them and what does not.
#include "sinks/prometheus_metrics.h"

#include <sys/wait.h>

#include <cstdio>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace driftd {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kVersion = "1.2.3";

// The value of one series in the exposition; empty where it is not there. Label order is the
// library's: sorted.
std::string value_of(const PrometheusMetrics& metrics, const std::string& series) {
  const std::string text = "\n" + metrics.expose();
  const auto at = text.find("\n" + series + " ");
  if (at == std::string::npos) return "";
  const auto begin = at + series.size() + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

Finding finding(std::int64_t index, std::int32_t revision, std::optional<double> statistic,
                Level level = Level::stable) {
  return {.monitor = {"fraud", "v3", "all"},
          .series = "amount",
          .detector = "ks",
          .window = {.index = index,
                     .start = index * 1'000,
                     .end = (index + 1) * 1'000,
                     .n = 50,
                     .revision = revision},
          .statistic = statistic,
          .p_value = std::nullopt,
          .threshold = std::nullopt,
          .level = level};
}

MetricValue metric(std::int64_t index, std::int32_t revision, std::optional<double> value,
                   double coverage) {
  return {.monitor = {"fraud", "v3", "all"},
          .metric = "accuracy",
          .window = {.index = index,
                     .start = index * 1'000,
                     .end = (index + 1) * 1'000,
                     .n = 50,
                     .revision = revision},
          .value = value,
          .low = std::nullopt,
          .high = std::nullopt,
          .labelled = 25,
          .coverage = coverage,
          .level = Level::stable};
}

Transition transition(TimeMs at, HealthState from, HealthState to) {
  return {.monitor = {"fraud", "v3", "all"}, .at = at, .from = from, .to = to, .reasons = {}};
}

const std::string kStatistic =
    R"(driftd_drift_statistic{detector="ks",model="fraud",segment="all",)"
    R"(series="amount",version="v3"})";
const std::string kDetected = R"(driftd_drift_detected{detector="ks",model="fraud",segment="all",)"
                              R"(series="amount",version="v3"})";
const std::string kAccuracy =
    R"(driftd_metric{metric="accuracy",model="fraud",segment="all",version="v3"})";
const std::string kCoverage =
    R"(driftd_label_coverage_ratio{model="fraud",segment="all",version="v3"})";
std::string health_series(std::string_view state) {
  return R"(driftd_model_health{model="fraud",segment="all",state=")" + std::string(state) +
         R"(",version="v3"})";
}

TEST(PrometheusMetrics, CountsFromZeroFromTheStart) {
  const PrometheusMetrics metrics(kVersion);
  EXPECT_EQ(value_of(metrics, "driftd_predictions_total"), "0");
  EXPECT_EQ(value_of(metrics, "driftd_labels_total"), "0");
  for (const std::string_view reason : kDiscardReasonNames) {
    EXPECT_EQ(value_of(metrics, "driftd_discarded_total{reason=\"" + std::string(reason) + "\"}"),
              "0");
  }
  EXPECT_EQ(value_of(metrics, R"(driftd_build_info{version="1.2.3"})"), "1");
  EXPECT_EQ(value_of(metrics, "driftd_checkpoints_total"), "0");
  EXPECT_EQ(value_of(metrics, "driftd_windows_closed_total"), "0");
}

TEST(PrometheusMetrics, RaisesCountersAndNeverLowersThem) {
  PrometheusMetrics metrics(kVersion);
  DiscardCounts discarded;
  discarded.add(DiscardReason::late_label, 3);
  metrics.set_totals(20'000'001, 5, discarded);
  metrics.set_totals(7, 6, DiscardCounts());
  EXPECT_EQ(value_of(metrics, "driftd_predictions_total"), "20000001");
  EXPECT_EQ(value_of(metrics, "driftd_labels_total"), "6");
  EXPECT_EQ(value_of(metrics, R"(driftd_discarded_total{reason="late_label"})"), "3");
}

TEST(PrometheusMetrics, ShowsTheLastClosedWindow) {
  PrometheusMetrics metrics(kVersion);
  metrics.observe(finding(0, 0, 0.25));
  EXPECT_EQ(value_of(metrics, kStatistic), "0.25");
  EXPECT_EQ(value_of(metrics, kDetected), "0");
  metrics.observe(finding(1, 0, 0.75, Level::drift));
  EXPECT_EQ(value_of(metrics, kStatistic), "0.75");
  EXPECT_EQ(value_of(metrics, kDetected), "1");
}

TEST(PrometheusMetrics, IsNotMovedByAnAmendmentOfAnOlderWindow) {
  PrometheusMetrics metrics(kVersion);
  metrics.observe(metric(1, 0, 0.5, 0.5));
  metrics.observe(metric(0, 4, 0.125, 1.0));
  EXPECT_EQ(value_of(metrics, kAccuracy), "0.5");
  EXPECT_EQ(value_of(metrics, kCoverage), "0.5");
}

TEST(PrometheusMetrics, IsMovedByANewerRevisionOfTheSameWindow) {
  PrometheusMetrics metrics(kVersion);
  metrics.observe(metric(1, 2, 0.5, 0.5));
  metrics.observe(metric(1, 3, 0.75, 0.625));
  EXPECT_EQ(value_of(metrics, kAccuracy), "0.75");
  EXPECT_EQ(value_of(metrics, kCoverage), "0.625");
  metrics.observe(metric(1, 1, 0.25, 0.25));
  EXPECT_EQ(value_of(metrics, kAccuracy), "0.75");
}

TEST(PrometheusMetrics, TellsWindowsByCountApartThatEndTogether) {
  PrometheusMetrics metrics(kVersion);
  Finding first = finding(3, 0, 0.25);
  Finding second = finding(4, 0, 0.5);
  second.window.end = first.window.end;
  metrics.observe(second);
  first.window.revision = 9;
  metrics.observe(first);
  EXPECT_EQ(value_of(metrics, kStatistic), "0.5");
}

TEST(PrometheusMetrics, TakesAGaugeAwayWhereTheNumberIsNotDefined) {
  PrometheusMetrics metrics(kVersion);
  metrics.observe(finding(0, 0, 0.25, Level::drift));
  metrics.observe(metric(0, 0, 0.5, 0.5));
  metrics.observe(finding(1, 0, std::nullopt, Level::insufficient_data));
  metrics.observe(metric(1, 0, std::nullopt, 0));
  EXPECT_EQ(value_of(metrics, kStatistic), "");
  EXPECT_EQ(value_of(metrics, kDetected), "0");
  EXPECT_EQ(value_of(metrics, kAccuracy), "");
  EXPECT_EQ(value_of(metrics, kCoverage), "0");
  metrics.observe(finding(2, 0, 0.5));
  EXPECT_EQ(value_of(metrics, kStatistic), "0.5");
}

TEST(PrometheusMetrics, ShowsOneStateAtOne) {
  PrometheusMetrics metrics(kVersion);
  metrics.set_health({"fraud", "v3", "all"}, HealthState::unknown);
  EXPECT_EQ(value_of(metrics, health_series("unknown")), "1");
  metrics.observe(transition(2'000, HealthState::unknown, HealthState::degraded));
  // An older transition, repeated after a restart, says nothing of now.
  metrics.observe(transition(1'000, HealthState::unknown, HealthState::healthy));
  for (const std::string_view state : {"unknown", "healthy", "critical", "stale"}) {
    EXPECT_EQ(value_of(metrics, health_series(state)), "0");
  }
  EXPECT_EQ(value_of(metrics, health_series("degraded")), "1");
}

TEST(PrometheusMetrics, ShowsItsOwnAffairs) {
  PrometheusMetrics metrics(kVersion);
  metrics.set_windows_closed(4);
  metrics.set_watermark("fraud", 1'700'000'000'500);
  metrics.set_watermark("idle", kNoTime);
  metrics.set_lag("kafka-0", "predictions", 3, 42);
  metrics.set_outbox_entries("store", 7);
  metrics.count_deliveries("webhook-0", "delivered", 2);
  metrics.count_checkpoint(250, 4'000);
  metrics.set_dead_letters_not_kept(5);
  metrics.set_losses(7, 8);
  LabelDelays delays;
  delays.add(500);
  delays.add(5'000);
  metrics.set_join(
      "fraud", {.rows = 3, .evicted = 6, .expired_predictions = 4, .expired_labels = 5}, delays);
  delays.add(7'000);
  metrics.set_join(
      "fraud", {.rows = 2, .evicted = 6, .expired_predictions = 5, .expired_labels = 5}, delays);
  metrics.set_source_errors("kafka-0", 6);
  metrics.set_foreign_partitions("kafka-0", 3);
  metrics.set_offset_losses("kafka-0", "predictions", "retention", 1);
  metrics.set_lost_messages("kafka-0", "predictions", 600);
  EXPECT_EQ(value_of(metrics, "driftd_windows_closed_total"), "4");
  EXPECT_EQ(std::stod(value_of(metrics, R"(driftd_watermark_timestamp_seconds{model="fraud"})")),
            1'700'000'000.5);
  EXPECT_EQ(value_of(metrics, R"(driftd_watermark_timestamp_seconds{model="idle"})"), "");
  EXPECT_EQ(value_of(metrics, R"(driftd_source_foreign_partitions{source="kafka-0"})"), "3");
  EXPECT_EQ(
      value_of(
          metrics,
          R"(driftd_offset_lost_total{reason="retention",source="kafka-0",topic="predictions"})"),
      "1");
  EXPECT_EQ(
      value_of(metrics, R"(driftd_lost_messages_total{source="kafka-0",topic="predictions"})"),
      "600");
  const std::string lag =
      R"(driftd_consumer_lag_messages{partition="3",source="kafka-0",topic="predictions"})";
  EXPECT_EQ(value_of(metrics, lag), "42");
  EXPECT_EQ(value_of(metrics, R"(driftd_outbox_entries{sink="store"})"), "7");
  EXPECT_EQ(value_of(metrics, R"(driftd_deliveries_total{result="delivered",sink="webhook-0"})"),
            "2");
  EXPECT_EQ(value_of(metrics, "driftd_checkpoints_total"), "1");
  EXPECT_EQ(value_of(metrics, "driftd_checkpoint_duration_seconds"), "0.25");
  EXPECT_EQ(value_of(metrics, "driftd_checkpoint_cpu_seconds_total"), "0.004");
  EXPECT_EQ(value_of(metrics, "driftd_dead_letters_not_kept_total"), "5");
  EXPECT_EQ(value_of(metrics, R"(driftd_join_rows{model="fraud"})"), "2");
  EXPECT_EQ(value_of(metrics, R"(driftd_join_evicted_total{model="fraud"})"), "6");
  EXPECT_EQ(value_of(metrics, R"(driftd_join_expired_total{kind="prediction",model="fraud"})"),
            "5");
  EXPECT_EQ(value_of(metrics, R"(driftd_join_expired_total{kind="label",model="fraud"})"), "5");
  EXPECT_EQ(value_of(metrics, R"(driftd_label_delay_seconds_bucket{model="fraud",le="1"})"), "1");
  EXPECT_EQ(value_of(metrics, R"(driftd_label_delay_seconds_bucket{model="fraud",le="10"})"), "3");
  EXPECT_EQ(value_of(metrics, R"(driftd_label_delay_seconds_sum{model="fraud"})"), "12.5");
  EXPECT_EQ(value_of(metrics, "driftd_predictions_too_late_total"), "7");
  EXPECT_EQ(value_of(metrics, "driftd_damaged_windows_total"), "8");
  EXPECT_EQ(value_of(metrics, R"(driftd_source_errors_total{source="kafka-0"})"), "6");
  metrics.remove_lag("kafka-0", "predictions", 3);
  EXPECT_EQ(value_of(metrics, lag), "");
}

TEST(PrometheusMetrics, LeavesSeriesOutBeyondTheLimitAndCountsThem) {
  PrometheusMetrics metrics(kVersion, 2);
  metrics.observe(finding(0, 0, 0.25));
  Finding other = finding(0, 0, 0.5);
  other.series = "country";
  metrics.observe(other);
  EXPECT_EQ(value_of(metrics, kStatistic), "0.25");
  EXPECT_THAT(metrics.expose(), Not(HasSubstr("country")));
  EXPECT_EQ(value_of(metrics, "driftd_series_overflow_total"), "2");
  // What is there goes on moving, and what is taken away makes room.
  metrics.observe(finding(1, 0, std::nullopt));
  metrics.observe(other);
  EXPECT_THAT(metrics.expose(), HasSubstr("country"));
}

TEST(PrometheusMetrics, ShowsOnlyUtf8) {
  PrometheusMetrics metrics(kVersion);
  Finding odd = finding(0, 0, 0.25);
  odd.monitor.version = "v\xFF\"\n\\";
  metrics.observe(odd);
  EXPECT_THAT(metrics.expose(), HasSubstr("version=\"v\xEF\xBF\xBD\\\"\\n\\\\\""));
}

TEST(PrometheusMetrics, CanBeScrapedWhileItMoves) {
  PrometheusMetrics metrics(kVersion);
  std::thread observer([&] {
    for (int i = 0; i < 500; ++i)
      metrics.observe(finding(i, 0, i % 3 == 0 ? std::nullopt : std::optional(1.0 * i)));
  });
  for (int i = 0; i < 50; ++i) EXPECT_THAT(metrics.expose(), HasSubstr("driftd_build_info"));
  observer.join();
  EXPECT_EQ(value_of(metrics, kStatistic), "499");
}

TEST(PrometheusMetrics, ShowsHowManyLabelsOfEachClassHaveCome) {
  PrometheusMetrics metrics(kVersion);
  MetricValue value = metric(0, 0, 0.5, 0.9);
  value.coverage_by_class = {{"0", 1}, {"1", 0.25}};
  metrics.observe(value);
  const auto series = [](std::string_view name) {
    return R"(driftd_label_coverage_class_ratio{class=")" + std::string(name) +
           R"(",model="fraud",segment="all",version="v3"})";
  };
  EXPECT_EQ(value_of(metrics, series("0")), "1");
  EXPECT_EQ(value_of(metrics, series("1")), "0.25");
}

TEST(PrometheusMetrics, PassesPrometheusOwnCheck) {
  PrometheusMetrics metrics(kVersion);
  metrics.observe(finding(0, 0, 0.25));
  metrics.observe(metric(0, 0, 0.5, 0.5));
  metrics.observe(transition(1'000, HealthState::unknown, HealthState::healthy));
  metrics.set_watermark("fraud", 1'700'000'000'500);
  metrics.set_lag("kafka-0", "predictions", 3, 42);
  metrics.set_outbox_entries("store", 7);
  metrics.count_deliveries("webhook-0", "delivered");
  metrics.set_source_errors("kafka-0", 6);
  const std::string text = metrics.expose();
  // promtool is content with empty input.
  for (const char* family :
       {"driftd_predictions_total", "driftd_drift_statistic", "driftd_metric",
        "driftd_model_health", "driftd_label_coverage_ratio", "driftd_drift_detected",
        "driftd_watermark_timestamp_seconds", "driftd_consumer_lag_messages",
        "driftd_outbox_entries", "driftd_deliveries_total", "driftd_source_errors_total"}) {
    ASSERT_THAT(text, HasSubstr(std::string("# TYPE ") + family + " "));
  }
  FILE* const promtool = popen("promtool check metrics >&2", "w");
  ASSERT_NE(promtool, nullptr);
  EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), promtool), text.size());
  const int status = pclose(promtool);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
      << "promtool (Debian package prometheus) is missing or complains, status " << status << ":\n"
      << text;
}

}  // namespace
}  // namespace driftd
