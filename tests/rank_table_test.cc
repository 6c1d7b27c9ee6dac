// What is not known exactly must be off by no more than its bound: thinned references, windows of
// more distinct values than are kept, categories that share a bin.
#include "detectors/rank_table.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "detectors/kuiper.h"
#include "detectors/registry.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

rc::Gen<std::vector<double>> samples() {
  return rc::gen::suchThat(rc::gen::container<std::vector<double>>(tied_value()),
                           [](const std::vector<double>& values) { return values.size() >= 4; });
}

// A window that keeps at most `limit` distinct values exactly.
NumericSummary summary_with(const NumericReference& reference, const std::vector<double>& values,
                            std::size_t limit) {
  NumericSummary summary(reference.index);
  summary.gaps = GapValues(reference.index.cells(), limit);
  NumericSummary::Scratch scratch;
  summary.update(reference.index, values, scratch);
  return summary;
}

constexpr const char* kBounded[] = {"ks", "kuiper", "cvm", "mann_whitney", "wasserstein"};

// Every statistic over thinned or summed counters against the one of the samples themselves.
void expect_within_bounds(const NumericReference& counted, const NumericSummary& window,
                          std::vector<double> a, std::vector<double> b) {
  const Comparison seen = compare(counted, window);
  const Comparison exact = compare_samples(a, b);
  for (const char* const name : kBounded) {
    const Outcome of_window = run(*find_detector(name), seen);
    const Outcome of_samples = run(*find_detector(name), exact);
    RC_LOG() << name << '\n';
    RC_ASSERT(of_window.statistic.has_value() == of_samples.statistic.has_value());
    if (!of_window.statistic) continue;
    const double slack = 1e-12 + 1e-12 * std::abs(*of_samples.statistic);
    RC_ASSERT(std::abs(*of_window.statistic - *of_samples.statistic) <=
              of_window.bound.value_or(0) + slack);
  }
}

RC_GTEST_PROP(RankTable, IsThatOfTheSamplesWhereTheValuesAreKept, ()) {
  std::vector<double> a = *rc::gen::container<std::vector<double>>(hard_value());
  std::vector<double> b = *rc::gen::container<std::vector<double>>(hard_value());
  const NumericReference reference = gap_reference_of(a);
  const RankTable counted = rank_table(reference, summary_of(reference, b));
  std::ranges::sort(a);
  std::ranges::sort(b);
  const RankTable raw = rank_table(a, b);
  RC_ASSERT(counted.open_groups == 0U);
  std::vector<TieGroup> groups;
  for (const TieGroup& group : counted.groups) {
    if (group.reference + group.current > 0) groups.push_back(group);
  }
  RC_ASSERT(groups.size() == raw.groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    RC_ASSERT(groups[i].value == raw.groups[i].value);
    RC_ASSERT(groups[i].reference == raw.groups[i].reference);
    RC_ASSERT(groups[i].current == raw.groups[i].current);
  }
}

RC_GTEST_PROP(Bounds, HoldWhereAWindowHasMoreValuesThanAreKept, ()) {
  const std::vector<double> a = *samples();
  const std::vector<double> b = *samples();
  const NumericReference reference = reference_of(a);
  expect_within_bounds(reference, summary_with(reference, b, *rc::gen::inRange<std::size_t>(0, 9)),
                       a, b);
}

RC_GTEST_PROP(Bounds, HoldWhereAReferenceIsThinned, ()) {
  const std::vector<double> a = *samples();
  const std::vector<double> b = *samples();
  // Two at least, so that both ends are boundaries; a configuration gives ten.
  const NumericReference reference =
      make_numeric_reference(a, *rc::gen::inRange<std::uint64_t>(2, 20));
  const auto limit = *rc::gen::element<std::size_t>(0, GapValues::kMaxDistinct);
  expect_within_bounds(reference, summary_with(reference, b, limit), a, b);
}

TEST(Bounds, HoldWhereCategoriesShareABin) {
  std::mt19937_64 random(12);
  for (int turn = 0; turn < 20; ++turn) {
    std::geometric_distribution<int> before(0.001);
    std::geometric_distribution<int> now(0.001 + 0.0001 * turn);
    std::vector<std::string> a;
    std::vector<std::string> b;
    for (int i = 0; i < 8'000; ++i) a.push_back(std::to_string(before(random)));
    for (int i = 0; i < 3'000; ++i) b.push_back(std::to_string(now(random)));
    const CategoryReference whole = reference_of(a);
    const CategoryReference limited = make_category_reference({a.begin(), a.end()}, 1);
    ASSERT_FALSE(limited.others.empty());
    const Comparison exact = compare(whole, summary_of(whole, b));
    const Comparison seen = compare(limited, summary_of(limited, b));
    for (const char* const name : {"js", "hellinger", "tv", "linf"}) {
      const Outcome of_all = run(*find_detector(name), exact);
      const Outcome of_some = run(*find_detector(name), seen);
      EXPECT_FALSE(of_all.bound) << name;
      EXPECT_LE(*of_some.statistic, *of_all.statistic + 1e-12) << name;
      EXPECT_LE(*of_all.statistic, *of_some.statistic + of_some.bound.value_or(0) + 1e-12) << name;
    }
  }
}

// Where V sqrt(nm / (n + m)) is 1/2 the first term of the series is 0 and the others are not. The
// values are those of the formula in NUMBERS 18, summed to its end.
TEST(Kuiper, SumsPastATermThatIsZero) {
  for (const auto& [size, shift, expected] :
       {std::tuple{2, 1, 0.99998659}, std::tuple{8, 2, 0.999993}}) {
    std::vector<double> reference;
    std::vector<double> current;
    for (int i = 0; i < size; ++i) {
      reference.push_back(i);
      current.push_back(i + shift);
    }
    EXPECT_NEAR(*kuiper(compare_samples(reference, current)).p_value, expected, 1e-6) << size;
  }
}

}  // namespace
}  // namespace driftd
