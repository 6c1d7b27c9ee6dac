// Intervals against their definitions: placements pair by pair, derivatives by small differences,
// published values. How often they hold the truth is in interval_coverage_test.cc.
#include "detectors/intervals.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "detectors/metrics.h"
#include "detectors/rank_metrics.h"
#include "tests/support/models.h"

namespace driftd {
namespace {

void expect_interval(const std::optional<Interval>& interval, double low, double high,
                     double tolerance) {
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->low, low, tolerance);
  EXPECT_NEAR(interval->high, high, tolerance);
}

// Newcombe (1998), Statistics in Medicine 17, table I, method 3.
TEST(Wilson, GivesTheValuesOfNewcombesTable) {
  expect_interval(wilson(81, 263), 0.2553, 0.3662, 5e-5);
  expect_interval(wilson(15, 148), 0.0624, 0.1605, 5e-5);
  expect_interval(wilson(0, 20), 0, 0.1611, 5e-5);
  expect_interval(wilson(1, 29), 0.0061, 0.1718, 5e-5);
  expect_interval(wilson(20, 20), 1 - 0.1611, 1, 5e-5);
  EXPECT_FALSE(wilson(0, 0));
}

TEST(F1Interval, IsThatOfTheJaccardShare) {
  const auto jaccard = wilson(30, 50);
  expect_interval(f1_interval(30, 12, 8), 2 * jaccard->low / (1 + jaccard->low),
                  2 * jaccard->high / (1 + jaccard->high), 1e-12);
  EXPECT_FALSE(f1_interval(0, 0, 0));
}

// The exact coverage of the order statistics 40 and 61 of 100 is 96.5 %, of 41 and 60 it is 94.3 %.
TEST(QuantileInterval, TakesTheOrderStatisticsWhoseTailsAreNearest) {
  ValueCounts values;
  for (int i = 1; i <= 100; ++i) values.add(i, 0);
  expect_interval(quantile_interval(values.sorted(), 0.5), 41, 60, 0);
  EXPECT_FALSE(quantile_interval(values.sorted(), 0.99)) << "100 values have no upper end for it";
  for (int i = 101; i <= 1'000; ++i) values.add(i, 0);
  expect_interval(quantile_interval(values.sorted(), 0.99), 984, 997, 2);
}

RC_GTEST_PROP(DeLong, IsTheVarianceOfThePlacements, ()) {
  const auto scored = *rc::gen::container<std::vector<std::pair<int, bool>>>(
      rc::gen::pair(rc::gen::inRange(0, 12), rc::gen::arbitrary<bool>()));
  ValueCounts counts;
  std::array<std::vector<double>, 2> scores;
  for (const auto& [score, positive] : scored) {
    counts.add(score, positive ? 1 : 0);
    scores[positive ? 1 : 0].push_back(score);
  }
  const auto estimate = delong(counts.sorted());
  RC_ASSERT(estimate.has_value() == (!scores[0].empty() && !scores[1].empty()));
  if (!estimate || scores[0].size() < 2 || scores[1].size() < 2) return;
  double variance = 0;
  for (const int kind : {0, 1}) {
    std::vector<double> placements;
    for (const double own : scores[kind]) {
      double wins = 0;
      for (const double other : scores[1 - kind])
        wins += own == other ? 0.5 : (own > other) == (kind == 1) ? 1 : 0;
      placements.push_back(wins / static_cast<double>(scores[1 - kind].size()));
    }
    const auto n = static_cast<double>(placements.size());
    const Moments moments = moments_of(placements);
    RC_ASSERT(std::abs(moments.mean - estimate->value) < 1e-12);
    variance += moments.squares / (n - 1) / n;
  }
  RC_ASSERT(std::abs(variance - estimate->variance) < 1e-12);
}

TEST(AucInterval, HasAnEndInsideWhereAllPairsAreRight) {
  const auto perfect = auc_interval({1, 0}, 20, 30);
  ASSERT_TRUE(perfect);
  EXPECT_EQ(perfect->high, 1);
  EXPECT_GT(perfect->low, 0.85);
  EXPECT_LT(perfect->low, 0.99);
  EXPECT_LT(auc_interval({1, 0}, 5, 6)->low, perfect->low) << "less is known of fewer rows";
  const auto constant = auc_interval({0.5, 0}, 20, 30);
  ASSERT_TRUE(constant);
  EXPECT_NEAR(constant->high - 0.5, 0.5 - constant->low, 1e-9);
}

// The sum over cells of rows * influence^2, with the influence as the change of the metric when
// the counts of a cell change, measured.
double measured_variance(std::vector<double> counts,
                         const std::function<double(const std::vector<double>&)>& metric) {
  double variance = 0;
  double mean = 0;
  const double rows = std::accumulate(counts.begin(), counts.end(), 0.0);
  for (double& count : counts) {
    constexpr double kStep = 1e-4;
    const double before = count;
    count = before + kStep;
    const double up = metric(counts);
    count = before - kStep;
    const double influence = (up - metric(counts)) / (2 * kStep);
    count = before;
    variance += before * influence * influence;
    mean += before * influence;
  }
  return (variance - mean * mean / rows) * rows / (rows - 1);
}

TEST(AveragePrecisionInterval, IsTheJackknife) {
  const std::vector<std::array<double, 2>> by_score = {{9, 1}, {7, 2}, {4, 4}, {2, 3}, {1, 6}};
  ValueCounts counts;
  std::vector<double> cells;
  for (std::size_t i = 0; i < by_score.size(); ++i) {
    for (const int kind : {0, 1}) {
      counts.add(static_cast<double>(i), kind, static_cast<std::uint32_t>(by_score[i][kind]));
      cells.push_back(by_score[i][kind]);
    }
  }
  const auto metric = [](const std::vector<double>& c) {
    double positives = 0, found = 0, taken = 0, sum = 0;
    for (std::size_t i = c.size() / 2; i-- > 0;) {
      found += c[2 * i + 1];
      taken += c[2 * i] + c[2 * i + 1];
      sum += c[2 * i + 1] * found / taken;
      positives += c[2 * i + 1];
    }
    return sum / positives;
  };
  // The jackknife as it is written down: without each row in turn.
  double rows = 0;
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i] == 0) continue;
    std::vector<double> without = cells;
    --without[i];
    const double left = metric(without) - metric(cells);
    rows += cells[i];
    sum += cells[i] * left;
    squares += cells[i] * left * left;
  }
  EXPECT_EQ(rows, 39);
  const double variance = (rows - 1) / rows * (squares - sum * sum / rows);
  // Student's t at 0.975 with 15 degrees of freedom: there are 16 positives, and 23 negatives.
  const auto expected = logit_interval(metric(cells), variance, 2.131449545559323);
  expect_interval(average_precision_interval(counts.sorted()), expected->low, expected->high,
                  1e-12);
}

