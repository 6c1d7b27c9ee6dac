// Response times of a window: the percentiles of the sketch and their intervals.
#include "detectors/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace driftd {
namespace {

using ::testing::ElementsAre;

[[nodiscard]] LatencySummary summary_of(const std::vector<double>& values) {
  LatencySummary latency;
  latency.update(values);
  return latency;
}

TEST(Latency, GivesMeanAndPercentiles) {
  std::vector<double> values(99, 8);
  values.push_back(1'000);
  const auto metrics = compute_latency(summary_of(values));
  std::vector<std::string_view> names;
  for (const NamedMetric& metric : metrics) names.push_back(metric.name);
  EXPECT_THAT(names, ElementsAre("latency_mean", "latency_p50", "latency_p90", "latency_p99"));
  EXPECT_DOUBLE_EQ(*metrics[0].value, (99 * 8 + 1'000) / 100.0);
  for (const std::size_t at : {1, 2, 3}) EXPECT_NEAR(*metrics[at].value, 8, 8 * 0.002);
}

TEST(Latency, IsUndefinedWithoutAny) {
  for (const NamedMetric& metric : compute_latency(summary_of({}))) {
    EXPECT_FALSE(metric.value) << metric.name;
    EXPECT_FALSE(metric.interval) << metric.name;
  }
  for (const NamedMetric& metric : compute_latency(summary_of({12})))
    EXPECT_NEAR(*metric.value, 12, 12 * 0.002) << metric.name;
}

// By the nearest rank, from response times over six orders of magnitude.
TEST(Latency, IsOffByAtMostTheStatedErrorOfTheSketch) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> milliseconds(2, 3);
  for (const std::size_t n : {10U, 1'000U, 100'000U}) {
    std::vector<double> values(n);
    for (double& value : values) value = milliseconds(random);
    LatencySummary whole;
    // In parts, merged: what a window is made of.
    for (std::size_t from = 0; from < n; from += n / 10) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(from);
      whole.merge(summary_of({begin, begin + static_cast<std::ptrdiff_t>(n / 10)}));
    }
    std::ranges::sort(values);
    const auto metrics = compute_latency(whole);
    const std::vector<double> shares = {0.5, 0.9, 0.99};
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const auto rank = static_cast<std::size_t>(std::ceil(shares[i] * static_cast<double>(n)));
      EXPECT_NEAR(*metrics[i + 1].value, values[rank - 1], values[rank - 1] * 0.00196)
          << metrics[i + 1].name << " of " << n;
    }
  }
}

// The intervals are at least as wide as they have to be (order statistics are discrete, and the
// sketch's error is added), and not much wider.
TEST(Latency, CoversTheTruePercentileInNinetyFiveOfAHundredWindows) {
  std::mt19937_64 random(42);
  std::lognormal_distribution<double> milliseconds(2, 0.5);
  constexpr int kWindows = 2'000;
  // exp(2 + 0.5 z), z the normal quantile; the mean is exp(2 + 0.125).
  const std::vector<double> truth = {std::exp(2.125), std::exp(2),
                                     std::exp(2 + 0.5 * 1.2815515655446004),
                                     std::exp(2 + 0.5 * 2.3263478740408408)};
  std::vector<int> covered(truth.size(), 0);
  for (int window = 0; window < kWindows; ++window) {
    std::vector<double> values(1'000);
    for (double& value : values) value = milliseconds(random);
    const auto metrics = compute_latency(summary_of(values));
    for (std::size_t i = 0; i < truth.size(); ++i)
      covered[i] +=
          metrics[i].interval->low <= truth[i] && truth[i] <= metrics[i].interval->high ? 1 : 0;
  }
  for (std::size_t i = 0; i < truth.size(); ++i) {
    EXPECT_GE(covered[i], 0.935 * kWindows) << i;
    EXPECT_LE(covered[i], 0.985 * kWindows) << i;
  }
}

}  // namespace
}  // namespace driftd
