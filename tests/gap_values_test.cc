#include "windows/gap_values.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <vector>

#include "tests/support/fingerprints.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

const RankIndex& boundaries() {
  static const RankIndex kIndex({-10, 0, 0.5, 10});
  return kIndex;
}

void fold(GapValues& gaps, std::span<const double> values) {
  std::vector<std::uint32_t> cells(values.size());
  boundaries().cells(values, cells.data());
  gaps.update(values, cells);
}

rc::Gen<std::vector<double>> values() {
  return rc::gen::container<std::vector<double>>(
      rc::gen::weightedOneOf<double>({{9, tied_value()}, {1, rc::gen::just(kInfinity)}}));
}

GapValues gaps_of(const std::vector<double>& values, std::size_t limit) {
  GapValues gaps(boundaries().cells(), limit);
  fold(gaps, values);
  return gaps;
}

RC_GTEST_PROP(GapValues, KeepEveryValueBetweenTheBoundaries, ()) {
  const std::vector<double> stream = *values();
  std::map<double, std::uint64_t> expected;
  for (const double value : stream) {
    if (boundaries().cell(value) % 2 == 0) ++expected[value];
  }
  const auto entries = gaps_of(stream, GapValues::kMaxDistinct).entries();
  RC_ASSERT(entries && entries->size() == expected.size());
  for (const GapValues::Entry& entry : *entries) {
    RC_ASSERT(expected.at(entry.value) == entry.count);
    RC_ASSERT(entry.cell == boundaries().cell(entry.value));
  }
}

RC_GTEST_PROP(GapValues, KeepTheirSumsWhereTheyAreTooMany, ()) {
  const std::vector<double> stream = *values();
  const GapValues kept = gaps_of(stream, GapValues::kMaxDistinct);
  const GapValues summed = gaps_of(stream, 0);
  std::vector<ExactSum> sums(kept.gaps());
  std::vector<ExactSum> same(kept.gaps());
  kept.add_sums_to(sums);
  summed.add_sums_to(same);
  for (std::size_t i = 0; i < sums.size(); ++i) RC_ASSERT(sums[i].value() == same[i].value());
}

RC_GTEST_PROP(GapValues, KeepTheMergeLaws, ()) {
  const auto limit = *rc::gen::element<std::size_t>(0, 3, 20, GapValues::kMaxDistinct);
  check_merge_laws(GapValues(boundaries().cells(), limit), *values(), fold,
                   fingerprint_of<GapValues>);
}

RC_GTEST_PROP(GapValues, AreReadAsTheyWereWritten, ()) {
  const auto limit = *rc::gen::element<std::size_t>(0, 3, GapValues::kMaxDistinct);
  check_stored_form_of(GapValues(), gaps_of(*values(), limit), [&](ByteReader& in, GapValues& out) {
    return GapValues::read(in, boundaries().cells(), out, limit);
  });
}

TEST(GapValues, KeepNothingOnceMergedWithOnesThatKeepNothing) {
  GapValues kept = gaps_of({1, 2}, GapValues::kMaxDistinct);
  GapValues nothing;
  nothing.merge(kept);
  kept.merge(GapValues());
  EXPECT_EQ(nothing.form(), GapValues::Form::none);
  EXPECT_EQ(kept.form(), GapValues::Form::none);
  EXPECT_FALSE(kept.entries());
}

TEST(GapValues, TurnIntoSumsInTheirStoredFormAsWell) {
  std::vector<double> many;
  for (std::size_t i = 0; i <= GapValues::kMaxDistinct; ++i)
    many.push_back(11 + static_cast<double>(i));
  const GapValues gaps = gaps_of(many, GapValues::kMaxDistinct);
  EXPECT_FALSE(gaps.entries());
  const std::string bytes = bytes_of(gaps);
  EXPECT_EQ(bytes.size(), 1 + gaps.gaps() * sizeof(ExactSum));
}

TEST(ExactSum, KeepsTheDifferencesOfLargeValues) {
  ExactSum sum;
  for (int i = 0; i < 1'000; ++i) sum.add(1e15 + i % 7);
  sum.add(1e15 + 3, 1'000);
  double expected = 0;
  for (int i = 0; i < 1'000; ++i) expected += 10 - i % 7;
  EXPECT_EQ(sum.distance_from(1e15 + 10, 2'000), expected + 7'000);
}

TEST(ExactSum, SaysWhereItHasLeftADoublesRange) {
  ExactSum sum;
  sum.add(1.5e308);
  EXPECT_TRUE(sum.is_finite());
  sum.add(1.5e308);
  EXPECT_FALSE(sum.is_finite());
  sum.add(-1.5e308);
  EXPECT_FALSE(sum.is_finite());
}

}  // namespace
}  // namespace driftd
