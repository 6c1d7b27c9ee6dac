#include "windows/series_summary.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/fingerprints.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

const NumericReference& numeric_reference() {
  static const NumericReference kReference =
      reference_of({-60, -10.5, -1, -1, 0, 0, 0, 0.5, 1, 2, 7, 40, kInfinity});
  return kReference;
}

void fold_numbers(NumericSummary& summary, std::span<const double> part) {
  NumericSummary::Scratch scratch;
  summary.update(numeric_reference().index, part, scratch);
}

rc::Gen<std::vector<double>> columns() {
  return rc::gen::container<std::vector<double>>(column_value());
}

RC_GTEST_PROP(NumericSummary, CountsWhatItSaw, ()) {
  const std::vector<double> column = *columns();
  NumericSummary summary(numeric_reference().index);
  fold_numbers(summary, column);
  std::uint64_t missing = 0, wrong = 0, infinite = 0;
  std::vector<double> finite;
  for (const double value : column) {
    if (is_wrong_type(value)) {
      ++wrong;
    } else if (std::isnan(value)) {
      ++missing;
    } else if (std::isinf(value)) {
      ++infinite;
    } else {
      finite.push_back(value);
    }
  }
  RC_ASSERT(summary.missing == missing);
  RC_ASSERT(summary.wrong_type == wrong);
  RC_ASSERT(summary.non_finite == infinite);
  RC_ASSERT(summary.present() == finite.size() + infinite);
  RC_ASSERT(summary.moments.count == finite.size());
  if (finite.empty()) return;
  RC_ASSERT(summary.minimum == *std::min_element(finite.begin(), finite.end()));
  RC_ASSERT(summary.maximum == *std::max_element(finite.begin(), finite.end()));
}

RC_GTEST_PROP(NumericSummary, KeepsTheMergeLaws, ()) {
  const bool keeps_gaps = *rc::gen::arbitrary<bool>();
  check_merge_laws(NumericSummary(numeric_reference().index, keeps_gaps), *columns(), fold_numbers,
                   fingerprint_of<NumericSummary>);
}

RC_GTEST_PROP(NumericSummary, IsReadAsItWasWritten, ()) {
  NumericSummary summary(numeric_reference().index, *rc::gen::arbitrary<bool>());
  fold_numbers(summary, *columns());
  const std::uint32_t cells = numeric_reference().index.cells();
  check_stored_form_of(NumericSummary(), summary, [&](ByteReader& in, NumericSummary& out) {
    return NumericSummary::read(in, cells, out);
  });
}

// Moments aside (their squares leave a double's range), nothing may depend on the size of values.
RC_GTEST_PROP(NumericSummary, CountsHardValuesHoweverTheyWereSplit, ()) {
  const auto values = *rc::gen::container<std::vector<double>>(hard_value());
  check_merge_laws(NumericSummary(numeric_reference().index, true), values, fold_numbers,
                   [](NumericSummary summary) {
                     summary.moments = {summary.moments.count, 0, 0};
                     return fingerprint_of(summary);
                   });
}

