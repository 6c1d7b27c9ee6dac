#include "windows/performance.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "tests/support/fingerprints.h"
#include "tests/support/models.h"

namespace driftd {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A labelled row that owns its scores.
struct Labelled {
  double score = 0;
  ClassCode predicted_class = kNoClass;
  std::array<double, 3> scores{};
  double actual_value = 0;
  ClassCode actual_class = kNoClass;
};

template <typename Performance>
auto folding(const ModelSchema& schema) {
  return [&schema](Performance& performance, std::span<const Labelled> part) {
    for (const Labelled& row : part) {
      std::span<const double> scores;
      if (schema.task == Task::multiclass) scores = row.scores;
      performance.update(
          schema, {row.score, row.predicted_class, scores, row.actual_value, row.actual_class});
    }
  };
}

rc::Gen<double> probability() {
  return rc::gen::map(rc::gen::inRange(0, 21), [](int n) { return n / 20.0; });
}

rc::Gen<std::vector<Labelled>> labelled_rows(ClassCode classes) {
  const auto score = [] {
    return rc::gen::weightedOneOf<double>({{9, probability()}, {1, rc::gen::just(kNaN)}});
  };
  const auto row = rc::gen::build<Labelled>(
      rc::gen::set(&Labelled::score, score()),
      rc::gen::set(
          &Labelled::predicted_class,
          rc::gen::oneOf(rc::gen::inRange<ClassCode>(0, classes), rc::gen::just(kNoClass))),
      rc::gen::set(&Labelled::scores, rc::gen::container<std::array<double, 3>>(score())),
      rc::gen::set(&Labelled::actual_class, rc::gen::inRange<ClassCode>(0, classes + 1)));
  return rc::gen::container<std::vector<Labelled>>(row);
}

rc::Gen<std::vector<Labelled>> regression_rows() {
  return rc::gen::container<std::vector<Labelled>>(
      rc::gen::build<Labelled>(rc::gen::set(&Labelled::score, tied_value()),
                               rc::gen::set(&Labelled::actual_value, tied_value())));
}

template <typename Performance>
void check_laws(Task task, const std::vector<Labelled>& rows) {
  const ModelSchema schema = make_schema(task);
  const auto fold = folding<Performance>(schema);
  check_merge_laws(Performance(), rows, fold, fingerprint_of<Performance>);
  Performance performance;
  fold(performance, rows);
  RC_ASSERT(performance.labelled() == rows.size());
  check_stored_form_of(Performance(), performance, Performance::read);
}

RC_GTEST_PROP(BinaryPerformance, KeepsTheLawsOfASummary, ()) {
  check_laws<BinaryPerformance>(Task::binary, *labelled_rows(2));
}

RC_GTEST_PROP(MulticlassPerformance, KeepsTheLawsOfASummary, ()) {
  check_laws<MulticlassPerformance>(Task::multiclass, *labelled_rows(3));
}

RC_GTEST_PROP(RegressionPerformance, KeepsTheLawsOfASummary, ()) {
  check_laws<RegressionPerformance>(Task::regression, *regression_rows());
}

TEST(BinaryPerformance, TakesTheModelsDecisionOverTheScore) {
  const ModelSchema schema = make_schema(Task::binary);
  struct Case {
    const char* what;
    double score;
    ClassCode predicted, actual;
    std::array<std::uint64_t, 4> confusion;  // TP FP TN FN
  };
  const Case cases[] = {
      {"score, right", 0.5, kNoClass, 1, {1, 0, 0, 0}},
      {"score, wrong", 0.5, kNoClass, 0, {0, 1, 0, 0}},
      {"score below a half", std::nextafter(0.5, 0), kNoClass, 0, {0, 0, 1, 0}},
      {"decision against the score", 0.9, 0, 1, {0, 0, 0, 1}},
      {"decision without a score", kNaN, 1, 1, {1, 0, 0, 0}},
      {"a class that is not known", 0.9, 7, 0, {0, 0, 1, 0}},
      {"a label that is not known", 0.9, 1, 7, {0, 1, 0, 0}},
  };
  for (const Case& row : cases) {
    BinaryPerformance p;
    p.update(schema, {row.score, row.predicted, {}, 0, row.actual});
    const std::array<std::uint64_t, 4> confusion = {p.true_positive, p.false_positive,
                                                    p.true_negative, p.false_negative};
    EXPECT_EQ(confusion, row.confusion) << row.what;
    EXPECT_EQ(p.scores.total(0) + p.scores.total(1), std::isnan(row.score) ? 0U : 1U) << row.what;
  }
}

TEST(BinaryPerformance, ClipsTheLogLossOfACertainError) {
  const ModelSchema schema = make_schema(Task::binary);
  BinaryPerformance p;
  p.update(schema, {0.0, kNoClass, {}, 0, 1});
  EXPECT_DOUBLE_EQ(p.log_loss.mean, 52 * std::log(2.0));
}

TEST(MulticlassPerformance, DividesTheScoresByTheirSum) {
  const ModelSchema schema = make_schema(Task::multiclass);
  const std::array<double, 3> scores = {2, 1, 1};
  MulticlassPerformance p;
  p.update(schema, {0, 0, scores, 0, 1});
  EXPECT_DOUBLE_EQ(p.log_loss.mean, std::log(4.0));
  EXPECT_EQ(p.scores[0].sorted().front().value, 0.5);
  EXPECT_EQ(p.scores[1].sorted().front().count[1], 1U);
  EXPECT_EQ((p.confusion[{1, 0}]), 1U);
}

TEST(MulticlassPerformance, CountsARowWithoutUsableScoresAsLabelledOnly) {
  const ModelSchema schema = make_schema(Task::multiclass);
  const std::array<double, 3> rows[] = {
      {kNaN, kNaN, kNaN}, {0, 0, 0}, {-1, 0, 0}, {kInfinity, 0, 0}, {kHuge, kHuge, 0}};
  MulticlassPerformance p;
  for (const auto& scores : rows) p.update(schema, {0, 1, scores, 0, 1});
  EXPECT_EQ(p.labelled_rows, std::size(rows));
  EXPECT_EQ(p.scored_rows, 0U);
  EXPECT_EQ(p.log_loss.count, 0U);
}

TEST(MulticlassPerformance, GivesAClassWithoutAScoreTheProbabilityZero) {
  const ModelSchema schema = make_schema(Task::multiclass);
  const std::array<double, 3> scores = {1, 0, 0};
  MulticlassPerformance p;
  p.update(schema, {0, 0, scores, 0, schema.classes->code("never seen before")});
  EXPECT_DOUBLE_EQ(p.log_loss.mean, 52 * std::log(2.0));
  EXPECT_DOUBLE_EQ(p.brier.mean, 2.0);
}

TEST(CalibrationBins, PutAnEdgeIntoTheLowerBin) {
  struct Case {
    double score;
    std::size_t bin;
  };
  std::vector<Case> cases = {{0, 0}, {kTiny, 0}, {1, 9}, {0.05, 0}, {0.55, 5}, {0.999, 9}};
  for (std::size_t k = 1; k < CalibrationBins::kBins; ++k) {
    const double edge = static_cast<double>(k) / 10.0;
    cases.push_back({edge, k - 1});
    cases.push_back({std::nextafter(edge, 0), k - 1});
    cases.push_back({std::nextafter(edge, 1), k});
  }
  // The scores of a model that are no probabilities end in the outer bins.
  for (const double low : {-0.5, -1e300, -kInfinity}) cases.push_back({low, 0});
  for (const double high : {1.5, 1e10, 1e300, kInfinity}) cases.push_back({high, 9});
  for (const Case& row : cases) {
    CalibrationBins bins;
    bins.add(row.score, true);
    EXPECT_EQ(bins.count[row.bin], 1U) << row.score;
    EXPECT_EQ(bins.positives[row.bin], 1U) << row.score;
  }
}

TEST(RegressionPerformance, AddsUpErrors) {
  const ModelSchema schema = make_schema(Task::regression);
  RegressionPerformance p;
  p.update(schema, {3, kNoClass, {}, 1, kNoClass});
  p.update(schema, {3, kNoClass, {}, 4, kNoClass});
  p.update(schema, {1, kNoClass, {}, 0, kNoClass});
  EXPECT_EQ(p.labelled(), 3U);
  EXPECT_DOUBLE_EQ(3 * p.error.mean, 2);
  EXPECT_DOUBLE_EQ(3 * p.absolute_error.mean, 4);
  EXPECT_DOUBLE_EQ(3 * p.squared_error.mean, 6);
  EXPECT_DOUBLE_EQ(3 * p.relative_error.mean, 2 + 0.25 + 0x1.0p52);
  EXPECT_EQ(p.absolute_errors.distinct(), 2U);
}

RC_GTEST_PROP(LatencySummary, KeepsTheLawsOfASummary, ()) {
  const auto latency = rc::gen::weightedOneOf<double>(
      {{9, rc::gen::map(rc::gen::inRange(0, 100'000), [](int n) { return n / 16.0; })},
       {1, rc::gen::just(kNaN)}});
  const auto stream = *rc::gen::container<std::vector<double>>(latency);
  const auto fold = [](LatencySummary& summary, std::span<const double> part) {
    summary.update(part);
  };
  check_merge_laws(LatencySummary(), stream, fold, fingerprint_of<LatencySummary>);
  LatencySummary summary;
  summary.update(stream);
  RC_ASSERT(summary.moments.count == summary.distribution.total(0));
  check_stored_form_of(LatencySummary(), summary, LatencySummary::read);
}

TEST(LatencySummary, KeepsQuantilesToWithinAFifthOfAPercent) {
  std::vector<double> latencies;
  for (int i = 1; i <= 1'000; ++i) latencies.push_back(i * 0.37);
  latencies.insert(latencies.begin() + 500, kNaN);
  LatencySummary summary;
  summary.update(latencies);
  EXPECT_EQ(summary.moments.count, 1'000U);
  EXPECT_NEAR(summary.moments.mean, 500.5 * 0.37, 1e-9);
  for (const int percent : {1, 10, 50, 90, 99, 100}) {
    const double exact = percent * 10 * 0.37;
    EXPECT_NEAR(summary.quantile(percent / 100.0), exact, 0.002 * exact + 0.37) << percent;
  }
}

TEST(Performance, StartsEmptyForEveryTask) {
  for (const Task task : {Task::binary, Task::multiclass, Task::regression}) {
    EXPECT_EQ(labelled(make_performance(task)), 0U);
  }
  EXPECT_EQ(make_performance(Task::binary).index(), 0U);
  EXPECT_EQ(make_performance(Task::multiclass).index(), 1U);
  EXPECT_EQ(make_performance(Task::regression).index(), 2U);
}

}  // namespace
}  // namespace driftd
