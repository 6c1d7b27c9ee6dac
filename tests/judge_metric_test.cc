#include "detectors/judge_metric.h"

#include <gtest/gtest.h>

#include <cmath>

namespace driftd {
namespace {

MetricEstimate estimate(double value, double half) {
  return {value, Interval{value - half, value + half}};
}

TEST(JudgeMetric, HoldsFixedLimitsForTheValue) {
  const MetricLimits limits{0.8, 0.95, {}, {}};
  EXPECT_EQ(judge_metric("f1", limits, estimate(0.8, 0.3), {}, {}), Level::stable);
  EXPECT_EQ(judge_metric("f1", limits, estimate(0.79, 0.3), {}, {}), Level::degraded);
  EXPECT_EQ(judge_metric("f1", limits, estimate(0.96, 0.3), {}, {}), Level::degraded);
  EXPECT_EQ(judge_metric("f1", {}, estimate(0, 0.3), {}, {}), Level::stable);
}

TEST(JudgeMetric, IsDegradedOnlyWhereADropIsSurelyLargerThanItsLimit) {
  const MetricLimits limits{{}, {}, 0.05, {}};
  const MetricEstimate reference = estimate(0.9, 0.01);
  struct Case {
    const char* what;
    MetricEstimate current;
    Level level;
  };
  const Case cases[] = {{"better", estimate(0.95, 0.01), Level::stable},
                        {"a drop within the limit", estimate(0.86, 0.001), Level::stable},
                        {"a larger drop that may be chance", estimate(0.83, 0.03), Level::warning},
                        {"a larger drop that is sure", estimate(0.83, 0.01), Level::degraded},
                        {"a larger drop of which nothing is known", {0.5, {}}, Level::warning}};
  for (const Case& one : cases)
    EXPECT_EQ(judge_metric("f1", limits, one.current, reference, {}), one.level) << one.what;
  EXPECT_EQ(judge_metric("f1", limits, estimate(0.1, 0.01), {}, {}), Level::stable)
      << "nothing to compare with";
}

TEST(JudgeMetric, TakesTheWorstOfItsLimits) {
  const MetricLimits limits{0.5, {}, 0.05, 0.02};
  const MetricEstimate reference = estimate(0.9, 0.01);
  const MetricEstimate champion = estimate(0.88, 0.01);
  const MetricEstimate current = estimate(0.84, 0.01);
  EXPECT_EQ(judge_metric("f1", limits, current, reference, {}), Level::warning);
  EXPECT_EQ(judge_metric("f1", limits, current, {}, champion), Level::degraded);
  EXPECT_EQ(judge_metric("f1", limits, current, reference, champion), Level::degraded);
}

// Newcombe (1998), Statistics in Medicine 17, table II: 56/70 - 48/80 has the interval 0.0524 to
// 0.3339 by method 10.
TEST(MetricDrop, IsNewcombesDifferenceOfTwoShares) {
  const MetricEstimate better{56.0 / 70, wilson(56, 70)};
  const MetricEstimate worse{48.0 / 80, wilson(48, 80)};
  const auto drop = metric_drop(Worse::below, better, worse);
  ASSERT_TRUE(drop);
  EXPECT_NEAR(drop->drop, 0.2, 1e-12);
  EXPECT_NEAR(*drop->surely_above, 0.0524, 5e-5);
}

TEST(MetricDrop, FollowsTheDirectionOfTheMetric) {
  for (const char* const name : {"mae", "rmse", "mape", "median_ae", "log_loss", "brier", "ece",
                                 "latency_mean", "latency_p99"}) {
    EXPECT_EQ(worse_direction(name), Worse::above) << name;
  }
  for (const char* const name : {"accuracy", "f1_macro", "roc_auc", "r2", "mcc", "cohen_kappa"})
    EXPECT_EQ(worse_direction(name), Worse::below) << name;
  EXPECT_EQ(worse_direction("bias"), Worse::away_from_zero);
  EXPECT_GT(metric_drop(Worse::above, estimate(1, 0.1), estimate(2, 0.1))->drop, 0);
  EXPECT_LT(metric_drop(Worse::below, estimate(1, 0.1), estimate(2, 0.1))->drop, 0);
  // A bias that changes its sign at the same size is no worse.
  EXPECT_DOUBLE_EQ(metric_drop(Worse::away_from_zero, estimate(1, 0.1), estimate(-1, 0.1))->drop,
                   0);
  const auto grown = metric_drop(Worse::away_from_zero, estimate(0.1, 0.3), estimate(-2, 0.1));
  EXPECT_DOUBLE_EQ(grown->drop, 1.9);
  EXPECT_DOUBLE_EQ(*grown->surely_above, 1.9 - std::hypot(0.1, 0.3));
}

}  // namespace
}  // namespace driftd
