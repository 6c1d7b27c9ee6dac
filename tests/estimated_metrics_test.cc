// Estimates against sums over all pairs of rows, and against the metrics that labels give in
// simulations: how often the interval holds them, what an estimate sees, and what it cannot see.
#include "detectors/estimated_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <random>

#include "detectors/metrics.h"
#include "tests/support/models.h"

namespace driftd {
namespace {

constexpr ClassCode kPositive = 1;

using Random = std::mt19937_64;

// A share of 95 % has a standard error of 0.5 % then.
constexpr int kMulticlassTrials = 2'000;

[[nodiscard]] double uniform(Random& random) {
  return std::uniform_real_distribution<double>()(random);
}

// What a score stands for in the world of a test.
using Truth = std::function<double(double)>;

struct Window {
  std::vector<double> scores;
  std::vector<bool> labels;
};
[[nodiscard]] Window draw(Random& random, int rows, const std::function<double(Random&)>& score,
                          const Truth& truth) {
  Window window;
  for (int i = 0; i < rows; ++i) {
    window.scores.push_back(score(random));
    window.labels.push_back(uniform(random) < truth(window.scores.back()));
  }
  return window;
}

[[nodiscard]] std::vector<ScoredLabel> labelled_rows(const Window& window) {
  std::vector<ScoredLabel> rows;
  for (std::size_t i = 0; i < window.scores.size(); ++i)
    rows.push_back({window.scores[i], window.labels[i]});
  return rows;
}

[[nodiscard]] Pane pane_of(const ModelUnderTest& model, const Window& window,
                           double decides_at = 0.5) {
  Pane pane(model.monitored());
  pane.predictions = window.scores.size();
  EventBatch batch(model.schema);
  std::vector<std::uint32_t> rows;
  for (std::size_t i = 0; i < window.scores.size(); ++i) {
    const ClassCode predicted = window.scores[i] >= decides_at ? kPositive : 0;
    batch.score.push_back(window.scores[i]);
    batch.predicted_class.push_back(predicted);
    rows.push_back(static_cast<std::uint32_t>(i));
    const LabelledRow row{
        window.scores[i], predicted, {}, 0, static_cast<ClassCode>(window.labels[i])};
    std::get<BinaryPerformance>(pane.performance).update(model.schema, row);
  }
  EstimationSummary::Scratch scratch;
  pane.estimation.update(model.reference.estimation, batch, rows, scratch);
  return pane;
}

using Estimates = std::map<std::string, NamedMetric>;
[[nodiscard]] Estimates estimates_of(const ModelUnderTest& model, const Pane& pane) {
  Estimates by_name;
  for (const NamedMetric& metric : estimate_performance(model.monitored(), pane).metrics) {
    by_name[std::string(metric.name)] = metric;
  }
  return by_name;
}
[[nodiscard]] std::map<std::string, double> realised(const ModelUnderTest& model,
                                                     const Pane& pane) {
  std::map<std::string, double> by_name;
  for (const NamedMetric& metric : compute_metrics(model.schema, pane.performance)) {
    if (metric.value) by_name[std::string(metric.name)] = *metric.value;
  }
  return by_name;
}

// How often each interval held the realised metric.
class Coverage {
 public:
  void add(const ModelUnderTest& model, const Pane& pane) {
    const auto truth = realised(model, pane);
    for (const auto& [name, estimate] : estimates_of(model, pane)) {
      const double value = truth.at(name.substr(0, name.size() - std::string("_estimated").size()));
      ++tried_;
      ASSERT_TRUE(estimate.interval) << name;
      inside_[name] += estimate.interval->low <= value && value <= estimate.interval->high;
      ++of_[name];
    }
  }
  void expect(double low, double high, const std::string& what,
              const std::string& only = "") const {
    EXPECT_GT(tried_, 0);
    for (const auto& [name, inside] : inside_) {
      if (!only.empty() && name != only) continue;
      const double share = static_cast<double>(inside) / of_.at(name);
      testing::Test::RecordProperty(what + "/" + name, std::to_string(share));
      EXPECT_GE(share, low) << what << " " << name;
      EXPECT_LE(share, high) << what << " " << name;
    }
  }

