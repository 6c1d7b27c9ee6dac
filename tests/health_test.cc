#include "health/health.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "tests/support/monoid.h"

namespace driftd {
namespace {

const MonitorName kMonitor{"fraud", "1", "all"};

Report finding(TimeMs end, const std::string& series, const std::string& detector, Level level) {
  Finding report;
  report.monitor = kMonitor;
  report.series = series;
  report.detector = detector;
  report.window.end = end;
  report.threshold = 0.1;
  report.level = level;
  return report;
}

Report metric(TimeMs end, const std::string& name, Level level) {
  MetricValue report;
  report.monitor = kMonitor;
  report.metric = name;
  report.window.end = end;
  report.level = level;
  return report;
}

std::optional<Transition> update(MonitorHealth& health, const std::vector<Report>& reports) {
  return health.update(kMonitor, reports);
}

using Reasons = std::vector<std::string>;

TEST(Health, FollowsFromTheReportsOfAWindow) {
  using enum Level;
  struct Case {
    const char* what;
    std::vector<Report> reports;
    HealthState state;
    Reasons reasons;
  };
  const Case cases[] = {
      {"nothing", {}, HealthState::unknown, {}},
      {"too little data", {finding(10, "a", "ks", insufficient_data)}, HealthState::unknown, {}},
      {"no metric judged", {metric(10, "accuracy", insufficient_data)}, HealthState::unknown, {}},
      {"stable", {finding(10, "a", "ks", stable)}, HealthState::healthy, {}},
      {"a metric only", {metric(10, "accuracy", stable)}, HealthState::healthy, {}},
      {"a warning is no drift", {finding(10, "a", "psi", warning)}, HealthState::healthy, {}},
      {"some stable, some unknown",
       {finding(10, "a", "ks", stable), finding(10, "b", "ks", insufficient_data)},
       HealthState::healthy,
       {}},
      {"drift, once for two detectors",
       {finding(10, "b", "ks", drift), finding(10, "b", "psi", drift),
        finding(10, "a", "ks", drift)},
       HealthState::degraded,
       {"drift:a", "drift:b"}},
      {"data quality has words of its own",
       {finding(10, "a", "missing", drift), finding(10, "b", "type_error", drift),
        finding(10, "c", "unseen", drift)},
       HealthState::degraded,
       {"missing:a", "type_error:b", "unseen:c"}},
      {"and so have the other checks of it",
       {finding(10, "a", "out_of_range", drift), finding(10, "a", "outliers", drift),
        finding(10, "a", "constant", drift), finding(10, "predictions", "duplicate", drift),
        finding(10, "predictions", "volume", drift),
        finding(10, "predictions", "missing_columns", drift)},
       HealthState::degraded,
       {"constant:a", "duplicate:predictions", "missing_columns:predictions", "out_of_range:a",
        "outliers:a", "volume:predictions"}},
      {"a metric",
       {finding(10, "a", "ks", stable), metric(10, "accuracy", degraded)},
       HealthState::degraded,
       {"low_accuracy"}},
      {"both, sorted",
       {metric(10, "accuracy", degraded), finding(10, "a", "ks", drift)},
       HealthState::degraded,
       {"drift:a", "low_accuracy"}},
      {"a series with a slash in its name",
       {finding(10, "a/b", "ks", drift)},
       HealthState::degraded,
       {"drift:a/b"}},
  };
  for (const Case& row : cases) {
    MonitorHealth health;
    const std::optional<Transition> transition = update(health, row.reports);
    EXPECT_EQ(health.state, row.state) << row.what;
    EXPECT_EQ(health.reasons, row.reasons) << row.what;
    ASSERT_EQ(transition.has_value(), row.state != HealthState::unknown) << row.what;
    if (!transition) continue;
    EXPECT_EQ(transition->from, HealthState::unknown) << row.what;
    EXPECT_EQ(transition->to, row.state) << row.what;
    EXPECT_EQ(transition->reasons, row.reasons) << row.what;
    EXPECT_EQ(transition->at, 10) << row.what;
    EXPECT_EQ(transition->monitor, kMonitor) << row.what;
    EXPECT_EQ(health.since, 10) << row.what;
  }
}

TEST(Health, ChangesOnceWhenItIsToldTheSameTwice) {
  MonitorHealth health;
  EXPECT_TRUE(update(health, {finding(10, "a", "ks", Level::drift)}));
  EXPECT_FALSE(update(health, {finding(10, "a", "ks", Level::drift)}));
  EXPECT_FALSE(update(health, {finding(20, "a", "ks", Level::drift)}));
  EXPECT_EQ(health.since, 10);
}

TEST(Health, RecoversWithTheNextStableWindow) {
  MonitorHealth health;
  update(health, {finding(10, "a", "ks", Level::drift), finding(10, "b", "ks", Level::drift)});
  EXPECT_EQ(health.drifting(), (Reasons{"a", "b"}));
  const auto transition = update(health, {finding(20, "a", "ks", Level::stable)});
  ASSERT_TRUE(transition);
  EXPECT_EQ(transition->from, HealthState::degraded);
  EXPECT_EQ(transition->to, HealthState::healthy);
  EXPECT_EQ(transition->at, 20);
  EXPECT_TRUE(health.drifting().empty()) << "findings of the window before are gone";
}

TEST(Health, KeepsItsReasonsUpToDateWithoutATransition) {
  MonitorHealth health;
  update(health, {finding(10, "a", "ks", Level::drift)});
  EXPECT_FALSE(update(health, {finding(20, "b", "ks", Level::drift)}));
  EXPECT_EQ(health.reasons, Reasons{"drift:b"});
}

TEST(Health, TakesAnAmendmentOfTheLastWindowButOfNoOlderOne) {
  MonitorHealth health;
  update(health, {finding(20, "a", "ks", Level::stable)});
  EXPECT_FALSE(update(health, {finding(10, "a", "ks", Level::drift)}));
  EXPECT_EQ(health.state, HealthState::healthy);
  EXPECT_TRUE(update(health, {finding(20, "a", "ks", Level::drift)}));
  EXPECT_EQ(health.state, HealthState::degraded);
}

TEST(Health, KeepsAMetricsLevelOfItsNewestJudgedWindow) {
  MonitorHealth health;
  update(health, {metric(10, "accuracy", Level::degraded)});
  // Labels are late: the next window cannot be judged yet.
  EXPECT_FALSE(update(health, {finding(20, "a", "ks", Level::stable),
                               metric(20, "accuracy", Level::insufficient_data)}));
  EXPECT_EQ(health.reasons, Reasons{"low_accuracy"});
  EXPECT_TRUE(update(health, {metric(20, "accuracy", Level::stable)}));
  EXPECT_FALSE(update(health, {metric(10, "accuracy", Level::degraded)})) << "an older window";
  EXPECT_EQ(health.state, HealthState::healthy);
}

TEST(Health, IsUnknownAgainWhereNothingCanBeJudged) {
  MonitorHealth health;
  update(health, {finding(10, "a", "ks", Level::stable)});
  const auto transition = update(health, {finding(20, "a", "ks", Level::insufficient_data)});
  ASSERT_TRUE(transition);
  EXPECT_EQ(transition->to, HealthState::unknown) << "never healthy without evidence";
}

TEST(Health, NamesTheReasonOfAMetric) {
  struct Case {
    const char* metric;
    const char* reason;
  };
  for (const Case& row :
       {Case{"accuracy", "low_accuracy"}, Case{"f1", "low_f1_score"},
        Case{"f1_macro", "low_f1_macro"}, Case{"roc_auc", "low_roc_auc"}, Case{"r2", "low_r2"},
        Case{"mae", "high_mae"}, Case{"rmse", "high_rmse"}, Case{"mape", "high_mape"},
        Case{"median_ae", "high_median_ae"}, Case{"mae_estimated", "high_mae_estimated"},
        Case{"accuracy_estimated", "low_accuracy_estimated"}, Case{"log_loss", "high_log_loss"},
        Case{"brier", "high_brier"}, Case{"ece", "high_ece"}, Case{"latency_p99", "high_latency"},
        Case{"latency_mean", "high_latency"}, Case{"bias", "bias"}}) {
    EXPECT_EQ(metric_reason(row.metric), row.reason);
  }
}

rc::Gen<std::vector<Report>> reports() {
  const auto level = rc::gen::element(Level::insufficient_data, Level::stable, Level::warning,
                                      Level::drift, Level::degraded);
  const auto end = rc::gen::inRange<TimeMs>(-5, 5);
  const auto name = rc::gen::element<std::string>("a", "b", "accuracy", "f1");
  const auto detector = rc::gen::element<std::string>("ks", "missing");
  return rc::gen::container<std::vector<Report>>(
      rc::gen::oneOf(rc::gen::apply(finding, end, name, detector, level),
                     rc::gen::apply(metric, end, name, level)));
}

RC_GTEST_PROP(Health, GoesOnFromWhatWasStored, ()) {
  MonitorHealth health;
  health.update(kMonitor, *reports());
  check_stored_form_of(MonitorHealth(), health, MonitorHealth::read);

  const std::string bytes = bytes_of(health);
  ByteReader in(bytes);
  MonitorHealth read;
  RC_ASSERT(MonitorHealth::read(in, read));
  const std::vector<Report> next = *reports();
  const auto expected = health.update(kMonitor, next);
  const auto transition = read.update(kMonitor, next);
  RC_ASSERT(transition.has_value() == expected.has_value());
  RC_ASSERT(bytes_of(read) == bytes_of(health));
}

RC_GTEST_PROP(Health, IsNeverHealthyWithoutAJudgement, ()) {
  MonitorHealth health;
  std::vector<Report> told = *reports();
  health.update(kMonitor, told);
  bool judged = false;
  for (const auto& [key, level] : health.findings) judged |= level != Level::insufficient_data;
  RC_ASSERT((health.state == HealthState::unknown) == (!judged && health.metrics.empty()));
  RC_ASSERT((health.state == HealthState::degraded) == !health.reasons.empty());
  RC_ASSERT(std::is_sorted(health.reasons.begin(), health.reasons.end()));
}

}  // namespace
}  // namespace driftd
