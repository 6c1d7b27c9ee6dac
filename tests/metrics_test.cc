// Golden values: scikit-learn 1.9.1, from ../shared/data/golden/metrics, made with seed 4711;
// within 1e-9 (NUMBERS, heading).
#include "detectors/metrics.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "detectors/rank_metrics.h"
#include "tests/support/golden.h"
#include "tests/support/models.h"

namespace driftd {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
using Metrics = std::map<std::string, std::optional<double>>;

Metrics metrics_of(const ModelSchema& schema, const PerformanceSummary& performance) {
  Metrics metrics;
  for (const NamedMetric& metric : compute_metrics(schema, performance)) {
    EXPECT_TRUE(metrics.emplace(metric.name, metric.value).second) << metric.name;
  }
  return metrics;
}

Metrics metrics_of(Task task, const std::vector<LabelledRow>& rows) {
  const ModelSchema schema = make_schema(task);
  PerformanceSummary performance = make_performance(task);
  for (const LabelledRow& row : rows) {
    std::visit([&](auto& summary) { summary.update(schema, row); }, performance);
  }
  return metrics_of(schema, performance);
}

LabelledRow binary_row(double score, ClassCode actual, ClassCode predicted = kNoClass) {
  return {score, predicted, {}, 0, actual};
}

TEST(Metrics, AreAllThereForEveryTask) {
  const std::map<Task, std::vector<std::string>> names = {
      {Task::binary,
       {"accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc",
        "average_precision", "log_loss", "brier", "mcc", "cohen_kappa", "ece"}},
      {Task::multiclass,
       {"accuracy", "balanced_accuracy", "mcc", "log_loss", "roc_auc", "brier", "ece",
        "cohen_kappa", "precision_macro", "precision_micro", "precision_weighted", "recall_macro",
        "recall_micro", "recall_weighted", "f1_macro", "f1_micro", "f1_weighted"}},
      {Task::regression, {"mae", "rmse", "mape", "r2", "median_ae", "bias"}}};
  for (const auto& [task, expected] : names) {
    const Metrics metrics = metrics_of(task, {});
    EXPECT_EQ(metrics.size(), expected.size()) << to_string(task);
    for (const std::string& name : expected) {
      ASSERT_TRUE(metrics.contains(name)) << name;
      EXPECT_FALSE(metrics.at(name)) << name << " of an empty window";
    }
  }
}

TEST(Metrics, FollowTheConfusionOfABinaryModel) {
  // 3 true positives, 1 false positive, 4 true negatives, 2 false negatives.
  std::vector<LabelledRow> rows;
  for (int i = 0; i < 3; ++i) rows.push_back(binary_row(kNaN, 1, 1));
  rows.push_back(binary_row(kNaN, 0, 1));
  for (int i = 0; i < 4; ++i) rows.push_back(binary_row(kNaN, 0, 0));
  for (int i = 0; i < 2; ++i) rows.push_back(binary_row(kNaN, 1, 0));
  const Metrics m = metrics_of(Task::binary, rows);
  EXPECT_DOUBLE_EQ(*m.at("accuracy"), 0.7);
  EXPECT_DOUBLE_EQ(*m.at("balanced_accuracy"), (0.6 + 0.8) / 2);
  EXPECT_DOUBLE_EQ(*m.at("precision"), 0.75);
  EXPECT_DOUBLE_EQ(*m.at("recall"), 0.6);
  EXPECT_DOUBLE_EQ(*m.at("f1"), 6.0 / 9);
  EXPECT_NEAR(*m.at("mcc"), 10 / std::sqrt(600.0), 1e-15);
  EXPECT_NEAR(*m.at("cohen_kappa"), (0.7 - 0.5) / 0.5, 1e-15);
  for (const char* const of_scores : {"roc_auc", "average_precision", "log_loss", "brier", "ece"}) {
    EXPECT_FALSE(m.at(of_scores)) << of_scores << " without a score";
  }
}

TEST(Metrics, AreZeroWhereTheirDivisorIs) {
  const Metrics m = metrics_of(Task::binary, {binary_row(0.1, 0), binary_row(0.2, 0)});
  for (const char* const zero : {"precision", "recall", "f1", "mcc", "average_precision"}) {
    EXPECT_EQ(m.at(zero), 0.0) << zero;
  }
  EXPECT_EQ(m.at("balanced_accuracy"), 1.0) << "over the classes that occur";
  EXPECT_FALSE(m.at("roc_auc")) << "one class only";
  EXPECT_FALSE(m.at("cohen_kappa")) << "one class only on both sides";
}

// By pairs and by thresholds, as the definitions say.
RC_GTEST_PROP(Metrics, RankMetricsAreThoseOfTheRawScores, ()) {
  const auto scored = *rc::gen::container<std::vector<std::pair<int, bool>>>(
      rc::gen::pair(rc::gen::inRange(0, 20), rc::gen::arbitrary<bool>()));
  ValueCounts counts;
  double pairs = 0, wins = 0, positives = 0, precision_sum = 0;
  for (const auto& [score, positive] : scored) {
    counts.add(score / 20.0, positive ? 1 : 0);
    positives += positive;
    if (!positive) continue;
    double at_least = 0, found = 0;
    for (const auto& [other, other_positive] : scored) {
      at_least += other >= score;
      found += other >= score && other_positive;
      if (other_positive) continue;
      ++pairs;
      wins += score > other ? 1 : score == other ? 0.5 : 0;
    }
    precision_sum += found / at_least;
  }
  const std::optional<double> auc = roc_auc(counts).value;
  RC_ASSERT(auc.has_value() == (pairs > 0));
  if (auc) RC_ASSERT(std::abs(*auc - wins / pairs) <= 1e-12);
  const std::optional<double> precision = average_precision(counts).value;
  RC_ASSERT(precision.has_value() == !scored.empty());
  if (positives > 0) RC_ASSERT(std::abs(*precision - precision_sum / positives) <= 1e-12);
}

TEST(Metrics, AverageOverTheClassesThatOccur) {
  const std::vector<double> scores = {0.6, 0.3, 0.1};
  const auto row = [&](ClassCode actual, ClassCode predicted) {
    return LabelledRow{0, predicted, scores, 0, actual};
  };
  // Class c occurs neither among labels nor among predictions.
  const Metrics m = metrics_of(Task::multiclass, {row(0, 0), row(0, 0), row(0, 1), row(1, 1)});
  EXPECT_DOUBLE_EQ(*m.at("accuracy"), 0.75);
  EXPECT_DOUBLE_EQ(*m.at("recall_macro"), (2.0 / 3 + 1) / 2);
  EXPECT_DOUBLE_EQ(*m.at("precision_macro"), (1 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(*m.at("recall_weighted"), 0.75);
  EXPECT_DOUBLE_EQ(*m.at("f1_micro"), 0.75);
  EXPECT_FALSE(m.at("roc_auc")) << "class c has no label";
}

TEST(Metrics, TakeTheMeanOfTheMiddleTwoForAMedian) {
  const auto row = [](double predicted, double actual) {
    return LabelledRow{predicted, kNoClass, {}, actual, kNoClass};
  };
  const Metrics even = metrics_of(Task::regression, {row(1, 0), row(5, 3), row(0, 7), row(2, 2)});
  EXPECT_DOUBLE_EQ(*even.at("median_ae"), 1.5);
  const Metrics odd = metrics_of(Task::regression, {row(1, 0), row(5, 3), row(0, 7)});
  EXPECT_DOUBLE_EQ(*odd.at("median_ae"), 2);
  EXPECT_DOUBLE_EQ(*odd.at("bias"), (1 + 2 - 7) / 3.0);
}

TEST(Metrics, GiveConstantActualsAnR2OfOneOrZero) {
  const auto row = [](double predicted) {
    return LabelledRow{predicted, kNoClass, {}, 0.1, kNoClass};
  };
  EXPECT_EQ(metrics_of(Task::regression, {row(0.1), row(0.1), row(0.1)}).at("r2"), 1.0);
  EXPECT_EQ(metrics_of(Task::regression, {row(0.1), row(0.2), row(0.1)}).at("r2"), 0.0);
}

TEST(Metrics, AreNeverInfiniteOrNaN) {
  const auto row = [](double predicted, double actual) {
    return LabelledRow{predicted, kNoClass, {}, actual, kNoClass};
  };
  std::vector<double> large = {1e300, -1e299, 1};
  const std::vector<Metrics> all = {
      metrics_of(Task::regression, {row(1e308, -1e308), row(-1e308, 1e308), row(0, 1e-320)}),
      metrics_of(Task::regression, {row(1e200, 0), row(1, 1)}),
      metrics_of(Task::multiclass, {{0, 0, large, 0, 1}, {0, 1, large, 0, 0}}),
      metrics_of(Task::binary, {binary_row(0, 1), binary_row(1, 0)})};
  for (const Metrics& metrics : all) {
    for (const auto& [name, value] : metrics) EXPECT_TRUE(std::isfinite(value.value_or(0))) << name;
  }
  EXPECT_FALSE(all[1].at("rmse"));
  EXPECT_DOUBLE_EQ(*all[1].at("mae"), 5e199);
}

// --- Golden values

// What a golden row is called here, or nothing where it is no metric of ours.
std::string our_name(const std::string& task, const std::string& metric,
                     const std::string& params) {
  static const std::map<std::string, std::string> kPlain = {
      {"accuracy", "accuracy"},
      {"balanced_accuracy", "balanced_accuracy"},
      {"matthews_corrcoef", "mcc"},
      {"average_precision", "average_precision"},
      {"log_loss", "log_loss"},
      {"brier", "brier"},
      {"mae", "mae"},
      {"rmse", "rmse"},
      {"mape", "mape"},
      {"r2", "r2"},
      {"median_ae", "median_ae"},
      {"bias", "bias"}};
  if (const auto found = kPlain.find(metric); found != kPlain.end()) return found->second;
  if (metric == "cohen_kappa") return params == "unweighted" ? metric : "";
  if (metric == "ece") return params.find("10 equal-width") != std::string::npos ? metric : "";
  if (metric == "roc_auc") {
    const bool ours = task == "binary" || params == "multi_class=ovr;average=macro;labels=all";
    return ours ? metric : "";
  }
  if (metric != "precision" && metric != "recall" && metric != "f1") return "";
  if (task == "binary") return params.starts_with("average=binary") ? metric : "";
  if (!params.ends_with("labels=present (sklearn default)")) return "";
  const std::string average = params.substr(8, params.find(';') - 8);
  return metric + "_" + average;
}

ModelSchema schema_of(const MetricCase& golden) {
  ModelSchema schema;
  schema.task = golden.task == "binary"       ? Task::binary
                : golden.task == "multiclass" ? Task::multiclass
                                              : Task::regression;
  schema.positive_class = 1;
  for (ClassCode code = 0; code < golden.classes; ++code) schema.scored_classes.push_back(code);
  return schema;
}

PerformanceSummary performance_of(const ModelSchema& schema, const MetricCase& golden) {
  PerformanceSummary performance = make_performance(schema.task);
  for (std::size_t i = 0; i < golden.actual.size(); ++i) {
    LabelledRow row;
    if (schema.task == Task::regression) {
      row.score = golden.predicted[i];
      row.actual_value = golden.actual[i];
    } else {
      row.predicted_class = static_cast<ClassCode>(golden.predicted[i]);
      row.actual_class = static_cast<ClassCode>(golden.actual[i]);
      row.score = schema.task == Task::binary ? golden.scores[i] : kNaN;
      row.scores = std::span(golden.scores).subspan(i * golden.classes, golden.classes);
    }
    std::visit([&](auto& summary) { summary.update(schema, row); }, performance);
  }
  return performance;
}

// The cell "true=0;pred=1" of the confusion matrix that is kept.
double confusion_cell(const PerformanceSummary& performance, const std::string& params) {
  const auto number_after = [&](const std::string& key) {
    return static_cast<ClassCode>(std::stoul(params.substr(params.find(key) + key.size())));
  };
  const ClassCode actual = number_after("true=");
  const ClassCode predicted = number_after("pred=");
  if (const auto* binary = std::get_if<BinaryPerformance>(&performance)) {
    const std::uint64_t cells[] = {binary->true_negative, binary->false_positive,
                                   binary->false_negative, binary->true_positive};
    return static_cast<double>(cells[actual * 2 + predicted]);
  }
  const auto& confusion = std::get<MulticlassPerformance>(performance).confusion;
  const auto cell = confusion.find({actual, predicted});
  return cell == confusion.end() ? 0 : static_cast<double>(cell->second);
}

TEST(Metrics, AgreeWithScikitLearnOnTheGoldenCases) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  struct Ours {
    std::string task;
    PerformanceSummary performance;
    Metrics metrics;
  };
  std::map<std::string, Ours> ours;
  for (const MetricCase& golden : read_metric_cases(*shared)) {
    const ModelSchema schema = schema_of(golden);
    const PerformanceSummary performance = performance_of(schema, golden);
    ours[golden.id] = {golden.task, performance, metrics_of(schema, performance)};
  }
  int compared = 0;
  for (const auto& row : read_csv(*shared / "data/golden/metrics/golden.csv")) {
    const Ours& own = ours.at(row[0]);
    std::optional<double> value;
    if (row[1] == "confusion") {
      value = confusion_cell(own.performance, row[2]);
    } else {
      const std::string name = our_name(own.task, row[1], row[2]);
      if (name.empty()) continue;
      ASSERT_TRUE(row[4].starts_with("ok")) << row[0] << " " << row[1];
      value = own.metrics.at(name);
    }
    ++compared;
    if (row[3].empty() || row[3] == "nan") {
      EXPECT_FALSE(value) << row[0] << " " << row[1];
      continue;
    }
    const double expected = std::stod(row[3]);
    ASSERT_TRUE(value) << row[0] << " " << row[1];
    EXPECT_NEAR(*value, expected, 1e-9 * std::max(1.0, std::abs(expected)))
        << row[0] << " " << row[1];
  }
  // 12 metrics of 13 binary cases, 17 of 5, 6 of 9, and the cells of their confusion matrices.
  EXPECT_EQ(compared, 12 * 13 + 17 * 5 + 6 * 9 + 13 * 4 + 9 + 16 * 2 + 36 + 100);
}

}  // namespace
}  // namespace driftd