 private:
  int tried_ = 0;
  std::map<std::string, int> inside_;
  std::map<std::string, int> of_;
};

// --- Values

TEST(EstimatedMetrics, AreThoseOfTheExpectedConfusionMatrix) {
  ModelUnderTest model(Task::binary);
  model.reference.estimation = BinaryEstimation{ScoreMap::identity({}, 0), 1};
  const Window window{{0.125, 0.25, 0.25, 0.625, 0.75, 0.75, 0.875}, std::vector<bool>(7)};
  const Estimates estimates = estimates_of(model, pane_of(model, window));
  const double tp = 0.625 + 0.75 + 0.75 + 0.875;
  const double fn = 0.125 + 0.25 + 0.25;
  EXPECT_NEAR(*estimates.at("accuracy_estimated").value, (tp + 3 - fn) / 7, 1e-12);
  EXPECT_NEAR(*estimates.at("precision_estimated").value, tp / 4, 1e-12);
  EXPECT_NEAR(*estimates.at("recall_estimated").value, tp / (tp + fn), 1e-12);
  EXPECT_NEAR(*estimates.at("f1_estimated").value, 2 * tp / (4 + tp + fn), 1e-12);
  double wins = 0;
  for (const double a : window.scores) {
    for (const double b : window.scores) wins += (a > b ? 1 : a == b ? 0.5 : 0) * a * (1 - b);
  }
  EXPECT_NEAR(*estimates.at("roc_auc_estimated").value, wins / ((tp + fn) * (7 - tp - fn)), 1e-12);
}

// Scores that the reference does not have lie between its boundaries, where their order is not
// known: the area is then off, by the bound of detectors/estimated_ranking.h at most.
TEST(EstimatedMetrics, RankScoresBetweenBoundariesWithinTheirBound) {
  Random random(5);
  const auto truth = [](double s) { return s; };
  ModelUnderTest model(Task::binary);
  std::vector<ScoredLabel> sorted = labelled_rows(draw(random, 2'000, uniform, truth));
  std::ranges::sort(sorted, {}, &ScoredLabel::score);
  const ScoreMap map = ScoreMap::identity(sorted, 256);
  model.reference.estimation = BinaryEstimation{map, 2'000};
  const std::map<std::string, std::pair<std::function<double(Random&)>, double>> shapes = {
      {"alike", {uniform, 1e-5}},
      {"low", {[](Random& r) { return uniform(r) * uniform(r) / 50; }, 2e-2}},
      {"crowded", {[](Random& r) { return 0.501 + uniform(r) / 2'000; }, 2e-3}}};
  for (const auto& [shape, score] : shapes) {
    const Window window = draw(random, 1'500, score.first, truth);
    std::map<std::uint32_t, double> rows_of_cell;
    double wins = 0;
    double positives = 0;
    for (const double a : window.scores) {
      positives += a;
      ++rows_of_cell[map.index().cell(a)];
      for (const double b : window.scores) wins += (a > b ? 1 : a == b ? 0.5 : 0) * a * (1 - b);
    }
    const double pairs = positives * (1'500 - positives);
    double bound = 0;
    for (const auto& [cell, rows] : rows_of_cell)
      bound += rows * rows * (map.range(cell).high - map.range(cell).low) / 12 / pairs;
    EXPECT_LE(bound, score.second) << shape;
    const Estimates estimates = estimates_of(model, pane_of(model, window));
    EXPECT_NEAR(*estimates.at("roc_auc_estimated").value, wins / pairs, bound + 1e-12) << shape;
  }
}

TEST(EstimatedMetrics, AreMissingWhereThereIsNothingToEstimateFrom) {
  ModelUnderTest model(Task::binary);
  EXPECT_TRUE(estimate_performance(model.monitored(), Pane(model.monitored())).metrics.empty());

  model.reference.estimation = BinaryEstimation{ScoreMap::identity({}, 0), 1};
  for (const NamedMetric& metric :
       estimate_performance(model.monitored(), Pane(model.monitored())).metrics) {
    EXPECT_FALSE(metric.value || metric.interval) << metric.name;
  }
  // Switched on while the window was open: some of its predictions were not collected.
  Pane pane = pane_of(model, {{0.25, 0.75}, {false, true}});
  EXPECT_TRUE(estimates_of(model, pane).at("accuracy_estimated").value);
  ++pane.predictions;
  EXPECT_FALSE(estimates_of(model, pane).at("accuracy_estimated").value);
}

TEST(EstimatedMetrics, OfScoresThatAreAllCertainHaveNoRankingOfOneClass) {
  ModelUnderTest model(Task::binary);
  model.reference.estimation = BinaryEstimation{ScoreMap::identity({}, 0), 1};
  const Estimates estimates = estimates_of(model, pane_of(model, {{1, 1, 1}, {true, true, true}}));
  EXPECT_FALSE(estimates.at("roc_auc_estimated").value);
  EXPECT_EQ(*estimates.at("accuracy_estimated").value, 1);
  EXPECT_EQ(*estimates.at("recall_estimated").value, 1);
  const Estimates none = estimates_of(model, pane_of(model, {{0, 0, 0}, {false, false, false}}));
  EXPECT_EQ(*none.at("precision_estimated").value, 0);
  EXPECT_EQ(*none.at("f1_estimated").value, 0);
}

// --- The interval

TEST(EstimatedInterval, HoldsTheRealisedMetricWhereTheScoresAreProbabilities) {
  Random random(11);
  ModelUnderTest model(Task::binary);
  model.reference.estimation = BinaryEstimation{ScoreMap::identity({}, 0), 1};
  Coverage coverage;
  const auto truth = [](double s) { return s; };
  for (int trial = 0; trial < 4'000; ++trial)
    coverage.add(model, pane_of(model, draw(random, 500, uniform, truth)));
  coverage.expect(0.93, 0.97, "binary");
}

// The calibration is learned anew in every trial, so that its own error counts.
TEST(EstimatedInterval, HoldsTheRealisedMetricWhereTheReferenceCalibrates) {
  Random random(12);
  Coverage alike;
  Coverage shifted;
  const auto truth = [](double s) { return s * s; };
  const auto higher = [](Random& r) { return std::sqrt(uniform(r)); };
  for (int trial = 0; trial < 1'500; ++trial) {
    ModelUnderTest model(Task::binary);
    model.reference.estimation = learn_binary(labelled_rows(draw(random, 5'000, uniform, truth)));
    ASSERT_TRUE(std::get<BinaryEstimation>(model.reference.estimation).map.is_calibrated());
    alike.add(model, pane_of(model, draw(random, 1'000, uniform, truth)));
    shifted.add(model, pane_of(model, draw(random, 1'000, higher, truth)));
  }
  alike.expect(0.93, 0.97, "alike");
  shifted.expect(0.93, 0.97, "shifted");
}

// Log-odds are normal about the offsets, of which there is one a class.
[[nodiscard]] std::vector<double> multiclass_probabilities(Random& random,
                                                           const std::vector<double>& offsets,
                                                           double spread) {
  std::normal_distribution<double> normal(0, spread);
  std::vector<double> p;
  double total = 0;
  for (const double offset : offsets) total += p.emplace_back(std::exp(offset + normal(random)));
  for (double& of_class : p) of_class /= total;
  return p;
}

struct MulticlassScene {
  const char* name;
  std::vector<double> offsets;
  double spread;
  std::uint32_t rows;
};

TEST(EstimatedInterval, HoldsTheRealisedMulticlassMetric) {
  const MulticlassScene scenes[] = {
      {"three", {0, 0, 0}, 1.5, 600},     {"three, weak", {0, 0, 0}, 0.7, 600},
      {"three, sure", {0, 0, 0}, 4, 600}, {"three, one of 5 %", {1.5, 0, -1.5}, 1.5, 800},
      {"two", {0, 0.5}, 1.5, 300},        {"six", {0, 0.5, -0.5, 0.2, -1, -1.5}, 2.5, 1'000}};
  for (const auto& [name, offsets, spread, count] : scenes) {
    Random random(13);
    ModelUnderTest model(Task::multiclass);
    MulticlassEstimation estimation;
    estimation.maps.assign(offsets.size(), ScoreMap::identity({}, 0));
    model.schema.scored_classes.clear();
    for (ClassCode k = 0; k < offsets.size(); ++k) {
      estimation.positions.push_back(k);
      model.schema.scored_classes.push_back(k);
    }
    estimation.rows = 1;
    model.reference.estimation = estimation;
    Coverage coverage;
    for (int trial = 0; trial < kMulticlassTrials; ++trial) {
      Pane pane(model.monitored());
      EventBatch batch(model.schema);
      std::vector<std::uint32_t> rows;
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::vector<double> p = multiclass_probabilities(random, offsets, spread);
        const auto largest = static_cast<ClassCode>(std::ranges::max_element(p) - p.begin());
        ClassCode actual = 0;
        for (double lot = uniform(random); actual + 1 < p.size() && lot >= p[actual]; ++actual)
          lot -= p[actual];
        rows.push_back(i);
        batch.predicted_class.push_back(largest);
        batch.class_scores.insert(batch.class_scores.end(), p.begin(), p.end());
        std::get<MulticlassPerformance>(pane.performance)
            .update(model.schema, {0, largest, p, 0, actual});
      }
      pane.predictions = rows.size();
      EstimationSummary::Scratch scratch;
      pane.estimation.update(model.reference.estimation, batch, rows, scratch);
      coverage.add(model, pane);
    }
    coverage.expect(0.93, 0.97, name);
  }
}

// --- Regression

struct Errors {
  std::vector<double> predicted;
  std::vector<double> actual;
};
using Spread = std::function<double(double)>;
[[nodiscard]] Errors draw_errors(Random& random, int rows,
                                 const std::function<double(Random&)>& prediction,
                                 const Spread& spread) {
  std::normal_distribution<double> normal;
  Errors errors;
  for (int i = 0; i < rows; ++i) {
    errors.predicted.push_back(prediction(random));
    errors.actual.push_back(errors.predicted.back() +
                            spread(errors.predicted.back()) * normal(random));
  }
  return errors;
}
[[nodiscard]] double between_20_and_120(Random& random) { return 20 + 100 * uniform(random); }
[[nodiscard]] double mostly_high(Random& random) { return 20 + 100 * std::sqrt(uniform(random)); }
[[nodiscard]] double wider_above(double prediction) { return 1 + prediction / 20; }

[[nodiscard]] std::unique_ptr<ModelUnderTest> regression_model(Random& random, int rows) {
  auto model = std::make_unique<ModelUnderTest>(Task::regression);
  const Errors reference = draw_errors(random, rows, between_20_and_120, wider_above);
  model->add_numeric("prediction", reference.predicted);
  model->schema.prediction_series = 0;
  std::vector<PredictedActual> pairs;
  for (std::size_t i = 0; i < reference.predicted.size(); ++i)
    pairs.push_back({reference.predicted[i], reference.actual[i]});
  const auto& numeric = std::get<NumericReference>(model->reference.series[0].baseline);
  model->reference.estimation = learn_errors(numeric, pairs);
  return model;
}
[[nodiscard]] Pane pane_of(const ModelUnderTest& model, const Errors& errors) {
  Pane pane(model.monitored());
  pane.predictions = errors.predicted.size();
  const auto& numeric = std::get<NumericReference>(model.reference.series[0].baseline);
  NumericSummary::Scratch scratch;
  std::get<NumericSummary>(pane.series[0]).update(numeric.index, errors.predicted, scratch);
  for (std::size_t i = 0; i < errors.predicted.size(); ++i) {
    std::get<RegressionPerformance>(pane.performance)
        .update(model.schema, {errors.predicted[i], kNoClass, {}, errors.actual[i], kNoClass});
  }
  return pane;
}

TEST(EstimatedInterval, HoldsTheRealisedErrorAlsoWhereThePredictionsShift) {
  Random random(14);
  Coverage alike;
  Coverage shifted;
  for (int trial = 0; trial < 1'500; ++trial) {
    const auto model = regression_model(random, 2'000);
    alike.add(*model, pane_of(*model, draw_errors(random, 500, between_20_and_120, wider_above)));
    shifted.add(*model, pane_of(*model, draw_errors(random, 500, mostly_high, wider_above)));
  }
  alike.expect(0.93, 0.97, "alike");
  shifted.expect(0.93, 0.97, "shifted");
}

TEST(EstimatedErrors, KeepTiedPredictionsInOneBinAndEveryBinFull) {
  Random random(15);
  auto model = std::make_unique<ModelUnderTest>(Task::regression);
  std::vector<double> predicted;
  std::vector<PredictedActual> pairs;
  for (int i = 0; i < 1'000; ++i) {
    predicted.push_back(std::floor(uniform(random) * 7));
    pairs.push_back({predicted.back(), predicted.back() + uniform(random)});
  }
  model->add_numeric("prediction", predicted);
  const auto& numeric = std::get<NumericReference>(model->reference.series[0].baseline);
  const auto estimation = std::get<RegressionEstimation>(learn_errors(numeric, pairs));
  ASSERT_EQ(estimation.bins.size(), 7U);
  std::uint64_t rows = 0;
  for (const RegressionEstimation::Bin& bin : estimation.bins) {
    EXPECT_GE(bin.absolute.count, RegressionEstimation::kLeastRowsPerBin);
    rows += bin.absolute.count;
  }
  EXPECT_EQ(rows, 1'000U);
  EXPECT_EQ(estimation.bins.back().last_cell, numeric.index.cells() - 1);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(learn_errors(numeric, {})));
}

TEST(EstimatedErrors, OfAnInfinitePredictionAreNotDefined) {
  Random random(16);
  const auto model = regression_model(random, 500);
  const Pane pane = pane_of(*model, Errors{{50, kInfinity}, {50, 50}});
  for (const auto& [name, estimate] : estimates_of(*model, pane)) {
    EXPECT_FALSE(estimate.value) << name;
  }
}

// --- What estimates see, and what they do not

TEST(Estimates, SeeThatScoresMoveToWhereTheModelIsUnsure) {
  Random random(21);
  const auto truth = [](double s) { return s * s; };
  ModelUnderTest model(Task::binary);
  model.reference.estimation = learn_binary(labelled_rows(draw(random, 10'000, uniform, truth)));
  const auto unsure = [](Random& r) { return 0.6 + 0.2 * uniform(r); };
  const Pane before = pane_of(model, draw(random, 5'000, uniform, truth), 0.7);
  const Pane after = pane_of(model, draw(random, 5'000, unsure, truth), 0.7);
  for (const char* metric : {"accuracy", "roc_auc"}) {
    const std::string estimated = std::string(metric) + "_estimated";
    const double fall = realised(model, before).at(metric) - realised(model, after).at(metric);
    const double seen = *estimates_of(model, before).at(estimated).value -
                        *estimates_of(model, after).at(estimated).value;
    EXPECT_GT(fall, 0.1) << metric;
    EXPECT_NEAR(seen, fall, 0.03) << metric;
  }
}

// The limit of the method: the scores stay as they are and mean something else.
TEST(Estimates, DoNotSeeThatScoresMeanSomethingElse) {
  Random random(22);
  ModelUnderTest model(Task::binary);
  model.reference.estimation =
      learn_binary(labelled_rows(draw(random, 10'000, uniform, [](double s) { return s; })));
  const Pane before = pane_of(model, draw(random, 5'000, uniform, [](double s) { return s; }));
  const Pane after =
      pane_of(model, draw(random, 5'000, uniform, [](double s) { return 0.75 - s / 2; }));
  EXPECT_GT(realised(model, before).at("accuracy") - realised(model, after).at("accuracy"), 0.2);
  const double seen = *estimates_of(model, before).at("accuracy_estimated").value -
                      *estimates_of(model, after).at("accuracy_estimated").value;
  EXPECT_NEAR(seen, 0, 0.02);
}

TEST(Estimates, OfErrorsDoNotSeeThatTheyGrowAtTheSamePrediction) {
  Random random(23);
  const auto model = regression_model(random, 5'000);
  const Pane before = pane_of(*model, draw_errors(random, 3'000, between_20_and_120, wider_above));
  const Pane after = pane_of(*model, draw_errors(random, 3'000, between_20_and_120,
                                                 [](double p) { return 2 * wider_above(p); }));
  EXPECT_GT(realised(*model, after).at("mae") / realised(*model, before).at("mae"), 1.8);
  EXPECT_NEAR(*estimates_of(*model, after).at("mae_estimated").value /
                  *estimates_of(*model, before).at("mae_estimated").value,
              1, 0.05);
}

}  // namespace
}  // namespace driftd
