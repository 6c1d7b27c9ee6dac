#include "detectors/kolmogorov.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace driftd {
namespace {

// Tolerances of golden/kstwo.csv, which records them in its header too.
constexpr double kRelative = 1e-9;
constexpr double kAbsoluteNearOne = 1e-12;
constexpr double kNearOne = 0.99;

struct GoldenRow {
  double d;
  std::int64_t n;
  double sf;
};

std::vector<GoldenRow> read_golden() {
  std::ifstream file(DRIFTD_TEST_DATA "/golden/kstwo.csv");
  std::vector<GoldenRow> rows;
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with('#') || line.starts_with('d')) continue;
    std::istringstream fields(line);
    GoldenRow row{};
    char comma = 0;
    fields >> row.d >> comma >> row.n >> comma >> row.sf;
    EXPECT_FALSE(fields.fail()) << line;
    rows.push_back(row);
  }
  return rows;
}

double tolerance(double sf) { return sf > kNearOne ? kAbsoluteNearOne : kRelative * sf; }

TEST(Kolmogorov, AgreesWithSciPyOnTheGoldenTable) {
  const std::vector<GoldenRow> rows = read_golden();
  ASSERT_GT(rows.size(), 1400U);
  for (const GoldenRow& row : rows) {
    EXPECT_NEAR(kolmogorov_two_sided_sf(row.d, row.n), row.sf, tolerance(row.sf))
        << "d " << row.d << " n " << row.n;
  }
}

TEST(Kolmogorov, HasClosedFormsForOneAndTwoValues) {
  for (double d = 0.5; d < 1.0; d += 1.0 / 64) {
    EXPECT_NEAR(kolmogorov_two_sided_sf(d, 1), 2.0 * (1.0 - d), 1e-15) << d;
    EXPECT_NEAR(kolmogorov_two_sided_sf(d, 2), 2.0 * (1.0 - d) * (1.0 - d), 1e-15) << d;
  }
  for (double d = 0.25; d <= 0.5; d += 1.0 / 64) {
    const double inner = 2.0 * d - 0.5;
    EXPECT_NEAR(kolmogorov_two_sided_sf(d, 2), 1.0 - 2.0 * inner * inner, 1e-15) << d;
  }
}

TEST(Kolmogorov, FallsAsTheDistanceGrows) {
  constexpr int kSteps = 2000;
  for (const std::int64_t n : {1, 2, 7, 30, 140, 141, 999, 1000, 1999, 2000, 100'000, 100'001,
                               1'000'000, 1'000'001, 1'000'000'000}) {
    const double range = std::min(1.0, 20.0 / std::sqrt(static_cast<double>(n)));
    double before = 1.0;
    for (int i = 0; i <= kSteps; ++i) {
      const double d = range * i / kSteps;
      const double sf = kolmogorov_two_sided_sf(d, n);
      ASSERT_GE(sf, 0.0) << "d " << d << " n " << n;
      ASSERT_LE(sf, before) << "d " << d << " n " << n;
      before = sf;
    }
  }
}

TEST(Kolmogorov, IsNearlyContinuousWhereTheMethodChanges) {
  // n d^2 = 4 and 2.2, n d^(3/2) = 1.4, d = 1/2, n d = 1: (n, d) and the allowed relative jump.
  struct Case {
    std::int64_t n;
    double d;
    double jump;
  };
  for (const Case& c :
       {Case{100, 0.2, 1e-9}, Case{141, std::sqrt(2.2 / 141), 3e-5},
        Case{5000, std::sqrt(2.2 / 5000), 2e-6}, Case{500, std::pow(1.4 / 500, 2.0 / 3.0), 1e-5},
        Case{20, 0.5, 1e-9}, Case{7, 1.0 / 7, 1e-9}}) {
    const double below = kolmogorov_two_sided_sf(c.d * (1 - 1e-13), c.n);
    const double above = kolmogorov_two_sided_sf(c.d * (1 + 1e-13), c.n);
    EXPECT_NEAR(below, above, c.jump * above) << "n " << c.n << " d " << c.d;
  }
}

TEST(Kolmogorov, IsOneBelowTheSmallestDistanceAndZeroFromOneOn) {
  for (const std::int64_t n : {1, 2, 100, 5000, 10'000'000, 1'000'000'000}) {
    for (const double d : {-1.0, 0.0, 0.5 / static_cast<double>(n)}) {
      EXPECT_EQ(kolmogorov_two_sided_sf(d, n), 1.0) << "d " << d << " n " << n;
    }
    for (const double d : {1.0, 1.5, std::numeric_limits<double>::infinity()}) {
      EXPECT_EQ(kolmogorov_two_sided_sf(d, n), 0.0) << "d " << d << " n " << n;
    }
  }
}

TEST(Kolmogorov, IsZeroRatherThanDenormal) {
  // Twice the one-sided probability would be about 1e-311 and 1e-318.
  EXPECT_EQ(kolmogorov_two_sided_sf(0.5735973191688095, 999), 0.0);
  EXPECT_EQ(kolmogorov_two_sided_sf(0.4958856046424203, 1401), 0.0);
  EXPECT_EQ(kolmogorov_two_sided_sf(0.9, 1'000'000'000), 0.0);
}

TEST(Kolmogorov, IsNotANumberWithoutASampleOrADistance) {
  EXPECT_TRUE(std::isnan(kolmogorov_two_sided_sf(0.1, 0)));
  EXPECT_TRUE(std::isnan(kolmogorov_two_sided_sf(0.1, -5)));
  EXPECT_TRUE(std::isnan(kolmogorov_two_sided_sf(std::numeric_limits<double>::quiet_NaN(), 10)));
}

}  // namespace
}  // namespace driftd
