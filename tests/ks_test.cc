// Golden values: SciPy 1.17.1, ks_2samp(method="asymp"), from ../shared/data/golden/stats, made
// with seed 20260101; statistics within 1e-9, p-values within 5e-6 (NUMBERS, heading).
#include "detectors/ks.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "detectors/kolmogorov.h"
#include "tests/support/golden.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

Outcome ks_of(const std::vector<double>& reference, const std::vector<double>& current) {
  const NumericReference baseline = reference_of(reference);
  return ks(compare(baseline, summary_of(baseline, current)));
}

// The definition on the raw samples, with counts and one division.
double naive_distance(const std::vector<double>& a, const std::vector<double>& b) {
  std::int64_t largest = 0;
  for (const std::vector<double>* const sample : {&a, &b}) {
    for (const double x : *sample) {
      const auto at_most_x = [x](double value) { return value <= x; };
      const std::int64_t below_a = std::ranges::count_if(a, at_most_x);
      const std::int64_t below_b = std::ranges::count_if(b, at_most_x);
      largest = std::max(largest, std::abs(below_b * static_cast<std::int64_t>(a.size()) -
                                           below_a * static_cast<std::int64_t>(b.size())));
    }
  }
  return static_cast<double>(largest) /
         (static_cast<double>(a.size()) * static_cast<double>(b.size()));
}

rc::Gen<std::vector<double>> sample() {
  return rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(hard_value()));
}

RC_GTEST_PROP(Ks, IsTheLargestDistanceOfTheRawSamples, ()) {
  const std::vector<double> a = *sample();
  const std::vector<double> b = *sample();
  const Outcome outcome = ks_of(a, b);
  RC_ASSERT(outcome.statistic == naive_distance(a, b));
  RC_ASSERT(outcome.n == static_cast<std::int64_t>(b.size()));
  RC_ASSERT(outcome.effect == outcome.statistic);
}

RC_GTEST_PROP(Ks, DropsMissingValuesAndWrongTypes, ()) {
  const std::vector<double> a = *sample();
  const std::vector<double> b = *sample();
  std::vector<double> with_gaps = b;
  with_gaps.insert(with_gaps.begin(), missing_number());
  with_gaps.push_back(wrong_type_number());
  RC_ASSERT(ks_of(a, with_gaps).statistic == ks_of(a, b).statistic);
  RC_ASSERT(ks_of(a, with_gaps).n == static_cast<std::int64_t>(b.size()));
}

RC_GTEST_PROP(Ks, IsZeroForThePermutedReference, ()) {
  const std::vector<double> a = *sample();
  std::vector<double> b = a;
  std::ranges::reverse(b);
  const Outcome outcome = ks_of(a, b);
  RC_ASSERT(outcome.statistic == 0.0);
  RC_ASSERT(outcome.p_value == 1.0);
}

RC_GTEST_PROP(Ks, IsOffByNoMoreThanAThinnedReferenceStates, ()) {
  const auto a = *rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(tied_value()));
  const auto b = *rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(tied_value()));
  const NumericReference thinned =
      make_numeric_reference(a, *rc::gen::inRange<std::uint64_t>(1, 20));
  const double distance = *ks(compare(thinned, summary_of(thinned, b))).statistic;
  const double exact = naive_distance(a, b);
  RC_ASSERT(distance <= exact);
  RC_ASSERT(exact <= distance + thinned.thinning_error + 1e-15);
}

TEST(Ks, TakesTheSampleSizeHalfToEvenForItsPValue) {
  // nm / (n + m) = 1.5, 2.5 and 3.5: 2, 2 and 4.
  struct Case {
    std::size_t size;
    std::int64_t effective;
  };
  for (const Case& row : {Case{3, 2}, Case{5, 2}, Case{7, 4}}) {
    std::vector<double> a(row.size);
    std::vector<double> b(row.size);
    for (std::size_t i = 0; i < row.size; ++i) {
      a[i] = static_cast<double>(i);
      b[i] = static_cast<double>(i) + 1;
    }
    const Outcome outcome = ks_of(a, b);
    EXPECT_EQ(outcome.p_value,
              kolmogorov_two_sided_sf(1.0 / static_cast<double>(row.size), row.effective));
  }
}

TEST(Ks, SaysNothingWithoutValuesOnEitherSide) {
  for (const Outcome& outcome : {ks_of({1, 2, 3}, {}), ks_of({1, 2, 3}, {missing_number()}),
                                 ks_of({missing_number()}, {1})}) {
    EXPECT_FALSE(outcome.statistic);
    EXPECT_FALSE(outcome.p_value);
    EXPECT_FALSE(outcome.effect);
  }
}

TEST(Ks, AgreesWithSciPyOnTheGoldenPairs) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  std::map<std::string, Outcome> outcomes;
  for (const SamplePair& pair : read_sample_pairs(*shared))
    outcomes[pair.id] = ks_of(pair.a, pair.b);
  int compared = 0;
  for (const auto& row : read_csv(*shared / "data/golden/stats/golden.csv")) {
    if (row[1] != "ks_2samp" || row[2] != "alternative=two-sided;method=asymp") continue;
    const Outcome& outcome = outcomes.at(row[0]);
    const double p = std::stod(row[4]);
    EXPECT_NEAR(*outcome.statistic, std::stod(row[3]), 1e-9) << row[0];
    EXPECT_NEAR(*outcome.p_value, p, 5e-6 * p) << row[0];
    ++compared;
  }
  EXPECT_EQ(compared, 49);
}

// SciPy's method="exact": D is 0 or 1, and either is certain to be reached.
TEST(Ks, OneValueAgainstAnotherIsNoEvidence) {
  const Outcome outcome = ks_of({1}, {2});
  EXPECT_EQ(outcome.statistic, 1);
  EXPECT_EQ(outcome.p_value, 1);
}

}  // namespace
}  // namespace driftd
