#include "windows/cell_counters.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/fingerprints.h"

namespace driftd {
namespace {

std::vector<std::uint64_t> counts_of(const CellCounters& counters) {
  std::vector<std::uint64_t> counts(counters.cells(), 0);
  counters.add_to(counts);
  return counts;
}

CellCounters counters_of(std::uint32_t cells, const std::vector<std::uint32_t>& at) {
  CellCounters counters(cells);
  counters.update(at);
  return counters;
}

// Streams around the length at which the sparse form turns dense, over one cell and over many.
rc::Gen<std::vector<std::uint32_t>> stream_over(std::uint32_t cells) {
  return rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, cells));
}

RC_GTEST_PROP(CellCounters, CountsEveryCell, ()) {
  const auto cells = *rc::gen::inRange<std::uint32_t>(1, 60);
  const auto stream = *stream_over(cells);
  std::vector<std::uint64_t> expected(cells, 0);
  for (const std::uint32_t cell : stream) ++expected[cell];
  const CellCounters counters = counters_of(cells, stream);
  RC_ASSERT(counts_of(counters) == expected);
  RC_ASSERT(counters.total() == stream.size());
}

RC_GTEST_PROP(CellCounters, CountOutsideOfCellsAndFindTheOnlyOne, ()) {
  constexpr std::uint32_t kCells = 20;
  const auto cells = *rc::gen::container<std::vector<std::uint32_t>>(
      rc::gen::inRange<std::uint32_t>(0, *rc::gen::element<std::uint32_t>(1, 2, kCells)));
  CellCounters counters(kCells);
  counters.update(cells);
  const auto first = *rc::gen::inRange<std::uint32_t>(0, kCells);
  const auto last = *rc::gen::inRange<std::uint32_t>(first, kCells);
  const auto outside = std::count_if(
      cells.begin(), cells.end(), [&](std::uint32_t cell) { return cell < first || cell > last; });
  RC_ASSERT(counters.outside(first, last) == static_cast<std::uint64_t>(outside));
  const std::set<std::uint32_t> distinct(cells.begin(), cells.end());
  RC_ASSERT(counters.only_cell() ==
            (distinct.size() == 1 ? std::optional(*distinct.begin()) : std::nullopt));
}

RC_GTEST_PROP(CellCounters, KeepTheMergeLaws, ()) {
  const auto cells = *rc::gen::inRange<std::uint32_t>(1, 60);
  check_merge_laws(
      CellCounters(cells), *stream_over(cells),
      [](CellCounters& counters, std::span<const std::uint32_t> part) { counters.update(part); },
      fingerprint_of<CellCounters>);
}

RC_GTEST_PROP(CellCounters, AreReadAsTheyWereWritten, ()) {
  const auto cells = *rc::gen::inRange<std::uint32_t>(1, 60);
  const CellCounters counters = counters_of(cells, *stream_over(cells));
  check_stored_form_of(CellCounters(), counters, [&](ByteReader& in, CellCounters& out) {
    if (!CellCounters::read(in, cells, out)) return false;
    RC_ASSERT(out.cells() == cells);
    return true;
  });
}

TEST(CellCounters, HaveOneStoredFormHoweverTheyWereFilled) {
  CellCounters sparse(10);
  sparse.update(std::vector<std::uint32_t>{7, 2, 7});
  CellCounters dense(10);
  dense.add(2, 1);
  dense.add(7, 2);
  EXPECT_EQ(bytes_of(sparse), bytes_of(dense));
}

TEST(CellCounters, StaySmallWhileTheyAreSparse) {
  constexpr std::uint32_t kCells = 20'001;
  CellCounters counters(kCells);
  counters.update(std::vector<std::uint32_t>(100, 5));
  EXPECT_LT(counters.memory(), 1'000U);
  counters.update(std::vector<std::uint32_t>(kCells, 5));
  EXPECT_GE(counters.memory(), kCells * sizeof(std::uint32_t));
  EXPECT_EQ(counts_of(counters)[5], kCells + 100U);
}

TEST(CellCounters, AddToWhatIsThere) {
  const CellCounters counters = counters_of(3, {0, 2, 2});
  std::vector<std::uint64_t> counts = {10, 20, 30};
  counters.add_to(counts);
  EXPECT_EQ(counts, (std::vector<std::uint64_t>{11, 20, 32}));
}

TEST(CellCounters, MayHaveNoCellsAtAll) {
  CellCounters none(0);
  none.update({});
  none.merge(CellCounters(0));
  EXPECT_EQ(none.total(), 0U);
  const std::string bytes = bytes_of(none);
  ByteReader in(bytes);
  CellCounters read;
  EXPECT_TRUE(CellCounters::read(in, 0, read) && in.at_end());
}

TEST(CellCounters, RefuseCountsOverAnotherNumberOfCells) {
  const std::string bytes = bytes_of(counters_of(10, {1, 2}));
  CellCounters read;
  ByteReader in(bytes);
  EXPECT_FALSE(CellCounters::read(in, 11, read));
}

TEST(CellCounters, RefuseACellBeyondTheEndAndAnEmptyOne) {
  struct Case {
    const char* what;
    std::uint64_t distance;
    std::uint64_t count;
  };
  for (const Case& row : {Case{"cell 10 of 10", 10, 1}, Case{"no count", 3, 0}}) {
    std::string bytes;
    ByteWriter out(bytes);
    out.varint(10);
    out.byte(0);
    out.varint(1);
    out.varint(row.distance);
    out.varint(row.count);
    ByteReader in(bytes);
    CellCounters read;
    EXPECT_FALSE(CellCounters::read(in, 10, read)) << row.what;
  }
}

TEST(CellCounters, CountBeyond32Bits) {
  constexpr std::uint64_t kHalf = 0x8000'0000;
  CellCounters half(10);
  half.add(3, kHalf);
  half.add(7, 1);
  CellCounters merged = half;
  merged.merge(half);
  merged.merge(half);
  merged.update(std::vector<std::uint32_t>{3, 9});
  CellCounters added(10);
  added.add(3, 3 * kHalf + 1);
  added.add(7, 3);
  added.add(9, 1);
  std::vector<std::uint64_t> expected(10, 0);
  expected[3] = 3 * kHalf + 1;
  expected[7] = 3;
  expected[9] = 1;
  EXPECT_EQ(counts_of(merged), expected);
  EXPECT_EQ(merged.total(), 3 * kHalf + 5);
  EXPECT_EQ(bytes_of(merged), bytes_of(added));
  const std::string bytes = bytes_of(merged);
  ByteReader in(bytes);
  CellCounters read;
  ASSERT_TRUE(CellCounters::read(in, 10, read) && in.at_end());
  EXPECT_EQ(counts_of(read), expected);
  CellCounters narrow(10);
  narrow.add(3, 1);
  narrow.merge(read);
  EXPECT_EQ(counts_of(narrow)[3], 3 * kHalf + 2);
}

TEST(CellCounters, RefuseATotalBeyond64Bits) {
  std::string bytes;
  ByteWriter out(bytes);
  out.varint(10);
  out.byte(0);
  out.varint(2);
  for (const std::uint64_t distance : {1, 2}) {
    out.varint(distance);
    out.varint(~std::uint64_t{0});
  }
  ByteReader in(bytes);
  CellCounters read;
  EXPECT_FALSE(CellCounters::read(in, 10, read));
}

}  // namespace
}  // namespace driftd