// A window of 100 rows, 40 of them with a score of 0 or 1: by hand from Wilson's interval and
// Student's t on the logarithm of the 60 others.
TEST(LogLossInterval, CountsCertainErrorsApart) {
  Moments rows;
  Moments others;
  for (int i = 0; i < 60; ++i) {
    Moments one;
    one.count = 1;
    one.mean = 0.2 + 0.01 * i;
    rows.merge(one);
    others.merge(one);
  }
  for (int i = 0; i < 40; ++i) {
    Moments one;
    one.count = 1;
    one.mean = i < 2 ? kLargestLogLoss : 0;
    rows.merge(one);
    if (i >= 2) others.merge(one);
  }
  const auto wrong = wilson(2, 40);
  const auto left = positive_mean_interval(others);
  const double below =
      std::hypot(0.98 * (others.mean - left->low), 0.4 * kLargestLogLoss * (0.05 - wrong->low));
  const double above =
      std::hypot(0.98 * (left->high - others.mean), 0.4 * kLargestLogLoss * (wrong->high - 0.05));
  expect_interval(log_loss_interval(rows, 40, 2), std::max(0.0, rows.mean - below),
                  rows.mean + above, 1e-9);
  // None was wrong: there may be some nevertheless.
  const auto none = log_loss_interval(others, 38, 0);
  EXPECT_GT(none->high, others.mean + 38.0 / 98 * kLargestLogLoss * 0.09);
  // No row is certain: the interval of the mean as it is.
  EXPECT_EQ(log_loss_interval(others, 0, 0), positive_mean_interval(others));
}

