#include "windows/quantile_sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <vector>

namespace driftd {
namespace {

[[nodiscard]] std::vector<double> sorted(std::vector<double> values) {
  std::ranges::sort(values);
  return values;
}

[[nodiscard]] QuantileSketch sketch_of(const std::vector<double>& values, std::size_t most) {
  QuantileSketch sketch(most);
  // In pieces of every size: where they end must not matter for what is exact.
  for (std::size_t from = 0, size = 1; from < values.size(); from += size, size = size * 3 % 5'003)
    sketch.add(std::span(values).subspan(from, std::min(size, values.size() - from)));
  sketch.finish();
  return sketch;
}

// How far the rank asked for is from the ranks that the value has.
[[nodiscard]] double distance(const std::vector<double>& sorted, double value, std::uint64_t rank) {
  const auto [first, last] = std::ranges::equal_range(sorted, value);
  const auto low = static_cast<double>(first - sorted.begin());
  const auto high = static_cast<double>(last - sorted.begin()) - 1;
  const auto asked = static_cast<double>(rank);
  return std::max({0.0, low - asked, asked - high});
}

TEST(QuantileSketch, IsExactWhileTheDistinctValuesFit) {
  std::mt19937_64 random(1);
  std::vector<double> values;
  for (int i = 0; i < 100'000; ++i) values.push_back(static_cast<double>(random() % 997) / 7);
  values[17] = -0.0;
  values[18] = std::numeric_limits<double>::infinity();
  const QuantileSketch sketch = sketch_of(values, 1'000);
  ASSERT_TRUE(sketch.is_exact());
  EXPECT_EQ(sketch.count(), values.size());
  EXPECT_EQ(sketch.rank_error(), 0);
  std::vector<double> distinct = sorted(values);
  const std::vector<double> all = distinct;
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  EXPECT_EQ(sketch.values(), distinct);
  EXPECT_EQ(sketch.distinct(), distinct.size());
  std::vector<std::uint64_t> ranks(values.size());
  std::iota(ranks.begin(), ranks.end(), 0);
  EXPECT_EQ(sketch.at(ranks), all);
}

TEST(QuantileSketch, KeepsItsBoundWhateverTheOrderAndTheShape) {
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal;
  struct Case {
    const char* what;
    std::vector<double> values;
  };
  std::vector<Case> cases(5);
  cases[0].what = "random";
  cases[1].what = "rising";
  cases[2].what = "falling";
  cases[3].what = "half of it one value";
  cases[4].what = "heavy tails, from the middle outwards";
  constexpr int kRows = 200'000;
  for (int i = 0; i < kRows; ++i) {
    cases[0].values.push_back(normal(random));
    cases[1].values.push_back(i);
    cases[2].values.push_back(-i);
    cases[3].values.push_back(i % 2 == 0 ? 1.5 : normal(random));
    cases[4].values.push_back((i % 2 == 0 ? 1 : -1) * std::exp(i / 1e4));
  }
  for (const Case& one : cases) {
    constexpr std::size_t kMost = 2'000;
    const QuantileSketch sketch = sketch_of(one.values, kMost);
    EXPECT_FALSE(sketch.is_exact());
    EXPECT_LE(sketch.values().size(), kMost);
    EXPECT_TRUE(std::ranges::is_sorted(sketch.values()));
    EXPECT_GT(sketch.rank_error(), 0);
    // A tenth of a percent of the rows would need 1,000 entries from a perfect sketch.
    EXPECT_LT(sketch.rank_error(), 0.006) << one.what;
    const std::vector<double> all = sorted(one.values);
    std::vector<std::uint64_t> ranks;
    for (std::uint64_t rank = 0; rank < all.size(); rank += 97) ranks.push_back(rank);
    ranks.push_back(all.size() - 1);
    const std::vector<double> values = sketch.at(ranks);
    EXPECT_EQ(values.front(), all.front()) << one.what;
    EXPECT_EQ(values.back(), all.back()) << one.what;
    double worst = 0;
    for (std::size_t i = 0; i < ranks.size(); ++i)
      worst = std::max(worst, distance(all, values[i], ranks[i]) / kRows);
    EXPECT_LE(worst, sketch.rank_error()) << one.what;
  }
}

TEST(QuantileSketch, OfNothingHasNothing) {
  QuantileSketch sketch(10);
  sketch.finish();
  EXPECT_EQ(sketch.count(), 0U);
  EXPECT_TRUE(sketch.values().empty());
  EXPECT_EQ(sketch.rank_error(), 0);
}

}  // namespace
}  // namespace driftd
