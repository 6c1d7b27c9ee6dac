// How often a 95 % interval of a metric holds the metric of the population that its window came
// from: simulated, with fixed seeds, for every metric of every task.
//
// A population is a list of rows; a window is a draw of rows from it with replacement, so that the
// metric of the population is known exactly. Each scene is drawn kWindows times: the share covered
// has a standard error of 0.35 %, so a true coverage of 95 % is within 93 and 97 % by five of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <map>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "detectors/metrics.h"
#include "tests/support/models.h"

namespace driftd {
namespace {

constexpr int kWindows = 4'000;
constexpr std::size_t kPopulation = 20'000;

struct PopulationRow {
  double score = 0;
  ClassCode predicted_class = kNoClass;
  std::vector<double> scores;
  double actual_value = 0;
  ClassCode actual_class = kNoClass;

  [[nodiscard]] LabelledRow labelled() const {
    return {score, predicted_class, scores, actual_value, actual_class};
  }
};
using Population = std::vector<PopulationRow>;

// The same on every platform, which the standard distributions are not.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : bits_(seed) {}
  [[nodiscard]] double uniform() { return static_cast<double>(bits_() >> 11) * 0x1.0p-53; }
  [[nodiscard]] std::size_t below(std::size_t n) { return bits_() % n; }
  [[nodiscard]] double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * 3.141592653589793 * uniform());
  }

 private:
  std::mt19937_64 bits_;
};

[[nodiscard]] double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// Log-odds are normal about `offset`; the label follows the true probability, the score is that of
// `skill` times the log-odds plus `shift`: calibrated where they are 1 and 0.
[[nodiscard]] Population binary_population(double offset, double spread, double skill, double shift,
                                           double threshold, double grid = 0) {
  Draws draws(11);
  Population rows(kPopulation);
  for (PopulationRow& row : rows) {
    const double logit = offset + spread * draws.normal();
    row.actual_class = draws.uniform() < logistic(logit) ? 1 : 0;
    row.score = logistic(skill * logit + shift);
    if (grid > 0) row.score = std::round(row.score * grid) / grid;
    row.predicted_class = row.score >= threshold ? 1 : 0;
  }
  return rows;
}

[[nodiscard]] Population multiclass_population(const std::vector<double>& offsets, double spread) {
  Draws draws(12);
  Population rows(kPopulation);
  for (PopulationRow& row : rows) {
    double sum = 0;
    for (const double offset : offsets) {
      row.scores.push_back(std::exp(offset + spread * draws.normal()));
      sum += row.scores.back();
    }
    for (double& score : row.scores) score /= sum;
    double pick = draws.uniform();
    row.actual_class = 0;
    while (row.actual_class + 1 < offsets.size() && pick >= row.scores[row.actual_class])
      pick -= row.scores[row.actual_class++];
    const auto largest = std::max_element(row.scores.begin(), row.scores.end());
    row.predicted_class = static_cast<ClassCode>(largest - row.scores.begin());
  }
  return rows;
}

[[nodiscard]] Population regression_population(bool skewed) {
  Draws draws(13);
  Population rows(kPopulation);
  for (PopulationRow& row : rows) {
    const double base = draws.normal();
    row.actual_value = skewed ? std::exp(3 + 0.5 * base) : 20 + 3 * base;
    const double noise = draws.normal();
    row.score =
        skewed ? row.actual_value * std::exp(0.15 * noise + 0.01) : 20.2 + 2.8 * base + noise;
  }
  return rows;
}

[[nodiscard]] std::vector<NamedMetric> metrics_of(const ModelSchema& schema,
                                                  const Population& population,
                                                  const std::vector<std::size_t>& rows) {
  PerformanceSummary performance = make_performance(schema.task);
  std::visit(
      [&](auto& summary) {
        for (const std::size_t row : rows) summary.update(schema, population[row].labelled());
      },
      performance);
  return compute_metrics(schema, performance);
}

struct Coverage {
  double covered = 0;  // share of the windows with an interval
  double undefined = 0;
  double low_misses = 0;  // the population is below
  double width = 0;
};

