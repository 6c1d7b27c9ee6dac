// Golden values: SciPy 1.17.1, chi2_contingency(correction=False), from
// ../shared/data/golden/stats, made with seed 20260101; within 1e-9, p-values within 1e-6 (NUMBERS,
// heading).
#include "detectors/homogeneity.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "tests/support/golden.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

using Texts = std::vector<std::string>;

Outcome chi2_of(const Texts& reference, const Texts& current) {
  const CategoryReference baseline = reference_of(reference);
  return chi2(compare(baseline, summary_of(baseline, current)));
}

// P(X >= x) by the recurrence Q_{k+2} = Q_k + (x/2)^{k/2} e^{-x/2} / Gamma(k/2 + 1), from
// Q_1 = erfc(sqrt(x/2)) and Q_2 = e^{-x/2}.
double naive_p(double x, int degrees) {
  double p = degrees % 2 == 1 ? std::erfc(std::sqrt(x / 2)) : std::exp(-x / 2);
  for (int k = degrees % 2 == 1 ? 1 : 2; k < degrees; k += 2) {
    p += std::exp(k / 2.0 * std::log(x / 2) - x / 2 - std::lgamma(k / 2.0 + 1));
  }
  return p;
}

rc::Gen<Texts> texts() {
  return rc::gen::nonEmpty(
      rc::gen::container<Texts>(rc::gen::element<std::string>("", "a", "b", "c", "d", "e", "f")));
}

RC_GTEST_PROP(Chi2, IsPearsonsTestOnTheRawSamples, ()) {
  const Texts a = *texts();
  const Texts b = *texts();
  std::map<std::string, std::pair<double, double>> table;
  for (const std::string& text : a) ++table[text].first;
  for (const std::string& text : b) ++table[text].second;
  // For two rows: sum of (b n - a m)^2 / (a + b) over n m.
  const auto n = static_cast<double>(a.size());
  const auto m = static_cast<double>(b.size());
  double expected = 0;
  for (const auto& [text, count] : table) {
    expected +=
        std::pow(count.second * n - count.first * m, 2) / (count.first + count.second) / (n * m);
  }
  const auto degrees = static_cast<int>(table.size()) - 1;
  const Outcome outcome = chi2_of(a, b);
  RC_ASSERT(outcome.n == static_cast<std::int64_t>(b.size()));
  RC_ASSERT(std::abs(*outcome.statistic - expected) <= 1e-10 * std::max(1.0, expected));
  const double p = degrees == 0 || expected == 0 ? 1 : naive_p(expected, degrees);
  RC_ASSERT(std::abs(*outcome.p_value - p) <= 1e-9);
  RC_ASSERT(std::abs(*outcome.effect - std::sqrt(expected * (n + m) / (n * m))) <= 1e-7);
}

RC_GTEST_PROP(Chi2, IsZeroForTheReferenceItself, ()) {
  const Texts a = *texts();
  RC_ASSERT(chi2_of(a, a).statistic == 0.0);
  RC_ASSERT(chi2_of(a, a).p_value == 1.0);
  RC_ASSERT(chi2_of(a, a).effect == 0.0);
}

TEST(Chi2, GivesZeroAndOneForASingleBin) {
  const Outcome outcome = chi2_of({"a", "a"}, {"a"});
  EXPECT_EQ(outcome.statistic, 0.0);
  EXPECT_EQ(outcome.p_value, 1.0);
}

TEST(Chi2, HasTheLargestEffectWhereNothingIsShared) {
  const Outcome outcome = chi2_of({"a", "a"}, {"b", "b"});
  EXPECT_DOUBLE_EQ(*outcome.statistic, 4.0);
  EXPECT_DOUBLE_EQ(*outcome.effect, 2.0);
}

TEST(Chi2, HasAPValueOfNothingForAVeryLargeStatistic) {
  const Outcome outcome = chi2_of(Texts(20'000, "a"), Texts(20'000, "b"));
  EXPECT_DOUBLE_EQ(*outcome.statistic, 40'000.0);
  EXPECT_GE(*outcome.p_value, 0.0);
  EXPECT_LT(*outcome.p_value, 1e-300);
}

TEST(Chi2, SaysNothingWithoutValuesOnEitherSide) {
  for (const Outcome& outcome : {chi2_of({"a", "b"}, {}), chi2_of({}, {"a"}), chi2_of({}, {})}) {
    EXPECT_FALSE(outcome.statistic);
    EXPECT_FALSE(outcome.p_value);
  }
}

TEST(Chi2, AgreesWithSciPyOnTheGoldenPairs) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  const auto as_texts = [](const std::vector<double>& values) {
    Texts texts;
    for (const double value : values) texts.push_back(std::to_string(value + 0.0));
    return texts;
  };
  std::map<std::string, SamplePair> pairs;
  for (SamplePair& pair : read_sample_pairs(*shared)) pairs[pair.id] = std::move(pair);
  int compared = 0;
  for (const auto& row : read_csv(*shared / "data/golden/stats/golden.csv")) {
    if (row[1] != "chi2_contingency" || row[2] != "cat;correction=False") continue;
    const SamplePair& pair = pairs.at(row[0]);
    const Outcome outcome = chi2_of(as_texts(pair.a), as_texts(pair.b));
    const double statistic = std::stod(row[3]);
    const double p = std::stod(row[4]);
    EXPECT_NEAR(*outcome.statistic, statistic, 1e-9 * std::max(1.0, statistic)) << row[0];
    EXPECT_NEAR(*outcome.p_value, p, 1e-6 * p) << row[0];
    ++compared;
  }
  EXPECT_EQ(compared, 18);
}

}  // namespace
}  // namespace driftd
