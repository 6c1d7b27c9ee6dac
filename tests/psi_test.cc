// Golden values: NumPy 2.4.6, from ../shared/data/golden/stats, made with seed 20260101; within
// 1e-9 (NUMBERS, heading).
#include "detectors/psi.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "detectors/bins.h"
#include "tests/support/golden.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

Outcome psi_of(const std::vector<double>& reference, const std::vector<double>& current) {
  const NumericReference baseline = reference_of(reference);
  return psi(compare(baseline, summary_of(baseline, current)).bins);
}

Outcome psi_of(const std::vector<std::string>& reference, const std::vector<std::string>& current) {
  const CategoryReference baseline = reference_of(reference);
  return psi(compare(baseline, summary_of(baseline, current)));
}

using Shares = std::map<double, std::pair<double, double>>;  // bin -> reference's and current share

double naive_psi(const auto& shares) {
  double sum = 0;
  for (const auto& [bin, share] : shares) {
    const double p = std::max(share.first, 1e-4);
    const double q = std::max(share.second, 1e-4);
    sum += (q - p) * std::log(q / p);
  }
  return sum;
}

// By the rule on the raw samples: a value is in the bin of the first edge that is not below it.
double naive_decile_psi(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> finite;
  std::ranges::copy_if(a, std::back_inserter(finite), [](double x) { return std::isfinite(x); });
  std::ranges::sort(finite);
  std::set<double> edges = {kInfinity};
  for (int k = 1; k <= 9 && !finite.empty(); ++k) {
    const double h = static_cast<double>(finite.size() - 1) * (k / 10.0);
    const auto i = static_cast<std::size_t>(h);
    const double next = finite[std::min(i + 1, finite.size() - 1)];
    edges.insert(finite[i] + (h - std::floor(h)) * (next - finite[i]));
  }
  Shares shares;
  for (const double edge : edges) shares[edge] = {0, 0};
  for (const double x : a) shares.lower_bound(x)->second.first += 1 / static_cast<double>(a.size());
  for (const double x : b)
    shares.lower_bound(x)->second.second += 1 / static_cast<double>(b.size());
  return naive_psi(shares);
}

rc::Gen<std::vector<double>> sample() {
  return rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(rc::gen::weightedOneOf<double>(
      {{9, tied_value()}, {1, rc::gen::element(kInfinity, -kInfinity, 0.0, -0.0)}})));
}

rc::Gen<std::vector<std::string>> texts() {
  return rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("", "a", "b", "c", "d", "e", "f")));
}

void expect_close(double value, double expected) {
  RC_ASSERT(std::abs(value - expected) <= 1e-10 * std::max(1.0, expected));
}

RC_GTEST_PROP(Psi, IsTheIndexOfTheRawSamplesOverDeciles, ()) {
  const std::vector<double> a = *sample();
  const std::vector<double> b = *sample();
  expect_close(*psi_of(a, b).statistic, naive_decile_psi(a, b));
}

RC_GTEST_PROP(Psi, IsTheIndexOfTheRawSamplesOverCategories, ()) {
  const std::vector<std::string> a = *texts();
  const std::vector<std::string> b = *texts();
  std::map<std::string, std::pair<double, double>> shares;
  for (const std::string& text : a) shares[text].first += 1 / static_cast<double>(a.size());
  for (const std::string& text : b) shares[text].second += 1 / static_cast<double>(b.size());
  expect_close(*psi_of(a, b).statistic, naive_psi(shares));
}

RC_GTEST_PROP(Psi, IsZeroForTheReferenceItself, ()) {
  const std::vector<double> numbers = *sample();
  RC_ASSERT(psi_of(numbers, numbers).statistic == 0.0);
  const std::vector<std::string> words = *texts();
  RC_ASSERT(psi_of(words, words).statistic == 0.0);
}