TEST(Moments, AgreeWithTwoPassesInHigherPrecision) {
  for (const double offset : {0.0, 1.0, 1e6, -1e9}) {
    std::vector<double> values;
    for (int i = 0; i < 1'000; ++i) values.push_back(offset + std::sin(i));
    long double mean = 0;
    for (const double value : values) mean += value;
    mean /= 1'000;
    long double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);

    Moments merged;
    const std::span<const double> all(values);
    for (std::size_t from = 0; from < values.size(); from += 37) {
      merged.merge(moments_of(all.subspan(from, std::min<std::size_t>(37, values.size() - from))));
    }
    for (const Moments& moments : {moments_of(values), merged}) {
      EXPECT_EQ(moments.count, 1'000U);
      EXPECT_NEAR(moments.mean, static_cast<double>(mean), 1e-12 * std::max(1.0, std::abs(offset)));
      EXPECT_NEAR(moments.squares, static_cast<double>(squares), 1e-6);
    }
  }
}

TEST(Moments, HaveAMeanWhereTheSumLeavesADoublesRange) {
  const std::vector<double> values = {1.5e308, 1.5e308, 1.2e308};
  EXPECT_DOUBLE_EQ(moments_of(values).mean, 1.4e308);
}

TEST(Moments, OfNothingAreZero) {
  EXPECT_EQ(moments_of({}).count, 0U);
  EXPECT_EQ(Moments{}.population_variance(), 0.0);
  Moments moments = moments_of(std::vector<double>{1, 3});
  moments.merge({});
  EXPECT_EQ(moments.mean, 2.0);
  EXPECT_EQ(moments.population_variance(), 1.0);
}

// --- Categories

const std::vector<std::string>& categories() {
  static const std::vector<std::string> kSorted = {"DE", "FR", "IT"};
  return kSorted;
}

struct Cell {
  enum class Kind { text, missing, wrong_type } kind = Kind::text;
  std::string text;
};

void fold_texts(CategorySummary& summary, std::span<const Cell> part) {
  Column column;
  for (const Cell& cell : part) {
    switch (cell.kind) {
      case Cell::Kind::text: append(column, categories(), cell.text); break;
      case Cell::Kind::missing: column.codes.push_back(kMissingCategory); break;
      case Cell::Kind::wrong_type: column.codes.push_back(kWrongTypeCategory); break;
    }
  }
  CategorySummary::Scratch scratch;
  summary.update(column, column.codes, scratch);
}

rc::Gen<std::vector<Cell>> cells() {
  const auto text = [](std::string value) { return Cell{Cell::Kind::text, std::move(value)}; };
  return rc::gen::container<std::vector<Cell>>(rc::gen::weightedOneOf<Cell>(
      {{5, rc::gen::map(rc::gen::elementOf(categories()), text)},
       {3, rc::gen::map(rc::gen::inRange(0, 40), [=](int n) { return text(std::to_string(n)); })},
       {1, rc::gen::map(rc::gen::arbitrary<std::string>(), text)},
       {1, rc::gen::element(Cell{Cell::Kind::missing, ""}, Cell{Cell::Kind::wrong_type, ""})}}));
}

RC_GTEST_PROP(CategorySummary, KeepsTheMergeLaws, ()) {
  check_merge_laws(CategorySummary(3), *cells(), fold_texts, fingerprint_of<CategorySummary>);
}

RC_GTEST_PROP(CategorySummary, IsReadAsItWasWritten, ()) {
  CategorySummary summary(3);
  fold_texts(summary, *cells());
  check_stored_form_of(CategorySummary(), summary, [](ByteReader& in, CategorySummary& out) {
    return CategorySummary::read(in, 3, out);
  });
}

TEST(CategorySummary, TellsTheKindsOfCellsApart) {
  CategorySummary summary(3);
  fold_texts(summary, std::vector<Cell>{{Cell::Kind::text, "FR"},
                                        {Cell::Kind::text, "ES"},
                                        {Cell::Kind::text, "ES"},
                                        {Cell::Kind::text, ""},
                                        {Cell::Kind::missing, ""},
                                        {Cell::Kind::wrong_type, ""}});
  EXPECT_EQ(summary.counters.total(), 1U);
  EXPECT_EQ(summary.unseen.total(), 3U);
  EXPECT_EQ(summary.unseen.counts().size(), 2U);
  EXPECT_EQ(summary.missing, 1U);
  EXPECT_EQ(summary.wrong_type, 1U);
  EXPECT_EQ(summary.present(), 4U);
}

// Text i occurs 1 + i % 5 times, spread over the stream.
std::vector<Cell> many_unseen(int distinct) {
  std::vector<Cell> stream;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < distinct; ++i) {
      if (i % 5 >= round) stream.push_back({Cell::Kind::text, "id " + std::to_string(i)});
    }
  }
  return stream;
}

TEST(CategorySummary, CountsExactlyUpToItsNumberOfUnseenCategories) {
  const int distinct = UnseenCategories::kMaxUnseen;
  CategorySummary summary(3);
  fold_texts(summary, many_unseen(distinct));
  EXPECT_EQ(summary.unseen.counts().size(), UnseenCategories::kMaxUnseen);
  EXPECT_EQ(summary.unseen.other(), 0U);
  for (const auto& [key, times] : summary.unseen.counts()) {
    EXPECT_EQ(times, static_cast<std::uint64_t>(1 + std::stoi(key.text.substr(3)) % 5)) << key.text;
  }
}

TEST(CategorySummary, KeepsExactCountsOfSomeBeyondItsNumberOfUnseenCategories) {
  const std::vector<Cell> stream = many_unseen(3'000);
  CategorySummary summary(3);
  fold_texts(summary, stream);
  EXPECT_EQ(summary.unseen.counts().size(), UnseenCategories::kMaxUnseen);
  EXPECT_EQ(summary.unseen.total(), stream.size());
  std::uint64_t kept = 0;
  for (const auto& [key, times] : summary.unseen.counts()) {
    EXPECT_EQ(times, static_cast<std::uint64_t>(1 + std::stoi(key.text.substr(3)) % 5)) << key.text;
    kept += times;
  }
  EXPECT_EQ(summary.unseen.other(), stream.size() - kept);
}

TEST(CategorySummary, IsTheSameHoweverAStreamOfManyUnseenWasSplit) {
  const auto result = rc::check("any split", [] {
    check_merge_laws(CategorySummary(3), many_unseen(*rc::gen::inRange(1'000, 1'800)), fold_texts,
                     fingerprint_of<CategorySummary>);
  });
  EXPECT_TRUE(result);
}

TEST(CategorySummary, StoresManyUnseenCategories) {
  CategorySummary summary(3);
  fold_texts(summary, many_unseen(1'500));
  const std::string bytes = bytes_of(summary);
  ByteReader in(bytes);
  CategorySummary read;
  ASSERT_TRUE(CategorySummary::read(in, 3, read) && in.at_end());
  EXPECT_EQ(bytes_of(read), bytes);
  EXPECT_EQ(read.unseen.total(), summary.unseen.total());
}

}  // namespace
}  // namespace driftd
