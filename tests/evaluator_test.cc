#include "daemon/evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

#include "tests/support/evaluating.h"

namespace driftd {
namespace {

using ::testing::ElementsAre;

TEST(Evaluator, NumbersTheWindowsOfAMonitorInTheOrderOfTheirEnds) {
  Evaluating model;
  for (const DurationMs window : {400, 0, 200, 300, 100}) {
    model.take(prediction("a" + std::to_string(window), window));
    if (window < 300) continue;
    FakeMessage canary = prediction("b" + std::to_string(window), window);
    canary.version = "v2";
    model.take(canary);
  }
  std::vector<std::tuple<std::string, std::int64_t, TimeMs>> windows;
  for (const MetricValue& value : of<MetricValue>(model.close())) {
    if (value.metric != "latency_mean") continue;
    EXPECT_EQ(value.window.revision, 0);
    EXPECT_EQ(value.window.end, value.window.start + kSize);
    windows.emplace_back(value.monitor.version, value.window.index, value.window.start - kBegin);
  }
  std::sort(windows.begin(), windows.end());
  using W = std::tuple<std::string, std::int64_t, TimeMs>;
  EXPECT_THAT(windows, ElementsAre(W{"v1", 0, 0}, W{"v1", 1, 100}, W{"v1", 2, 200}, W{"v1", 3, 300},
                                   W{"v1", 4, 400}, W{"v2", 0, 300}, W{"v2", 1, 400}));
  EXPECT_EQ(model.evaluator().windows_closed(), 7U);
  model.take(prediction("later", 500));
  EXPECT_EQ(metric(model.close(), "latency_mean")->window.index, 5);
}

TEST(Evaluator, RaisesTheRevisionAndSaysTheCoverageAsLabelsCome) {
  Evaluating model;
  model.fill(0, 10, 4);
  const std::vector<Report> first = model.close();
  EXPECT_EQ(metric(first, "accuracy")->labelled, 4);
  EXPECT_DOUBLE_EQ(metric(first, "accuracy")->coverage, 0.4);
  EXPECT_EQ(metric(first, "accuracy")->level, Level::insufficient_data);
  EXPECT_TRUE(finding(first, "amount", "ks"));

  for (int row = 4; row < 9; ++row) model.label(0, row, "0");
  EXPECT_TRUE(model.close().empty());
  EXPECT_TRUE(model.amend().empty()) << "the pace has not passed";
  model.wait();
  const std::vector<Report> second = model.amend();
  const MetricValue accuracy = metric(second, "accuracy").value();
  EXPECT_EQ(accuracy.window.revision, 1);
  EXPECT_EQ(accuracy.window.index, 0);
  EXPECT_EQ(accuracy.window.n, 10);
  EXPECT_EQ(accuracy.labelled, 9);
  EXPECT_DOUBLE_EQ(accuracy.coverage, 0.9);
  EXPECT_DOUBLE_EQ(*accuracy.value, 4.0 / 9);
  EXPECT_EQ(accuracy.level, Level::degraded);
  EXPECT_TRUE(of<Finding>(second).empty()) << "labels change no finding";
  model.wait();
  EXPECT_TRUE(model.amend(true).empty()) << "nothing has changed since";

  model.label(0, 9, "0");
  EXPECT_TRUE(model.close().empty());
  EXPECT_EQ(metric(model.amend(), "accuracy")->window.revision, 2)
      << "the last label of a window does not wait";
}

TEST(Evaluator, PublishesFindingsAgainForLatePredictions) {
  Evaluating model;
  model.fill(0, 20);
  EXPECT_EQ(finding(model.close(), "amount", "ks")->level, Level::stable);
  for (int i = 0; i < 20; ++i) model.take(prediction("late" + std::to_string(i), 5, 100));
  EXPECT_TRUE(model.close().empty());
  model.wait();
  const std::vector<Report> revised = model.amend();
  const Finding ks = finding(revised, "amount", "ks").value();
  EXPECT_EQ(ks.window.revision, 1);
  EXPECT_EQ(ks.window.n, 40);
  EXPECT_DOUBLE_EQ(*ks.statistic, 0.5);
  EXPECT_EQ(ks.level, Level::drift);
  EXPECT_EQ(metric(revised, "latency_mean")->window.n, 40);
  EXPECT_EQ(model.health().state, HealthState::degraded);
}

TEST(Evaluator, SaysTheSameOfAWindowHoweverItsRowsCame) {
  Evaluating at_once;
  at_once.fill(0, 30, 30);
  const std::vector<Report> expected = at_once.close();
  Evaluating in_pieces;
  in_pieces.fill(0, 7);
  (void)in_pieces.close();
  for (int row = 7; row < 30; ++row) {
    in_pieces.take(prediction("0/" + std::to_string(row), row, row % 10));
    if (row % 5 == 0) (void)in_pieces.close();
  }
  for (int row = 0; row < 30; ++row) in_pieces.label(0, 29 - row);
  (void)in_pieces.close();
  const std::vector<Report> revised = in_pieces.amend(true);
  for (const Finding& one : of<Finding>(expected)) {
    const Finding other = finding(revised, one.series, one.detector).value();
    EXPECT_EQ(other.statistic, one.statistic) << one.series << "/" << one.detector;
    EXPECT_EQ(other.window.n, one.window.n);
    EXPECT_EQ(other.level, one.level);
  }
  for (const MetricValue& one : of<MetricValue>(expected)) {
    const MetricValue other = metric(revised, one.metric).value();
    ASSERT_EQ(other.value.has_value(), one.value.has_value()) << one.metric;
    EXPECT_NEAR(other.value.value_or(0), one.value.value_or(0), 1e-9) << one.metric;
    EXPECT_EQ(other.labelled, one.labelled);
    EXPECT_EQ(other.level, one.level) << one.metric;
  }
}

// A late prediction and its label every amend interval, as many as fit into a week.
TEST(Evaluator, BoundsTheRevisionsHoweverLatePredictionsTrickleIn) {
  Evaluating model;
  model.fill(0, 1'000, 1'000);
  (void)model.close();
  std::int32_t revision = 0;
  constexpr int kLate = 60'480;
  for (int late = 0; late < kLate; ++late) {
    const std::string id = "late/" + std::to_string(late);
    model.take(prediction(id, late % kSize, late % 10));
    if (late % 600 == 0) model.take(label_of(id, kBegin));
    (void)model.close();
    model.wait();
    if (const auto accuracy = metric(model.amend(), "accuracy")) {
      EXPECT_EQ(accuracy->window.revision, revision + 1);
      revision = accuracy->window.revision;
    }
  }
  EXPECT_GE(revision, 5);
  EXPECT_LE(revision, 17);
  const auto last = metric(model.amend(true), "accuracy");
  ASSERT_TRUE(last);
  EXPECT_EQ(last->window.n, 1'000 + kLate);
}

TEST(Evaluator, BoundsTheRevisionsHoweverLabelsTrickleIn) {
  for (const int rows : {1, 2, 19, 20, 21, 39, 40, 59, 100, 399, 1'000}) {
    Evaluating model;
    model.fill(0, rows);
    (void)model.close();
    std::int64_t labelled = 0;
    std::int32_t revision = 0;
    const auto follow = [&](const std::vector<Report>& reports) {
      const auto accuracy = metric(reports, "accuracy");
      if (!accuracy) return;
      EXPECT_EQ(accuracy->window.revision, revision + 1);
      EXPECT_GE(accuracy->labelled, labelled) << "a later revision never has fewer labels";
      revision = accuracy->window.revision;
      labelled = accuracy->labelled;
    };
    for (int row = 0; row < rows; ++row) {
      model.label(0, row);
      follow(model.close());
      model.wait();
      follow(model.amend());
    }
    EXPECT_EQ(labelled, rows);
    EXPECT_LE(revision, 22) << rows << " rows";
  }
}

TEST(Evaluator, ShowsAPartialWindowWithoutJudgingTheModelByIt) {
  Evaluating model;
  model.fill(0, 50, 50, "0");
  const std::vector<Report> reports = model.close(true);
  EXPECT_TRUE(metric(reports, "accuracy")->window.partial);
  EXPECT_TRUE(finding(reports, "amount", "ks")->window.partial);
  EXPECT_TRUE(of<Transition>(reports).empty());
  EXPECT_EQ(model.health().state, HealthState::unknown);
  EXPECT_EQ(model.evaluator().alerts(), 0U);
}

TEST(Evaluator, JudgesAMetricByCoverageOrOnceTheHorizonHasPassed) {
  struct Case {
    int rows, labelled;
    std::int64_t min_samples;
    Level at_close, when_mature;
  };
  constexpr Level kOpen = Level::insufficient_data;
  for (const Case& row :
       {Case{10, 8, 1, Level::degraded, Level::degraded}, Case{10, 7, 1, kOpen, Level::degraded},
        Case{10, 0, 1, kOpen, kOpen}, Case{10, 10, 10, Level::degraded, Level::degraded},
        Case{10, 10, 11, kOpen, kOpen}, Case{10, 3, 4, kOpen, kOpen}}) {
    SCOPED_TRACE(std::to_string(row.labelled) + " labels, at least " +
                 std::to_string(row.min_samples));
    Evaluating model([&](ModelConfig& config) { config.min_samples = row.min_samples; });
    model.fill(0, row.rows, row.labelled, "0");
    const std::vector<Report> closed = model.close();
    EXPECT_EQ(metric(closed, "accuracy")->level, row.at_close);
    const std::vector<Report> matured = model.mature(kBegin + kSize + 7LL * 86'400'000);
    const auto last = metric(matured, "accuracy");
    EXPECT_EQ((last ? last : metric(closed, "accuracy"))->level, row.when_mature);
    EXPECT_EQ(metric(closed, "roc_auc")->level, kOpen)
        << "one class only: not defined, so never judged";
  }
}

TEST(Evaluator, PublishesAMetricWithoutLimitsAndDoesNotJudgeIt) {
  Evaluating model([](ModelConfig& config) {
    for (const char* name : {"accuracy", "f1"}) config.metrics.emplace_back().name = name;
  });
  model.fill(0, 10, 10, "0");
  const std::vector<Report> reports = model.close();
  EXPECT_DOUBLE_EQ(*metric(reports, "accuracy")->value, 0);
  EXPECT_EQ(metric(reports, "accuracy")->level, Level::stable);
  EXPECT_EQ(model.health().state, HealthState::healthy);
}

TEST(Evaluator, MaturesByEventTimeAndByStandingStill) {
  const auto day_long = [](ModelConfig& config) { config.label_horizon = 1'000; };
  Evaluating by_time(day_long);
  by_time.fill(0, 10, 2);
  (void)by_time.close();
  EXPECT_TRUE(by_time.mature(kBegin + kSize + 999).empty());
  EXPECT_TRUE(by_time.mature(kNoTime).empty());
  EXPECT_EQ(metric(by_time.mature(kBegin + kSize + 1'000), "accuracy")->window.revision, 1);
  EXPECT_TRUE(by_time.mature(kEndOfTime).empty()) << "it is forgotten";

  Evaluating by_clock(day_long);
  by_clock.fill(0, 10, 2);
  (void)by_clock.close();
  by_clock.clock().advance(999);
  EXPECT_TRUE(by_clock.mature(kNoTime).empty());
  by_clock.clock().advance(1);
  EXPECT_TRUE(by_clock.mature(kNoTime, kNoTime).empty()) << "labels may still be on their way";
  EXPECT_EQ(metric(by_clock.mature(kNoTime), "accuracy")->window.revision, 1);
}

TEST(Evaluator, CountsPredictionsOfAWindowThatIsFinal) {
  Evaluating model([](ModelConfig& config) { config.label_horizon = 1'000; });
  model.fill(0, 10, 10);
  (void)model.close();
  EXPECT_TRUE(model.mature(kBegin + kSize + 1'000).empty()) << "judged already and nothing new";
  model.take(prediction("late", 1));
  model.take(prediction("later", 2));
  EXPECT_TRUE(model.close().empty());
  EXPECT_TRUE(model.amend(true).empty());
  EXPECT_EQ(model.evaluator().too_late(), 2U);
  EXPECT_EQ(model.evaluator().windows_closed(), 1U);
}

TEST(Evaluator, PublishesLatePredictionsBeforeItForgetsTheirWindow) {
  for (const bool with_labels : {true, false}) {
    Evaluating model([](ModelConfig& config) { config.label_horizon = 1'000; }, with_labels);
    model.fill(0, 10);
    (void)model.close();
    model.take(prediction("late", 1));
    (void)model.close();
    const std::vector<Report> last = model.mature(kBegin + kSize + 1'000);
    const auto ks = finding(last, "amount", "ks");
    ASSERT_TRUE(ks) << (with_labels ? "with labels" : "without labels");
    EXPECT_EQ(ks->window.n, 11);
  }
}

TEST(Evaluator, NeverTurnsADamagedSummaryIntoNumbers) {
  const Result<WindowSummaries> cut_off = WindowSummaries{"\x01", "\x01"};
  const Result<WindowSummaries> unread = fail(ErrorCode::io, "the disk does not answer");
  for (const Result<WindowSummaries>& answer : {cut_off, unread}) {
    Evaluating model({}, true, [&](const PaneKey&) { return answer; });
    model.fill(0, 10, 5);
    (void)model.close();
    model.archive().committed();  // from now on the summaries come from the loader
    model.label(0, 5);
    model.take(prediction("late", 1));
    EXPECT_TRUE(model.close().empty());
    model.wait();
    EXPECT_TRUE(model.amend(true).empty());
    EXPECT_EQ(model.evaluator().damaged_windows(), 1U);
    EXPECT_TRUE(model.mature(kEndOfTime).empty());
  }
}

TEST(Evaluator, GivesTheReasonsOfATransition) {
  struct Case {
    const char* reason;
    double amount = -1;  // negative: as in the reference
    const char* actual = "1";
    double latency_ms = 10;
  };
  const std::vector<std::pair<Case, std::vector<std::string>>> cases = {
      {{"drift", 100},
       {"constant:amount", "drift:amount", "out_of_range:amount", "outliers:amount"}},
      {{"accuracy and f1", -1, "0"}, {"low_accuracy", "low_f1_score"}},
      {{"latency", -1, "1", 1'500}, {"high_latency"}},
      {{"all", 100, "0", 1'500},
       {"constant:amount", "drift:amount", "high_latency", "low_accuracy", "low_f1_score",
        "out_of_range:amount", "outliers:amount"}},
  };
  for (const auto& [bad, reasons] : cases) {
    SCOPED_TRACE(bad.reason);
    Evaluating model;
    const auto window = [&](DurationMs at, const Case& is) {
      for (int i = 0; i < 50; ++i) {
        FakeMessage message =
            prediction(std::to_string(at) + "/" + std::to_string(i), at, is.amount);
        if (is.amount < 0) message.amount = i % 10;
        message.latency_ms = is.latency_ms;
        model.take(message);
        model.take(label_of(message.id, message.ts, is.actual));
      }
      return of<Transition>(model.close());
    };
    const std::vector<Transition> begin = window(0, Case{"usual"});
    ASSERT_EQ(begin.size(), 1U);
    EXPECT_EQ(begin[0].from, HealthState::unknown);
    EXPECT_EQ(begin[0].to, HealthState::healthy);
    EXPECT_THAT(begin[0].reasons, ElementsAre());
    const std::vector<Transition> worse = window(100, bad);
    ASSERT_EQ(worse.size(), 1U);
    EXPECT_EQ(worse[0].to, HealthState::degraded);
    EXPECT_EQ(worse[0].reasons, reasons);
    EXPECT_EQ(worse[0].at, kBegin + 200);
    EXPECT_TRUE(window(200, bad).empty()) << "it lasts: no second transition";
    EXPECT_EQ(model.evaluator().alerts(), 1U);
    const std::vector<Transition> better = window(300, Case{"usual"});
    ASSERT_EQ(better.size(), 1U);
    EXPECT_EQ(better[0].to, HealthState::healthy);
  }
}

// A reference whose scores are right nine times out of ten, and the wish for estimates.
void with_scores(ModelConfig& config) {
  std::ofstream reference(config.reference);
  reference << "amount,channel,prediction,actual\n";
  for (int i = 0; i < 200; ++i) {
    const bool high = i % 2 == 0;
    const bool right = i % 20 > 1;
    reference << i % 10 << ",web," << (high ? 0.9 : 0.1) << ',' << (high == right) << '\n';
  }
}

TEST(Evaluator, EstimatesPerformanceFromTheFirstRevisionAndWithoutLabels) {
  for (const bool with_labels : {false, true}) {
    Evaluating model(with_scores, with_labels);
    model.fill(0, 50);
    std::vector<std::string> estimated;
    for (const MetricValue& value : of<MetricValue>(model.close())) {
      if (!value.metric.ends_with("_estimated")) continue;
      estimated.push_back(value.metric);
      EXPECT_EQ(value.window.revision, 0);
      EXPECT_EQ(value.window.n, 50);
      EXPECT_EQ(value.labelled, 0);
      // All scores of a fake message are 0.9: no row can rank above another one.
      if (value.metric == "roc_auc_estimated") EXPECT_NEAR(value.value.value_or(0), 0.5, 1e-12);
      if (value.metric == "recall_estimated") EXPECT_NEAR(value.value.value_or(0), 1, 1e-12);
      if (value.metric == "accuracy_estimated") {
        EXPECT_NEAR(value.value.value_or(0), 0.9, 1e-12);
        EXPECT_NEAR(value.low.value_or(0), 0.9 - 1.96 * std::sqrt(0.09 / 50), 1e-3);
      }
      EXPECT_LE(value.low, value.value);
      EXPECT_GE(value.high, value.value);
      EXPECT_EQ(value.level, Level::stable) << "there is no limit: published, not judged";
    }
    EXPECT_THAT(estimated, ElementsAre("accuracy_estimated", "precision_estimated",
                                       "recall_estimated", "f1_estimated", "roc_auc_estimated"));
  }
}

TEST(Evaluator, JudgesAnEstimateByItsOwnLimit) {
  Evaluating model([](ModelConfig& config) {
    with_scores(config);
    config.min_samples = 30;
    config.metrics.push_back({"accuracy_estimated", 0.95, {}});
  });
  const auto level = [&] {
    for (const MetricValue& value : of<MetricValue>(model.close())) {
      if (value.metric == "accuracy_estimated") return value.level;
    }
    return Level::warning;  // of no metric
  };
  model.fill(0, 29);
  EXPECT_EQ(level(), Level::insufficient_data);
  model.fill(100, 30);
  EXPECT_EQ(level(), Level::degraded);
  EXPECT_THAT(model.health().reasons, testing::Contains("low_accuracy_estimated"));
}

TEST(Evaluator, EstimatesNothingWhereTheOwnerDoesNotWantIt) {
  Evaluating model([](ModelConfig& config) {
    with_scores(config);
    config.estimate = false;
  });
  model.fill(0, 50);
  for (const MetricValue& value : of<MetricValue>(model.close()))
    EXPECT_FALSE(value.metric.ends_with("_estimated")) << value.metric;
}

TEST(Evaluator, KeepsTheEstimateInAmendedWindowsThatWereStored) {
  Evaluating model(with_scores);
  model.fill(0, 50);
  const auto estimate = [](const std::vector<Report>& reports) {
    for (const MetricValue& value : of<MetricValue>(reports)) {
      if (value.metric == "accuracy_estimated") return value;
    }
    return MetricValue{};
  };
  const MetricValue first = estimate(model.close());
  for (int row = 0; row < 50; ++row) model.label(0, row);
  model.close();
  const MetricValue second = estimate(model.amend(true));
  EXPECT_EQ(second.window.revision, 1);
  EXPECT_EQ(second.labelled, 50);
  EXPECT_EQ(second.value, first.value);
  EXPECT_EQ(second.low, first.low);
}

// --- Data quality

TEST(Evaluator, PublishesTheChecksOfEverySeriesAndOfThePredictions) {
  Evaluating model;
  model.fill(0, 50);
  const std::vector<Report> reports = model.close();
  std::vector<std::string> found;
  for (const Finding& one : of<Finding>(reports)) {
    found.push_back(one.series + "/" + one.detector);
    const bool is_share = one.detector == "missing" || one.detector == "duplicate";
    EXPECT_EQ(one.low.has_value() && one.high.has_value(), is_share || one.low) << found.back();
    if (one.detector != "ks" && one.detector != "psi" && one.detector != "chi2" &&
        one.detector != "volume") {
      EXPECT_EQ(one.level, Level::stable) << found.back();
    }
  }
  EXPECT_THAT(found,
              ::testing::IsSupersetOf({"amount/missing", "amount/type_error", "amount/out_of_range",
                                       "amount/outliers", "amount/constant", "channel/missing",
                                       "channel/type_error", "channel/unseen", "channel/constant",
                                       "predictions/duplicate", "predictions/missing_columns",
                                       "predictions/volume"}));
  EXPECT_FALSE(finding(reports, "amount", "unseen"));
  EXPECT_FALSE(finding(reports, "channel", "outliers"));
  EXPECT_EQ(finding(reports, "predictions", "volume")->statistic, 50);
}

TEST(Evaluator, JudgesDataQualityFromTheLeastSampleOn) {
  for (const auto& [rows, level] :
       {std::pair{29, Level::insufficient_data}, std::pair{30, Level::drift}}) {
    Evaluating model([](ModelConfig& config) { config.min_samples = 30; });
    for (int i = 0; i < rows; ++i)
      model.take(prediction(std::to_string(i), i, std::numeric_limits<double>::quiet_NaN()));
    const std::vector<Report> reports = model.close();
    EXPECT_EQ(finding(reports, "amount", "missing")->statistic, 1);
    EXPECT_EQ(finding(reports, "amount", "missing")->level, level) << rows;
    EXPECT_EQ(finding(reports, "predictions", "missing_columns")->statistic, 0.5);
    EXPECT_EQ(finding(reports, "predictions", "missing_columns")->level, level) << rows;
    EXPECT_EQ(finding(reports, "amount", "constant")->level, Level::insufficient_data);
  }
}

TEST(Evaluator, LetsTheOwnersLimitsWin) {
  const auto level = [](const std::function<void(FeatureConfig&)>& set, const char* check) {
    Evaluating model([&](ModelConfig& config) {
      config.features.emplace_back().name = "amount";
      set(config.features.back());
    });
    model.fill(0, 600);
    for (int i = 0; i < 400; ++i) model.take(prediction("odd" + std::to_string(i), 50, 1'000));
    return finding(model.close(), "amount", check)->level;
  };
  EXPECT_EQ(level([](FeatureConfig&) {}, "out_of_range"), Level::drift);
  EXPECT_EQ(level([](FeatureConfig& f) { f.max_out_of_range = 0.4; }, "out_of_range"),
            Level::stable);
  EXPECT_EQ(level([](FeatureConfig& f) { f.max_out_of_range = 0.39; }, "out_of_range"),
            Level::drift);
  EXPECT_EQ(level([](FeatureConfig& f) { f.range = {0, 1'000}; }, "out_of_range"), Level::stable);
  EXPECT_EQ(level([](FeatureConfig& f) { f.max_outliers = 0.5; }, "outliers"), Level::stable);
}

TEST(Evaluator, CountsADuplicateInTheWindowOfItsOwnTime) {
  Evaluating model;
  model.fill(0, 100);
  model.fill(100, 100);
  // The same ids as in the first window; nothing else is of the third.
  for (int i = 0; i < 50; ++i) model.take(prediction("0/" + std::to_string(i), 100));
  for (int i = 0; i < 50; ++i) model.take(prediction("0/" + std::to_string(i), 250));
  const std::vector<Report> reports = model.close();
  std::vector<double> shares;
  for (const Finding& one : of<Finding>(reports)) {
    if (one.detector == "duplicate") shares.push_back(*one.statistic);
  }
  EXPECT_THAT(shares, ElementsAre(0.0, 50.0 / 150));
  EXPECT_EQ(model.evaluator().windows_closed(), 2U) << "duplicates alone are no window";
  model.take(prediction("new", 260));
  EXPECT_EQ(finding(model.close(), "predictions", "duplicate")->statistic, 50.0 / 51);
}

TEST(Evaluator, RevisesAClosedWindowForLateDuplicates) {
  Evaluating model;
  model.fill(0, 100);
  EXPECT_EQ(finding(model.close(), "predictions", "duplicate")->level, Level::stable);
  for (int i = 0; i < 60; ++i) model.take(prediction("0/" + std::to_string(i), 10));
  EXPECT_TRUE(model.close().empty());
  model.wait();
  const Finding revised = finding(model.amend(), "predictions", "duplicate").value();
  EXPECT_EQ(revised.window.revision, 1);
  EXPECT_EQ(revised.statistic, 60.0 / 160);
  EXPECT_EQ(revised.level, Level::drift);
  EXPECT_THAT(model.health().reasons, ::testing::Contains("duplicate:predictions"));
}

TEST(Evaluator, ForgetsWhatOnlyDuplicatesCameTo) {
  Evaluating model([](ModelConfig& config) { config.label_horizon = 1'000; });
  model.fill(0, 10);
  (void)model.close();
  model.take(prediction("0/1", 150));
  EXPECT_TRUE(model.close().empty());
  EXPECT_EQ(model.archive().windows().size(), 2U);
  (void)model.mature(kBegin + 200 + 1'000);
  EXPECT_TRUE(model.archive().windows().empty());
  EXPECT_EQ(model.evaluator().windows_closed(), 1U);
}

TEST(Evaluator, CountsDuplicatesOfWindowsByCountWhereTheyCome) {
  Evaluating model([](ModelConfig& config) {
    config.window.size = 0;
    config.window.count = 10;
  });
  model.fill(0, 10);
  model.take(prediction("0/1", 5));
  for (int i = 10; i < 20; ++i) model.take(prediction("0/" + std::to_string(i), 15));
  model.take(prediction("0/2", 15));
  const std::vector<Report> reports = model.close(true);
  std::vector<double> shares;
  for (const Finding& one : of<Finding>(reports)) {
    if (one.detector == "duplicate") shares.push_back(*one.statistic);
  }
  EXPECT_THAT(shares, ElementsAre(0.0, 1.0 / 11));
  EXPECT_FALSE(finding(reports, "predictions", "volume"));
}

TEST(Evaluator, LooksForNoDuplicatesWithoutLabels) {
  Evaluating model({}, false);
  model.fill(0, 50);
  EXPECT_FALSE(finding(model.close(), "predictions", "duplicate"));
}

TEST(Evaluator, JudgesTheVolumeOfWholeWindowsOnly) {
  Evaluating model([](ModelConfig& config) { config.quality.min_volume = 100; });
  model.fill(0, 10);
  model.fill(100, 10);
  model.fill(200, 100);
  std::vector<Level> levels;
  for (const Finding& one : of<Finding>(model.close())) {
    if (one.detector == "volume") levels.push_back(one.level);
  }
  EXPECT_THAT(levels, ElementsAre(Level::insufficient_data, Level::drift, Level::stable))
      << "the first one may have begun before the first event";
}

TEST(Evaluator, PublishesLatenciesWithTheirIntervals) {
  Evaluating model([](ModelConfig& config) {
    config.metrics.emplace_back().name = "latency_p90";
    config.metrics.back().max = 50;
  });
  for (int i = 0; i < 100; ++i) {
    FakeMessage message = prediction(std::to_string(i), i);
    message.latency_ms = i;
    model.take(message);
  }
  const std::vector<Report> reports = model.close();
  EXPECT_NEAR(*metric(reports, "latency_p50")->value, 49, 0.2);
  const MetricValue p90 = metric(reports, "latency_p90").value();
  EXPECT_LT(*p90.low, *p90.value);
  EXPECT_GT(*p90.high, *p90.value);
  EXPECT_EQ(p90.level, Level::degraded);
  EXPECT_THAT(model.health().reasons, ::testing::Contains("high_latency"));
}

TEST(Evaluator, RecallsWhatWasLastSaidOfTheNewestWindows) {
  Evaluating model;
  for (const DurationMs window : {0, 100, 200}) model.fill(window, 10, 10);
  const std::vector<Report> published = model.close();
  std::vector<std::int64_t> indexes;
  for (const Report& report : model.evaluator().recall(2)) {
    if (const auto* value = std::get_if<MetricValue>(&report);
        value != nullptr && value->metric == "accuracy") {
      indexes.push_back(value->window.index);
      EXPECT_EQ(value->value, 1.0);
    }
  }
  EXPECT_THAT(indexes, ElementsAre(1, 2));
  EXPECT_TRUE(model.evaluator().take_reports().empty()) << "recalling publishes nothing";
  EXPECT_FALSE(published.empty());
}

// A watch on a statistic and one on a metric that waits for labels.
void watch_windows(ModelConfig& config) {
  config.min_coverage = 0.5;
  const auto add = [&](const char* on, SequentialSource source, const char* name, bool waits) {
    SequentialConfig& watch = config.sequential.emplace_back();
    watch.on = on;
    watch.source = source;
    watch.series = "amount";
    watch.name = name;
    watch.waits_for_labels = waits;
    watch.settings =
        read_sequential_settings(
            "page_hinkley", std::vector<std::string>{"min_instances=2", "threshold=0.3", "delta=0"})
            .value();
  };
  add("statistic:amount.ks", SequentialSource::statistic, "ks", false);
  add("metric:accuracy", SequentialSource::metric, "accuracy", true);
}

[[nodiscard]] std::vector<std::pair<std::int64_t, Level>> sequence(
    const std::vector<Report>& reports, const std::string& series) {
  std::vector<std::pair<std::int64_t, Level>> said;
  for (const Finding& one : of<Finding>(reports)) {
    if (one.series == series) said.emplace_back(one.window.index, one.level);
  }
  return said;
}

TEST(Evaluator, GivesSequentialDetectorsOneValueAWindowInTheirOrder) {
  using Said = std::pair<std::int64_t, Level>;
  Evaluating model(watch_windows);
  model.fill(0, 10);
  model.fill(100, 10, 10);
  for (int i = 0; i < 10; ++i) model.take(prediction("shifted" + std::to_string(i), 200, 100));
  const std::vector<Report> closed = model.close();
  EXPECT_THAT(sequence(closed, "statistic:amount.ks"),
              ElementsAre(Said{0, Level::insufficient_data}, Said{1, Level::stable},
                          Said{2, Level::drift}));
  EXPECT_TRUE(sequence(closed, "metric:accuracy").empty()) << "window 1 waits for window 0";
  EXPECT_EQ(model.health().state, HealthState::degraded);
  EXPECT_THAT(model.health().reasons, testing::Contains("drift:statistic:amount.ks"));

  // Late predictions amend the findings, and are no further value.
  model.take(prediction("late", 250, 100));
  EXPECT_TRUE(model.close().empty());
  model.wait();
  EXPECT_TRUE(sequence(model.amend(), "statistic:amount.ks").empty());

  for (int row = 0; row < 5; ++row) model.label(0, row);
  EXPECT_TRUE(model.close().empty());
  model.wait();
  EXPECT_THAT(sequence(model.amend(), "metric:accuracy"),
              ElementsAre(Said{0, Level::insufficient_data}, Said{1, Level::stable}));
}

TEST(Evaluator, PassesOverWindowsWhoseLabelsNeverCame) {
  using Said = std::pair<std::int64_t, Level>;
  Evaluating model([](ModelConfig& config) {
    watch_windows(config);
    config.label_horizon = 1'000;
  });
  model.fill(0, 10);
  model.fill(100, 10, 10);
  EXPECT_TRUE(sequence(model.close(), "metric:accuracy").empty());
  EXPECT_THAT(sequence(model.mature(kBegin + 1'100, kBegin + 1'100), "metric:accuracy"),
              ElementsAre(Said{0, Level::insufficient_data}, Said{1, Level::insufficient_data}));
  // The detector was given one value: window 1's.
  model.fill(200, 10, 10);
  EXPECT_THAT(sequence(model.close(), "metric:accuracy"), ElementsAre(Said{2, Level::stable}));
}

TEST(Evaluator, GivesNoPartialWindowToASequentialDetector) {
  Evaluating model(watch_windows);
  model.fill(0, 10, 10);
  const std::vector<Report> reports = model.close(true);
  EXPECT_TRUE(sequence(reports, "statistic:amount.ks").empty());
  EXPECT_TRUE(sequence(reports, "metric:accuracy").empty());
}

}  // namespace
}  // namespace driftd