RC_GTEST_PROP(Psi, BinsEveryRowOnce, ()) {
  const std::vector<double> a = *sample();
  const std::vector<double> b = *sample();
  const NumericReference reference = reference_of(a);
  const BinCounts bins = bin_counts(reference, summary_of(reference, b));
  RC_ASSERT(bins.reference.size() == reference.edges.size() + 1);
  RC_ASSERT(bins.current.size() == bins.reference.size());
  RC_ASSERT(std::accumulate(bins.reference.begin(), bins.reference.end(), std::uint64_t{0}) ==
            a.size());
  RC_ASSERT(std::accumulate(bins.current.begin(), bins.current.end(), std::uint64_t{0}) ==
            b.size());
  RC_ASSERT(bins.reference_total == a.size());
  RC_ASSERT(bins.current_total == b.size());
}

TEST(Psi, FloorsAnEmptyBinAndDoesNotRenormalise) {
  const Outcome outcome = psi_of(std::vector<std::string>{"a"}, std::vector<std::string>{"b"});
  EXPECT_NEAR(*outcome.statistic, 2 * (1 - 1e-4) * std::log(1e4), 1e-12);
  EXPECT_FALSE(outcome.p_value);
}

TEST(Psi, GivesEveryUnseenCategoryItsOwnBin) {
  std::vector<std::string> current;
  for (int i = 0; i < 1'000; ++i) current.push_back("unseen " + std::to_string(i));
  const CategoryReference reference = reference_of(std::vector<std::string>{"a", "b"});
  const BinCounts bins = bin_counts(reference, summary_of(reference, current));
  EXPECT_EQ(bins.current.size(), 1'002U);
  EXPECT_EQ(std::ranges::count(bins.current, 1U), 1'000);
}

TEST(Psi, PutsTheRestOfVeryManyUnseenCategoriesIntoOneBin) {
  std::vector<std::string> current;
  for (int i = 0; i < 2'000; ++i) current.push_back("unseen " + std::to_string(i));
  const CategoryReference reference = reference_of(std::vector<std::string>{"a"});
  const BinCounts bins = bin_counts(reference, summary_of(reference, current));
  EXPECT_EQ(bins.current.size(), 1 + UnseenCategories::kMaxUnseen + 1);
  EXPECT_EQ(bins.current.back(), 2'000 - UnseenCategories::kMaxUnseen);
  EXPECT_EQ(bins.current_total, 2'000U);
}

TEST(Psi, SaysNothingWithoutValuesOnEitherSide) {
  using Numbers = std::vector<double>;
  using Texts = std::vector<std::string>;
  const Numbers gap = {missing_number()};
  for (const Outcome& outcome :
       {psi_of(Numbers{1, 2, 3}, Numbers{}), psi_of(Numbers{1, 2, 3}, gap), psi_of(gap, Numbers{1}),
        psi_of(Texts{"a"}, Texts{}), psi_of(Texts{}, Texts{"a"}), psi_of(Texts{}, Texts{})}) {
    EXPECT_FALSE(outcome.statistic);
  }
}

// --- Golden values

std::vector<std::string> as_texts(const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (const double value : values) {
    if (!std::isnan(value)) texts.push_back(std::to_string(value + 0.0));
  }
  return texts;
}

TEST(Psi, AgreesWithNumPyOnTheGoldenPairs) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  std::map<std::string, SamplePair> pairs;
  for (SamplePair& pair : read_sample_pairs(*shared)) pairs[pair.id] = std::move(pair);
  int deciles = 0;
  int categories = 0;
  for (const auto& row : read_csv(*shared / "data/golden/stats/golden.csv")) {
    if (row[1] != "psi") continue;
    const SamplePair& pair = pairs.at(row[0]);
    Outcome outcome;
    if (row[2].starts_with("decile;")) {
      ++deciles;
      outcome = psi_of(pair.a, pair.b);
    } else if (row[2].starts_with("cat;")) {
      ++categories;
      outcome = psi_of(as_texts(pair.a), as_texts(pair.b));
    } else {
      continue;
    }
    const double expected = std::stod(row[3]);
    EXPECT_NEAR(*outcome.statistic, expected, 1e-9 * std::max(1.0, expected))
        << row[0] << " " << row[2];
  }
  EXPECT_EQ(deciles, 49);
  EXPECT_EQ(categories, 18);
}

}  // namespace
}  // namespace driftd