// 3 classes, (actual, predicted) in rows.
constexpr std::array<double, 9> kConfusion = {50, 6, 3, 8, 30, 2, 1, 4, 11};

using Confusion = std::vector<double>;
struct Margins {
  std::array<double, 3> labelled{}, predicted{}, right{};
  double rows = 0;
};
Margins margins_of(const Confusion& c) {
  Margins m;
  for (std::size_t i = 0; i < 9; ++i) {
    m.labelled[i / 3] += c[i];
    m.predicted[i % 3] += c[i];
    if (i / 3 == i % 3) m.right[i / 3] += c[i];
    m.rows += c[i];
  }
  return m;
}

TEST(ConfusionIntervals, AreTheDeltaMethod) {
  ConfusionTable table;
  for (std::uint32_t i = 0; i < 9; ++i) table.add(i / 3, i % 3, kConfusion[i]);
  const auto averaged = [](bool weighted, bool of_f1) {
    return [=](const Confusion& c) {
      const Margins m = margins_of(c);
      double sum = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        const double one =
            of_f1 ? 2 * m.right[k] / (m.labelled[k] + m.predicted[k]) : m.right[k] / m.predicted[k];
        sum += one * (weighted ? m.labelled[k] / m.rows : 1.0 / 3);
      }
      return sum;
    };
  };
  const auto chance = [](const Margins& m) {
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k) sum += m.labelled[k] * m.predicted[k] / m.rows / m.rows;
    return sum;
  };
  const auto kappa = [&](const Confusion& c) {
    const Margins m = margins_of(c);
    const double right = (m.right[0] + m.right[1] + m.right[2]) / m.rows;
    return (right - chance(m)) / (1 - chance(m));
  };
  const auto matthews = [&](const Confusion& c) {
    const Margins m = margins_of(c);
    const double right = (m.right[0] + m.right[1] + m.right[2]) / m.rows;
    double of_labels = 1, of_predictions = 1;
    for (std::size_t k = 0; k < 3; ++k) {
      of_labels -= std::pow(m.labelled[k] / m.rows, 2);
      of_predictions -= std::pow(m.predicted[k] / m.rows, 2);
    }
    return (right - chance(m)) / std::sqrt(of_labels * of_predictions);
  };
  const Confusion counts(kConfusion.begin(), kConfusion.end());
  struct Case {
    const char* name;
    std::function<double(const Confusion&)> metric;
    std::optional<Interval> (*interval)(const ConfusionTable&, double);
    std::optional<Interval> (*scale)(double, double);
  };
  const Case cases[] = {
      {"weighted precision", averaged(true, false), weighted_precision_interval, logit_interval},
      {"macro f1", averaged(false, true), macro_f1_interval, logit_interval},
      {"weighted f1", averaged(true, true), weighted_f1_interval, logit_interval},
      {"kappa", kappa, kappa_interval, fisher_interval},
      {"matthews", matthews, matthews_interval, fisher_interval}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    const double value = one.metric(counts);
    const auto expected = one.scale(value, measured_variance(counts, one.metric));
    ASSERT_TRUE(expected);
    expect_interval(one.interval(table, value), expected->low, expected->high, 1e-6);
  }
}

// Three shares of which the third is of 3 rows, all right: it is not taken for certain.
TEST(MacroPrecisionInterval, RecoversTheVarianceOfTheClassesIntervals) {
  ConfusionTable table;
  table.add(0, 0, 40);
  table.add(1, 0, 10);
  table.add(1, 1, 30);
  table.add(0, 1, 6);
  table.add(2, 2, 3);
  const double shares[] = {0.8, 30.0 / 36, 1};
  const std::optional<Interval> ends[] = {wilson(40, 50), wilson(30, 36), wilson(3, 3)};
  double mean = 0, below = 0, above = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    mean += shares[k] / 3;
    below += std::pow((shares[k] - ends[k]->low) / 3, 2);
    above += std::pow((ends[k]->high - shares[k]) / 3, 2);
  }
  expect_interval(macro_precision_interval(table), mean - std::sqrt(below), mean + std::sqrt(above),
                  1e-12);
}

