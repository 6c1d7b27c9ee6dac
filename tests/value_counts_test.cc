#include "windows/value_counts.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "tests/support/fingerprints.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

using Sighting = std::pair<double, bool>;  // a value and its kind

rc::Gen<std::vector<Sighting>> sightings() {
  return rc::gen::container<std::vector<Sighting>>(
      rc::gen::pair(hard_value(), rc::gen::arbitrary<bool>()));
}

void fold(ValueCounts& counts, std::span<const Sighting> part) {
  for (const auto& [value, kind] : part) counts.add(value, kind ? 1 : 0);
}

RC_GTEST_PROP(ValueCounts, CountsEveryValueByKind, ()) {
  const std::vector<Sighting> stream = *sightings();
  ValueCounts counts;
  fold(counts, stream);
  std::map<double, std::pair<std::uint32_t, std::uint32_t>> expected;
  for (const auto& [value, kind] : stream)
    ++(kind ? expected[value].second : expected[value].first);

  const std::vector<ValueCounts::Entry> entries = counts.sorted();
  RC_ASSERT(entries.size() == expected.size());
  RC_ASSERT(counts.distinct() == expected.size());
  RC_ASSERT(counts.total(0) + counts.total(1) == stream.size());
  RC_ASSERT(counts.relative_error() == 0.0);
  auto at = entries.begin();
  for (const auto& [value, times] : expected) {
    RC_ASSERT(at->value == value);
    RC_ASSERT(at->count[0] == times.first);
    RC_ASSERT(at->count[1] == times.second);
    ++at;
  }
}

RC_GTEST_PROP(ValueCounts, KeepTheMergeLaws, ()) {
  check_merge_laws(ValueCounts(), *sightings(), fold, fingerprint_of<ValueCounts>);
}

RC_GTEST_PROP(ValueCounts, KeepTheMergeLawsWithFewBits, ()) {
  const auto bits = *rc::gen::inRange(1, 12);
  check_merge_laws(ValueCounts(bits), *sightings(), fold, fingerprint_of<ValueCounts>);
}

RC_GTEST_PROP(ValueCounts, AreReadAsTheyWereWritten, ()) {
  ValueCounts counts(*rc::gen::element(3, 8, 52));
  fold(counts, *sightings());
  check_stored_form_of(ValueCounts(), counts, ValueCounts::read);
}

RC_GTEST_PROP(ValueCounts, RoundToWithinTheirStatedError, ()) {
  const auto bits = *rc::gen::inRange(1, 52);
  const double value = *hard_value();
  RC_PRE(std::isfinite(value) && std::abs(value) > 1e-300);
  ValueCounts counts(bits);
  counts.add(value, 0);
  const double kept = counts.sorted().front().value;
  RC_ASSERT(std::abs(kept - value) <= counts.relative_error() * std::abs(value));
}

TEST(ValueCounts, CountsWhatLiesBetweenTwoValues) {
  ValueCounts counts;
  for (const double value : {0.0, 0.25, 0.25, 0.5, 1.0}) counts.add(value, 0);
  counts.add(0.25, 1, 7);
  counts.add(1.5, 1);
  EXPECT_EQ(counts.between(0.25, 0.5), (std::array<std::uint64_t, 2>{3, 7}));
  EXPECT_EQ(counts.between(-1, 0), (std::array<std::uint64_t, 2>{1, 0}));
  EXPECT_EQ(counts.between(0.6, 0.9), (std::array<std::uint64_t, 2>{0, 0}));
  EXPECT_EQ(ValueCounts().between(-1, 1), (std::array<std::uint64_t, 2>{0, 0}));
}

TEST(ValueCounts, TakeMinusZeroForZero) {
  ValueCounts counts;
  counts.add(-0.0, 0);
  counts.add(0.0, 1);
  EXPECT_EQ(counts.distinct(), 1U);
}

TEST(ValueCounts, KeepZeroAndInfinityApartAtAnyNumberOfBits) {
  ValueCounts counts(1);
  for (const double value : {0.0, kTiny, -kTiny, kInfinity, -kInfinity, kHuge, -kHuge}) {
    counts.add(value, 0);
  }
  EXPECT_EQ(counts.distinct(), 7U);
}

// A low-discrepancy sequence, so that every part of the stream spreads over all of (0, 1).
std::vector<Sighting> many_distinct(std::size_t n) {
  std::vector<Sighting> stream(n);
  double at = 0.5;
  for (auto& [value, kind] : stream) {
    at += 0.6180339887498949;
    at -= std::floor(at);
    value = at;
    kind = at > 0.7;
  }
  return stream;
}

ValueCounts counted(std::span<const Sighting> part) {
  ValueCounts counts;
  fold(counts, part);
  return counts;
}

TEST(ValueCounts, AreTheSameHoweverAStreamBeyondTheLimitWasSplit) {
  const std::vector<Sighting> stream = many_distinct(ValueCounts::kMaxDistinct + 40'000);
  const std::span<const Sighting> all(stream);
  const ValueCounts whole = counted(all);
  EXPECT_LE(whole.distinct(), ValueCounts::kMaxDistinct);
  EXPECT_GT(whole.distinct(), ValueCounts::kMaxDistinct / 4);
  EXPECT_EQ(whole.total(0) + whole.total(1), stream.size());
  EXPECT_GT(whole.relative_error(), 0.0);
  EXPECT_LT(whole.relative_error(), 1e-4);

  // Parts below and beyond the limit, in both orders.
  for (const std::size_t cut : {std::size_t{1'000}, stream.size() / 2}) {
    const ValueCounts left = counted(all.first(cut));
    const ValueCounts right = counted(all.subspan(cut));
    ValueCounts forwards = left;
    forwards.merge(right);
    ValueCounts backwards = right;
    backwards.merge(left);
    EXPECT_EQ(fingerprint_of(forwards), fingerprint_of(whole)) << cut;
    EXPECT_EQ(fingerprint_of(backwards), fingerprint_of(whole)) << cut;
  }

  const std::string bytes = bytes_of(whole);
  ByteReader in(bytes);
  ValueCounts read;
  ASSERT_TRUE(ValueCounts::read(in, read) && in.at_end());
  EXPECT_EQ(bytes_of(read), bytes);
}

TEST(ValueCounts, RefuseWhatNoneOfThemWrites) {
  struct Case {
    const char* what;
    std::uint8_t bits;
    double value;
    std::uint64_t zero, one;
  };
  for (const Case& row : {Case{"no bits", 0, 1, 1, 1}, Case{"53 bits", 53, 1, 1, 1},
                          Case{"NaN", 52, std::nan(""), 1, 1}, Case{"never seen", 52, 1, 0, 0},
                          Case{"2^32 times", 52, 1, 0xFFFF'FFFF, 1}}) {
    std::string bytes;
    ByteWriter out(bytes);
    out.byte(row.bits);
    out.varint(1);
    out.number(row.value);
    out.varint(row.zero);
    out.varint(row.one);
    ByteReader in(bytes);
    ValueCounts read;
    EXPECT_FALSE(ValueCounts::read(in, read)) << row.what;
  }
}

}  // namespace
}  // namespace driftd
