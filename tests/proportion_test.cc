#include "detectors/proportion.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace driftd {
namespace {

// The tolerance of golden/proportion.csv, which its header records, too.
constexpr double kRelative = 1e-9;

struct Row {
  std::string kind;
  std::vector<double> values;

  [[nodiscard]] std::uint64_t count(std::size_t at) const {
    return static_cast<std::uint64_t>(values[at]);
  }
};

[[nodiscard]] std::vector<Row> golden_of(const std::string& kind) {
  std::ifstream file(DRIFTD_TEST_DATA "/golden/proportion.csv");
  std::vector<Row> rows;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(kind + ",")) continue;
    std::istringstream cells(line.substr(kind.size() + 1));
    Row& row = rows.emplace_back(Row{line, {}});
    for (std::string cell; std::getline(cells, cell, ',');) row.values.push_back(std::stod(cell));
  }
  return rows;
}

void expect_close(double ours, double golden, const std::string& line) {
  EXPECT_NEAR(ours, golden, kRelative * std::abs(golden)) << line;
}

TEST(ExceedsPValue, EqualsFishersExactTestInWholeNumbers) {
  const std::vector<Row> rows = golden_of("fisher");
  ASSERT_GT(rows.size(), 1'500U);
  for (const Row& row : rows) {
    const auto p = exceeds_p_value({row.count(0), row.count(1)}, {row.count(2), row.count(3)});
    ASSERT_TRUE(p) << row.kind;
    expect_close(*p, row.values[4], row.kind);
  }
}

TEST(ExceedsPValue, IsThatOfTheTopRanksWhereTheReferenceHasNone) {
  // All `x` marked rows of n + m lie in the window: n! / (n - x)! / ((n + m)! / (n + m - x)!).
  EXPECT_NEAR(*exceeds_p_value({3, 30}, {0, 9'970}), 30.0 * 29 * 28 / (10'000.0 * 9'999 * 9'998),
              1e-20);
  EXPECT_NEAR(*exceeds_p_value({2, 100'000'000}, {0, 100'000'000}), 0.25, 1e-8);
}

TEST(ExceedsPValue, IsOneWhereNothingIsFoundAndUndefinedWithoutRows) {
  EXPECT_EQ(exceeds_p_value({0, 10}, {0, 10}), 1);
  EXPECT_EQ(exceeds_p_value({0, 10}, {5, 10}), 1);
  EXPECT_EQ(exceeds_p_value({10, 10}, {10, 10}), 1);
  EXPECT_EQ(exceeds_p_value({0, 0}, {5, 10}), std::nullopt);
  EXPECT_EQ(exceeds_p_value({5, 10}, {0, 0}), std::nullopt);
}

TEST(WilsonInterval, EqualsSciPy) {
  const std::vector<Row> rows = golden_of("wilson");
  ASSERT_GE(rows.size(), 40U);
  for (const Row& row : rows) {
    const auto interval =
        wilson(static_cast<double>(row.count(0)), static_cast<double>(row.count(1)));
    ASSERT_TRUE(interval) << row.kind;
    expect_close(interval->low, row.values[2], row.kind);
    expect_close(interval->high, row.values[3], row.kind);
  }
  EXPECT_EQ(wilson(0, 0).has_value(), false);
}

TEST(CountInterval, EqualsSciPy) {
  const std::vector<Row> rows = golden_of("garwood");
  ASSERT_GE(rows.size(), 8U);
  for (const Row& row : rows) {
    const Interval interval = count_interval(row.count(0));
    expect_close(interval.low, row.values[1], row.kind);
    expect_close(interval.high, row.values[2], row.kind);
  }
}

TEST(CohensH, SaysThatNoneToOnePercentIsAsFarAsAHalfToSixty) {
  EXPECT_NEAR(cohens_h(0.01, 0), 0.2003, 1e-4);
  EXPECT_NEAR(cohens_h(0.6, 0.5), 0.2014, 1e-4);
  EXPECT_EQ(cohens_h(0.3, 0.3), 0);
  EXPECT_LT(cohens_h(0.1, 0.2), 0);
}

TEST(SameRatePValue, IsTheBinomialTestOfOneHalf) {
  EXPECT_EQ(same_rate_p_value(5, 5), 1);
  EXPECT_EQ(same_rate_p_value(0, 0), 1);
  EXPECT_NEAR(same_rate_p_value(0, 10), 2 * std::pow(0.5, 10), 1e-15);
  EXPECT_NEAR(same_rate_p_value(10, 0), 2 * std::pow(0.5, 10), 1e-15);
  // scipy.stats.binomtest(2, 10, 0.5).pvalue
  EXPECT_NEAR(same_rate_p_value(2, 8), 0.109375, 1e-12);
}

}  // namespace
}  // namespace driftd
