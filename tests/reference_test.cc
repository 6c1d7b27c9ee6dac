#include "windows/reference.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "tests/support/samples.h"
#include "windows/reference_maker.h"

namespace driftd {
namespace {

TEST(DecileEdges, InterpolateAsNumPyDoes) {
  // numpy.quantile(x, 0.1..0.9, method="linear")
  EXPECT_EQ(decile_edges(std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}),
            (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  const std::vector<double> edges = decile_edges(std::vector<double>{0, 10});
  ASSERT_EQ(edges.size(), 9U);
  for (int k = 1; k <= 9; ++k) EXPECT_DOUBLE_EQ(edges[static_cast<std::size_t>(k - 1)], k);
}

TEST(DecileEdges, AreTheTiedValueItself) {
  // The form a + g (b - a) gives 0.1 where (1 - g) a + g b is off by one rounding.
  EXPECT_EQ(decile_edges(std::vector<double>(7, 0.1)), std::vector<double>{0.1});
  EXPECT_EQ(decile_edges(std::vector<double>{3.5}), std::vector<double>{3.5});
  EXPECT_TRUE(decile_edges({}).empty());
}

TEST(DecileEdges, AreFiniteAndRisingOverTheWholeRangeOfADouble) {
  for (const std::vector<double>& sorted :
       {std::vector<double>{-kHuge, kHuge},
        {-1.5e308, 0, 1.5e308},
        {-kHuge, -kHuge, kHuge, kHuge},
        {-kHuge, -kTiny, 0, kTiny, kHuge},
        // The edge falls on a value whose step to the next one is infinite: 0 x infinity.
        {-kHuge, -kHuge, kHuge, kHuge, kHuge, kHuge, kHuge, kHuge, kHuge, kHuge, kHuge}}) {
    const std::vector<double> edges = decile_edges(sorted);
    EXPECT_FALSE(edges.empty());
    EXPECT_TRUE(std::ranges::all_of(edges, [](double edge) { return std::isfinite(edge); }));
    EXPECT_TRUE(std::ranges::is_sorted(edges));
    EXPECT_GE(edges.front(), sorted.front());
    EXPECT_LE(edges.back(), sorted.back());
  }
}

// Reference rows at or below a value, by the raw sample.
std::uint64_t at_or_below(const std::vector<double>& values, double limit) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(values, [&](double v) { return v <= limit; }));
}

TEST(NumericReference, HoldsTheWholeRangeOfADouble) {
  std::vector<double> values(11, kHuge);
  values[0] = values[1] = -kHuge;
  const NumericReference reference = reference_of(values);
  EXPECT_EQ(reference.cumulative, (std::vector<std::uint64_t>{0, 2, 2, 11, 11}));
}

RC_GTEST_PROP(NumericReference, CountsItsOwnRows, ()) {
  const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(
      rc::gen::weightedOneOf<double>({{9, hard_value()}, {1, rc::gen::just(missing_number())}})));
  const NumericReference reference = reference_of(values);
  std::vector<double> present = values;
  std::erase_if(present, [](double value) { return std::isnan(value); });
  std::vector<double> distinct = present;
  std::ranges::sort(distinct);
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());

  RC_ASSERT(reference.distinct == distinct.size());
  RC_ASSERT(reference.cumulative.back() == present.size());
  RC_ASSERT(reference.summary.present() == present.size());
  RC_ASSERT(reference.summary.missing == values.size() - present.size());
  RC_ASSERT(reference.thinning_error == 0.0);
  const auto boundaries = reference.index.boundaries();
  for (std::size_t i = 0; i < boundaries.size(); ++i) {
    RC_ASSERT(reference.cumulative[2 * i + 1] == at_or_below(present, boundaries[i]));
    RC_ASSERT(reference.cumulative[2 * i] ==
              at_or_below(present, boundaries[i]) -
                  static_cast<std::uint64_t>(std::ranges::count(present, boundaries[i])));
  }
  RC_ASSERT(reference.edge_cells.size() == reference.edges.size());
  for (std::size_t k = 0; k < reference.edges.size(); ++k) {
    RC_ASSERT(boundaries[(reference.edge_cells[k] - 1) / 2] == reference.edges[k]);
  }
}