TEST(R2Interval, IsTheDeltaMethodOnTheRows) {
  const ModelSchema schema = make_schema(Task::regression);
  const std::vector<std::pair<double, double>> rows = {
      // actual, predicted
      {101, 102}, {104, 103}, {99, 97}, {110, 108}, {95, 99}, {103, 103.5}, {120, 112}, {100, 100}};
  RegressionPerformance p;
  std::vector<double> actual;
  for (const auto& [y, predicted] : rows) {
    p.update(schema, {predicted, kNoClass, {}, y, kNoClass});
    actual.push_back(y);
  }
  const Moments of_actual = moments_of(actual);
  double mean_square = 0, spread = 0;
  for (const auto& [y, predicted] : rows) {
    mean_square += std::pow(predicted - y, 2) / 8;
    spread += std::pow(y - of_actual.mean, 2) / 8;
  }
  double variance = 0;
  for (const auto& [y, predicted] : rows) {
    const double influence =
        std::pow(predicted - y, 2) / mean_square - std::pow(y - of_actual.mean, 2) / spread;
    variance += influence * influence / 8 / 7;
  }
  const double t = 2.364624251592785;  // of 7 degrees of freedom
  const double ratio = mean_square / spread;
  expect_interval(r2_interval(p), 1 - ratio * std::exp(t * std::sqrt(variance)),
                  1 - ratio * std::exp(-t * std::sqrt(variance)), 1e-9);
}

TEST(MeanInterval, IsStudents) {
  // Student (1908), the additional hours of sleep: 95 % from 0.70 to 2.46.
  const std::vector<double> sleep = {1.2, 2.4, 1.3, 1.3, 0, 1.0, 1.8, 0.8, 4.6, 1.4};
  expect_interval(mean_interval(moments_of(sleep)), 0.7001, 2.4599, 5e-4);
  EXPECT_FALSE(mean_interval(moments_of(std::vector<double>{2})));
  EXPECT_FALSE(mean_interval(moments_of(std::vector<double>{2, 2, 2})));
}

TEST(CalibrationInterval, BeginsAtZeroWhereTheErrorIsNoMoreThanChance) {
  CalibrationBins calibrated;
  CalibrationBins wrong;
  for (int i = 0; i < 1'000; ++i) {
    const double score = (i % 10) / 10.0 + 0.05;
    calibrated.add(score, i / 10 % 100 < score * 100 + (i % 2 == 0 ? 2 : -2));
    wrong.add(score, i / 10 % 100 < score * 60);
  }
  const auto error_of = [](const CalibrationBins& bins) {
    double error = 0;
    for (std::size_t i = 0; i < CalibrationBins::kBins; ++i)
      error += std::abs(static_cast<double>(bins.positives[i]) - bins.score_sum[i]) / 1'000;
    return error;
  };
  const auto none = calibration_interval(calibrated, error_of(calibrated));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->low, 0);
  EXPECT_GE(none->high, error_of(calibrated));
  const auto real = calibration_interval(wrong, error_of(wrong));
  ASSERT_TRUE(real);
  EXPECT_GT(real->low, 0.1);
  EXPECT_LT(real->high, 0.3);
}