[[nodiscard]] std::map<std::string, Coverage> coverage_of(const ModelSchema& schema,
                                                          const Population& population,
                                                          std::size_t window, std::uint64_t seed) {
  std::vector<std::size_t> rows(population.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  std::map<std::string, double> truth;
  for (const NamedMetric& metric : metrics_of(schema, population, rows))
    truth[std::string(metric.name)] = metric.value.value();

  std::map<std::string, Coverage> coverage;
  Draws draws(seed);
  rows.resize(window);
  for (int i = 0; i < kWindows; ++i) {
    for (std::size_t& row : rows) row = draws.below(population.size());
    for (const NamedMetric& metric : metrics_of(schema, population, rows)) {
      Coverage& of = coverage[std::string(metric.name)];
      if (!metric.interval) {
        of.undefined += 1.0 / kWindows;
        continue;
      }
      EXPECT_LE(metric.interval->low, *metric.value) << metric.name;
      EXPECT_GE(metric.interval->high, *metric.value) << metric.name;
      const double is = truth[std::string(metric.name)];
      of.covered += metric.interval->low <= is && is <= metric.interval->high;
      of.low_misses += metric.interval->low > is;
      of.width += metric.interval->high - metric.interval->low;
    }
  }
  for (auto& [name, of] : coverage) {
    const double defined = kWindows * (1 - of.undefined);
    of.covered /= defined;
    of.low_misses /= defined;
    of.width /= defined;
  }
  return coverage;
}

struct Scene {
  const char* name;
  Task task;
  std::function<Population()> population;
  std::size_t window;
  // Metrics that are known to be covered less (or more) than 93 to 97 % here, with what holds.
  std::map<std::string, std::pair<double, double>> exceptions = {};
  std::vector<std::string> only = {};  // where not empty: the metrics that are measured
};
const std::vector<std::string> kDifficult = {"average_precision", "log_loss", "ece"};

std::ostream& operator<<(std::ostream& out, const Scene& scene) { return out << scene.name; }

class IntervalCoverage : public testing::TestWithParam<Scene> {};

TEST_P(IntervalCoverage, IsNinetyFivePercent) {
  const Scene& scene = GetParam();
  const Population population = scene.population();
  ModelSchema schema = make_schema(scene.task);
  if (scene.task == Task::multiclass) {
    schema.scored_classes.clear();
    for (std::size_t k = 0; k < population[0].scores.size(); ++k)
      schema.scored_classes.push_back(static_cast<ClassCode>(k));
  }
  for (const auto& [name, of] : coverage_of(schema, population, scene.window, 4711)) {
    if (!scene.only.empty() && std::ranges::find(scene.only, name) == scene.only.end()) continue;
    std::printf("%-28s n=%-5zu %-20s covered %.3f (above %.3f)  width %.4f  undefined %.3f\n",
                scene.name, scene.window, name.c_str(), of.covered, of.low_misses, of.width,
                of.undefined);
    const auto exception = scene.exceptions.find(name);
    const auto [least, most] =
        exception == scene.exceptions.end() ? std::pair(0.93, 0.97) : exception->second;
    EXPECT_GE(of.covered, least) << name;
    EXPECT_LE(of.covered, most) << name;
    EXPECT_LE(of.undefined, 0.01) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Scenes, IntervalCoverage,
    testing::Values(Scene{"BinaryBalanced", Task::binary,
                          [] { return binary_population(0, 2, 1, 0, 0.5); }, 500},
                    Scene{"BinaryBalancedSmall", Task::binary,
                          [] { return binary_population(0, 2, 1, 0, 0.5); }, 100},
                    Scene{"BinaryMiscalibrated", Task::binary,
                          [] { return binary_population(0.5, 1.5, 1.6, 0.7, 0.5); }, 500},
                    Scene{"BinarySkewed", Task::binary,
                          [] { return binary_population(-3.2, 1.5, 1, 0, 0.3); }, 2'000},
                    Scene{"BinaryTied", Task::binary,
                          [] { return binary_population(1, 2, 1.5, 0, 0.65, 20); }, 300},
                    Scene{"MulticlassThree", Task::multiclass,
                          [] { return multiclass_population({0, 0.3, -0.5}, 2); }, 500},
                    Scene{"MulticlassSix", Task::multiclass,
                          [] { return multiclass_population({0, 0.5, -0.5, 0.2, -1, -1.5}, 2.5); },
                          1'000},
                    Scene{"MulticlassSkewed", Task::multiclass,
                          [] { return multiclass_population({1.5, 0, -1.5}, 1.5); }, 400},
                    // Rows that are few, and models that are hardly or hardly ever wrong. What is
                    // known not to hold is in docs/metrics.md.
                    Scene{"BinaryThirty",
                          Task::binary,
                          [] { return binary_population(0, 2, 1, 0, 0.5); },
                          30,
                          {{"average_precision", {0.93, 0.98}}},
                          kDifficult},
                    Scene{"BinaryWeak",
                          Task::binary,
                          [] { return binary_population(0, 0.7, 1, 0, 0.5); },
                          100,
                          {},
                          kDifficult},
                    Scene{"BinaryStrong",
                          Task::binary,
                          [] { return binary_population(0, 5, 1, 0, 0.5); },
                          100,
                          {},
                          kDifficult},
                    Scene{"BinaryOverconfident",
                          Task::binary,
                          [] { return binary_population(0, 2, 4, 0, 0.5); },
                          300,
                          {},
                          kDifficult},
                    Scene{"BinaryMostlyPositive",
                          Task::binary,
                          [] { return binary_population(2, 1.5, 1, 0, 0.5); },
                          100,
                          {},
                          kDifficult},
                    Scene{"BinarySkewedSmall",
                          Task::binary,
                          [] { return binary_population(-3.2, 1.5, 1, 0, 0.3); },
                          300,
                          {},
                          kDifficult},
                    Scene{"BinaryTiedSmall",
                          Task::binary,
                          [] { return binary_population(1, 2, 1.5, 0, 0.65, 20); },
                          100,
                          {},
                          kDifficult},
                    Scene{"BinaryFiveScores",
                          Task::binary,
                          [] { return binary_population(0, 2, 1, 0, 0.5, 4); },
                          300,
                          {{"ece", {0.915, 0.97}}},
                          kDifficult},
                    Scene{"RegressionNormal", Task::regression,
                          [] { return regression_population(false); }, 500},
                    Scene{"RegressionSkewed", Task::regression,
                          [] { return regression_population(true); }, 1'000},
                    Scene{"RegressionSmall", Task::regression,
                          [] { return regression_population(false); }, 60}),
    [](const auto& scene) { return std::string(scene.param.name); });

TEST(IntervalCoverageOfLatency, IsNinetyFivePercent) {
  Draws draws(21);
  std::vector<double> population(kPopulation);
  for (double& value : population) value = std::exp(2 + 0.6 * draws.normal());
  const auto summary_of = [](const std::vector<double>& values) {
    LatencySummary latency;
    latency.update(values);
    return compute_latency(latency);
  };
  std::map<std::string, double> truth;
  for (const NamedMetric& metric : summary_of(population))
    truth[std::string(metric.name)] = metric.value.value();
  std::map<std::string, int> covered;
  std::vector<double> window(1'000);
  for (int i = 0; i < kWindows; ++i) {
    for (double& value : window) value = population[draws.below(population.size())];
    for (const NamedMetric& metric : summary_of(window)) {
      const double is = truth[std::string(metric.name)];
      ASSERT_TRUE(metric.interval) << metric.name;
      covered[std::string(metric.name)] +=
          metric.interval->low <= is && is <= metric.interval->high;
    }
  }
  for (const auto& [name, times] : covered) {
    const double share = static_cast<double>(times) / kWindows;
    std::printf("Latency n=1000 %s covered %.3f\n", name.c_str(), share);
    EXPECT_GE(share, 0.93) << name;
    EXPECT_LE(share, 0.97) << name;
  }
}

}  // namespace
}  // namespace driftd
