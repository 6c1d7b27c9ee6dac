#include "windows/rank_index.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/support/samples.h"

namespace driftd {
namespace {

std::vector<double> distinct(std::vector<double> values) {
  for (double& value : values) value += 0.0;
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

// The definition: two cells for each boundary below, and one more on a boundary.
std::uint32_t brute_force_cell(const std::vector<double>& boundaries, double value) {
  std::uint32_t cell = 0;
  for (const double boundary : boundaries) {
    if (boundary < value) cell += 2;
    if (boundary == value) cell += 1;
  }
  return cell;
}

// Every boundary, its neighbours on both sides, the middles, and the ends of what a double holds.
std::vector<double> probes_of(const std::vector<double>& boundaries) {
  std::vector<double> probes = {0.0,   -0.0,   kTiny, -kTiny, kHuge,     -kHuge,
                                1e308, -1e308, 1.0,   -1.0,   kInfinity, -kInfinity};
  // Large sets are sampled, ends included: the brute force is slow.
  const std::size_t step = std::max<std::size_t>(1, boundaries.size() / 300);
  for (std::size_t i = 0; i < boundaries.size(); i += step) {
    const double boundary = boundaries[i];
    probes.push_back(boundary);
    probes.push_back(std::nextafter(boundary, -kInfinity));
    probes.push_back(std::nextafter(boundary, kInfinity));
    if (i > 0) probes.push_back(std::midpoint(boundaries[i - 1], boundary));
  }
  if (!boundaries.empty()) probes.push_back(boundaries.back());
  std::erase_if(probes, [](double probe) { return std::isnan(probe); });
  return probes;
}

void expect_brute_force(const std::vector<double>& values, const std::string& what) {
  const std::vector<double> boundaries = distinct(values);
  const RankIndex index(boundaries);
  ASSERT_EQ(index.cells(), 2 * boundaries.size() + 1) << what;
  ASSERT_TRUE(std::ranges::equal(index.boundaries(), boundaries)) << what;
  const std::vector<double> probes = probes_of(boundaries);
  std::vector<std::uint32_t> together(probes.size());
  index.cells(probes, together.data());
  for (std::size_t i = 0; i < probes.size(); ++i) {
    ASSERT_EQ(index.cell(probes[i]), brute_force_cell(boundaries, probes[i]))
        << what << ", value " << std::hexfloat << probes[i];
    ASSERT_EQ(together[i], index.cell(probes[i])) << what;
  }
}

template <typename Distribution>
std::vector<double> drawn(std::size_t n, Distribution distribution) {
  std::mt19937_64 random(20'260'101);
  std::vector<double> values(n);
  for (double& value : values) value = distribution(random);
  return values;
}

TEST(RankIndex, FindsTheCellOnAdversarialBoundaries) {
  std::vector<double> subnormal(200);
  for (std::size_t i = 0; i < subnormal.size(); ++i) {
    subnormal[i] = kTiny * (static_cast<double>(i) - 100);
  }
  std::vector<double> clustered;
  for (int i = 0; i < 500; ++i)
    clustered.push_back(std::bit_cast<double>(0x3FF0'0000'0000'0000ull + i));
  std::vector<double> two_clusters = clustered;
  for (int i = 0; i < 500; ++i) two_clusters.push_back(1e9 + i);
  std::vector<double> cluster_and_tail = clustered;
  for (int i = -300; i < 300; ++i) cluster_and_tail.push_back(std::pow(10.0, i));
  std::vector<double> geometric;
  for (int i = -1070; i < 1020; i += 3) {
    geometric.push_back(std::ldexp(1.0, i));
    geometric.push_back(-std::ldexp(1.0, i));
  }
  struct Case {
    const char* what;
    std::vector<double> values;
  };
  const Case cases[] = {
      {"none", {}},
      {"one", {3.5}},
      {"zero", {0.0}},
      {"two", {-1.0, 1.0}},
      {"two neighbours", {1.0, std::nextafter(1.0, 2.0)}},
      {"all equal", std::vector<double>(100, 2.0)},
      {"the ends of a double", {-kHuge, kHuge}},
      {"1e308", {-1e308, -5e307, 0, 5e307, 1e308}},
      {"tiny steps at 1e308", {1e308, std::nextafter(1e308, kInfinity), 1.1e308}},
      {"infinite only", {kInfinity}},
      {"both infinities", {-kInfinity, kInfinity}},
      {"infinities around values", {-kInfinity, -3, 0, 1, 2, kInfinity}},
      {"infinity and three", {1, 2, 3, kInfinity}},
      {"minus infinity and three", {-kInfinity, 1, 2, 3}},
      {"subnormals", subnormal},
      {"subnormals and one", {kTiny, 2 * kTiny, 1.0}},
      {"clustered", clustered},
      {"two clusters", two_clusters},
      {"a cluster in a wide tail", cluster_and_tail},
      {"powers of two", geometric},
      {"integers with ties", drawn(5'000, std::poisson_distribution<int>(40))},
      {"uniform", drawn(5'000, std::uniform_real_distribution<double>(0, 1))},
      {"normal", drawn(10'000, std::normal_distribution<double>(1e6, 1))},
      {"Cauchy", drawn(10'000, std::cauchy_distribution<double>(0, 1))},
      {"lognormal", drawn(10'000, std::lognormal_distribution<double>(0, 4))},
  };
  for (const Case& row : cases) expect_brute_force(row.values, row.what);
}

RC_GTEST_PROP(RankIndex, FindsTheCellOnTiedValues, (const std::vector<int>& numbers)) {
  std::vector<double> values;
  for (const int number : numbers) values.push_back(number / 4.0);
  expect_brute_force(values, "tied");
  RC_ASSERT(!testing::Test::HasFatalFailure());
}

// Doubles by their bits: all exponents are alike, so neighbours differ by any factor.
RC_GTEST_PROP(RankIndex, FindsTheCellOnAnyDoubles, ()) {
  std::vector<double> values = *rc::gen::container<std::vector<double>>(rc::gen::map(
      rc::gen::pair(rc::gen::arbitrary<std::uint32_t>(), rc::gen::arbitrary<std::uint32_t>()),
      [](const auto& halves) {
        const std::uint64_t bits = (std::uint64_t{halves.first} << 32) + halves.second;
        return std::bit_cast<double>(bits * 0x9E37'79B9'7F4A'7C15u);
      }));
  std::erase_if(values, [](double value) { return std::isnan(value); });
  expect_brute_force(values, "any");
  RC_ASSERT(!testing::Test::HasFatalFailure());
}

RC_GTEST_PROP(RankIndex, FindsTheCellOnValuesThatAreHard, ()) {
  expect_brute_force(*rc::gen::container<std::vector<double>>(hard_value()), "hard");
  RC_ASSERT(!testing::Test::HasFatalFailure());
}

}  // namespace
}  // namespace driftd