RC_GTEST_PROP(NumericReference, StatesWhatThinningCosts, ()) {
  const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(tied_value()));
  const auto limit = *rc::gen::inRange<std::uint64_t>(1, 12);
  const NumericReference reference = make_numeric_reference(values, limit);
  RC_ASSERT(reference.index.boundaries().size() <= limit + 13);
  RC_ASSERT(reference.cumulative.back() == values.size());
  RC_ASSERT(reference.thinning_error >= 0.0);
  RC_ASSERT((reference.thinning_error < 1.0 || values.size() == 1));
  // Nine edges, two ends of the range and two fences are boundaries of their own.
  // No gap between boundaries holds a larger share than was stated.
  for (std::size_t cell = 0; cell < reference.cumulative.size(); cell += 2) {
    const std::uint64_t below = cell == 0 ? 0 : reference.cumulative[cell - 1];
    const double share = static_cast<double>(reference.cumulative[cell] - below) /
                         static_cast<double>(values.size());
    RC_ASSERT(share <= reference.thinning_error);
  }
}

TEST(NumericReference, IsThinnedToEvenRanks) {
  std::vector<double> values(100'000);
  std::iota(values.begin(), values.end(), 0.0);
  const NumericReference reference = make_numeric_reference(values, 1'000);
  EXPECT_EQ(reference.distinct, 100'000U);
  EXPECT_EQ(reference.range->low, 0.0);
  EXPECT_EQ(reference.range->high, 99'999.0);
  EXPECT_LE(reference.index.boundaries().size(), 1'000U + 9 + 2);
  EXPECT_GT(reference.thinning_error, 0.0);
  EXPECT_LE(reference.thinning_error, 1.0 / 999);
}

TEST(NumericReference, MayHaveNoFiniteValueOrNone) {
  const NumericReference infinite = reference_of({kInfinity, -kInfinity, kInfinity});
  EXPECT_TRUE(infinite.edges.empty());
  EXPECT_EQ(infinite.summary.non_finite, 3U);
  EXPECT_EQ(infinite.cumulative.back(), 3U);
  const NumericReference none = reference_of(std::vector<double>{missing_number()});
  EXPECT_EQ(none.cumulative, std::vector<std::uint64_t>{0});
  EXPECT_EQ(none.summary.missing, 1U);
}

TEST(NumericReference, TakesMinusZeroForZero) {
  const NumericReference reference = reference_of({-0.0, 0.0, -0.0});
  EXPECT_EQ(reference.distinct, 1U);
  EXPECT_EQ(reference.cumulative, (std::vector<std::uint64_t>{0, 3, 3}));
}

TEST(CategoryReference, SortsItsCategoriesAndCountsThem) {
  const CategoryReference reference =
      make_category_reference({"b", std::nullopt, "a", "b", "", std::nullopt}, 10);
  EXPECT_EQ(reference.categories, (std::vector<std::string>{"", "a", "b"}));
  EXPECT_EQ(reference.counts, (std::vector<std::uint64_t>{1, 1, 2}));
  EXPECT_EQ(reference.summary.missing, 2U);
  EXPECT_EQ(reference.summary.present(), 4U);
}

TEST(CategoryReference, MayHaveNoCategory) {
  const CategoryReference reference = make_category_reference({std::nullopt}, 10);
  EXPECT_TRUE(reference.categories.empty());
  EXPECT_EQ(reference.summary.missing, 1U);
}

TEST(CategoryReference, TellsTheMostFrequentCategoriesApart) {
  std::vector<std::optional<std::string>> values;
  for (int category = 0; category < 1'500; ++category) {
    // Those from 1,000 on twice, so that of the others the first 500 in order are told apart.
    const int times = category >= 1'000 ? 2 : 1;
    for (int i = 0; i < times; ++i) values.emplace_back(std::to_string(10'000 + category));
  }
  const CategoryReference reference = make_category_reference(values, 10);
  ASSERT_EQ(reference.categories.size(), kLeastCategories);
  EXPECT_EQ(reference.categories.front(), "10000");
  EXPECT_EQ(reference.categories[499], "10499");
  EXPECT_EQ(reference.categories[500], "11000");
  EXPECT_EQ(reference.others.size(), 500U);
  EXPECT_EQ(reference.others.front(), "10500");
  EXPECT_EQ(reference.codes(), kLeastCategories + 1);
  EXPECT_EQ(reference.counts.back(), 500U);
  EXPECT_EQ(reference.summary.present(), 2'000U);

  const CategorySummary window = summary_of(reference, {"10500", "10501", "11000", "new"});
  EXPECT_EQ(window.unseen.total(), 1U);
  EXPECT_EQ(window.counters.total(), 3U);
}

// The reference of a column that is shown twice, in blocks.
NumericReference streamed(const std::vector<double>& values, std::uint64_t limit,
                          std::optional<ValueRange> range, std::size_t block, std::size_t most) {
  NumericReferenceMaker maker(limit, range, most);
  const auto show = [&](auto take) {
    for (std::size_t from = 0; from < values.size(); from += block)
      take(std::span(values).subspan(from, std::min(block, values.size() - from)));
  };
  show([&](auto part) { maker.survey(part); });
  maker.prepare();
  show([&](auto part) { maker.count(part); });
  return maker.take();
}

RC_GTEST_PROP(NumericReferenceMaker, MakesOfAStreamWhatTheColumnInMemoryGives, ()) {
  const int shape = *rc::gen::inRange(0, 4);
  const auto rows = *rc::gen::inRange<std::size_t>(0, 400);
  std::vector<double> values;
  for (std::size_t i = 0; i < rows; ++i) {
    const double value = *rc::gen::inRange(-50, 50);
    values.push_back(shape == 0 ? value : shape == 1 ? value / 7 : std::exp(value * shape));
    if (shape == 3 && i % 11 == 3) values.back() = missing_number();
    if (shape == 3 && i % 23 == 4) values.back() = (i % 2 == 0 ? 1 : -1) * kInfinity;
  }
  std::optional<ValueRange> range;
  if (*rc::gen::arbitrary<bool>()) range = {-3.5, 20};
  const auto limit = *rc::gen::inRange<std::uint64_t>(10, 120);
  const auto block = *rc::gen::inRange<std::size_t>(1, 100);
  const NumericReference one = make_numeric_reference(values, limit, range);
  const NumericReference other = streamed(values, limit, range, block, 1'000);
  RC_ASSERT(std::ranges::equal(one.index.boundaries(), other.index.boundaries()));
  RC_ASSERT(one.cumulative == other.cumulative);
  RC_ASSERT(one.edges == other.edges);
  RC_ASSERT(one.edge_cells == other.edge_cells);
  RC_ASSERT(one.distinct == other.distinct);
  RC_ASSERT(one.thinning_error == other.thinning_error);
  RC_ASSERT(one.out_of_range == other.out_of_range);
  RC_ASSERT(one.longest_run == other.longest_run);
  RC_ASSERT(one.range.has_value() == other.range.has_value());
  RC_ASSERT(!one.range || one.range->low == other.range->low);
  RC_ASSERT(!one.range || one.range->high_cell == other.range->high_cell);
  RC_ASSERT(one.fences.has_value() == other.fences.has_value());
  RC_ASSERT(!one.fences || one.fences->low == other.fences->low);
  RC_ASSERT(one.summary.missing == other.summary.missing);
  RC_ASSERT(one.summary.moments.count == other.summary.moments.count);
  RC_ASSERT(std::abs(one.deviation - other.deviation) <= 1e-9 * one.deviation);
  RC_ASSERT(std::abs(one.summary.moments.mean - other.summary.moments.mean) <=
            1e-9 * (std::abs(one.summary.moments.mean) + one.deviation));
  RC_ASSERT(one.gap_sums.size() == other.gap_sums.size());
  for (std::size_t i = 0; i < one.gap_sums.size(); ++i)
    RC_ASSERT(one.gap_sums[i].value() == other.gap_sums[i].value());
}

TEST(NumericReferenceMaker, CountsExactlyAtBoundariesThatASketchHasChosen) {
  std::vector<double> values;
  for (int i = 0; i < 50'000; ++i) values.push_back(std::sin(i) * i);
  NumericReference reference = streamed(values, 100, {}, 1'000, 2'000);
  EXPECT_GT(reference.distinct, 2'000U) << "no more is known of what does not fit";
  const auto boundaries = reference.index.boundaries();
  EXPECT_GE(boundaries.size(), 100U);
  for (std::size_t i = 0; i < boundaries.size(); ++i)
    ASSERT_EQ(reference.cumulative[2 * i + 1], at_or_below(values, boundaries[i]));
  EXPECT_LT(reference.thinning_error, 0.02) << "a hundredth is what 100 boundaries can do";
}

}  // namespace
}  // namespace driftd