// Every metric of every degenerate window: the interval holds the value or is not there.
TEST(Intervals, AreNeverNaNNorWithoutTheirValue) {
  const std::array<double, 3> certain = {1, 0, 0};
  const std::array<double, 3> unsure = {0.5, 0.25, 0.25};
  using Rows = std::vector<LabelledRow>;
  const std::vector<std::pair<Task, Rows>> windows = {
      {Task::binary, {}},
      {Task::binary, {{0.7, 1, {}, 0, 1}}},
      {Task::binary, {{0.7, 1, {}, 0, 1}, {0.8, 1, {}, 0, 1}}},
      {Task::binary, {{0.2, 0, {}, 0, 0}, {0.3, 0, {}, 0, 0}}},
      {Task::binary, {{1, 1, {}, 0, 1}, {1, 1, {}, 0, 1}, {0, 0, {}, 0, 0}, {0, 0, {}, 0, 0}}},
      {Task::binary, {{0, 0, {}, 0, 1}, {1, 1, {}, 0, 0}, {0, 0, {}, 0, 1}, {1, 1, {}, 0, 0}}},
      {Task::binary, {{0.5, 1, {}, 0, 1}, {0.5, 1, {}, 0, 0}, {0.5, 1, {}, 0, 0}}},
      {Task::multiclass, {}},
      {Task::multiclass, {{0, 0, certain, 0, 0}}},
      {Task::multiclass, {{0, 0, certain, 0, 0}, {0, 0, certain, 0, 0}}},
      {Task::multiclass, {{0, 0, unsure, 0, 0}, {0, 1, unsure, 0, 1}, {0, 2, unsure, 0, 2}}},
      {Task::multiclass, {{0, 1, certain, 0, 0}, {0, 0, certain, 0, 1}}},
      {Task::regression, {}},
      {Task::regression, {{1, kNoClass, {}, 2, kNoClass}}},
      {Task::regression, {{1, kNoClass, {}, 1, kNoClass}, {2, kNoClass, {}, 2, kNoClass}}},
      {Task::regression, {{1, kNoClass, {}, 2, kNoClass}, {1, kNoClass, {}, 2, kNoClass}}},
      {Task::regression, {{1e200, kNoClass, {}, 0, kNoClass}, {1, kNoClass, {}, 1, kNoClass}}}};
  for (const auto& [task, rows] : windows) {
    const ModelSchema schema = make_schema(task);
    PerformanceSummary performance = make_performance(task);
    for (const LabelledRow& row : rows)
      std::visit([&](auto& summary) { summary.update(schema, row); }, performance);
    for (const NamedMetric& metric : compute_metrics(schema, performance)) {
      if (!metric.interval) continue;
      SCOPED_TRACE(metric.name);
      ASSERT_TRUE(metric.value);
      EXPECT_LE(metric.interval->low, *metric.value);
      EXPECT_GE(metric.interval->high, *metric.value);
      EXPECT_TRUE(std::isfinite(metric.interval->low) && std::isfinite(metric.interval->high));
      EXPECT_LT(metric.interval->low, metric.interval->high) << "certainty from a few rows";
    }
  }
}

TEST(Intervals, OfAPerfectWindowEndInside) {
  const ModelSchema schema = make_schema(Task::multiclass);
  MulticlassPerformance p;
  const std::array<std::array<double, 3>, 3> scores = {
      {{0.8, 0.1, 0.1}, {0.1, 0.8, 0.1}, {0.1, 0.1, 0.8}}};
  for (ClassCode i = 0; i < 60; ++i) p.update(schema, {0, i % 3, scores[i % 3], 0, i % 3});
  for (const NamedMetric& metric : compute_metrics(schema, PerformanceSummary(p))) {
    if (metric.value != 1.0) continue;
    ASSERT_TRUE(metric.interval) << metric.name;
    EXPECT_EQ(metric.interval->high, 1) << metric.name;
    EXPECT_GT(metric.interval->low, 0.8) << metric.name;
    EXPECT_LT(metric.interval->low, 0.99) << metric.name;
  }
}

// A bound holds what the exact counters would have said.
TEST(RankMetrics, SayHowFarAGridMayBeOff) {
  ValueCounts exact;
  ValueCounts grid(6);
  std::uint64_t state = 7;
  for (int i = 0; i < 5'000; ++i) {
    state = state * 6'364'136'223'846'793'005ull + 1'442'695'040'888'963'407ull;
    const double score = static_cast<double>(state >> 11) * 0x1.0p-53;
    const int kind = static_cast<double>((state * 31) >> 11) * 0x1.0p-53 < score ? 1 : 0;
    exact.add(score, kind);
    grid.add(score, kind);
  }
  struct Case {
    const char* name;
    RankMetric (*metric)(const ValueCounts&);
  };
  const Case cases[] = {
      {"roc_auc", roc_auc}, {"average_precision", average_precision}, {"median", median}};
  for (const Case& one : cases) {
    const RankMetric whole = one.metric(exact);
    const RankMetric rounded = one.metric(grid);
    EXPECT_FALSE(whole.bound) << one.name;
    ASSERT_TRUE(rounded.bound) << one.name;
    EXPECT_NE(*whole.value, *rounded.value) << one.name;
    EXPECT_LE(std::abs(*whole.value - *rounded.value), *rounded.bound) << one.name;
    EXPECT_LT(*rounded.bound, 0.1) << one.name;
  }
}

}  // namespace
}  // namespace driftd
