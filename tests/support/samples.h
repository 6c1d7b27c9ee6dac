// Samples for tests: values that are hard on counters, and summaries made from raw samples.
#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "windows/reference.h"

namespace driftd {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kHuge = std::numeric_limits<double>::max();
inline constexpr double kTiny = std::numeric_limits<double>::denorm_min();

// Sixteenths in +-64: few enough to tie often, and exact in every sum.
[[nodiscard]] inline rc::Gen<double> tied_value() {
  return rc::gen::map(rc::gen::inRange(-1024, 1024), [](int n) { return n / 16.0; });
}

// Values that tie, infinities, and (rarely) values at the ends of what a double holds.
[[nodiscard]] inline rc::Gen<double> hard_value() {
  return rc::gen::weightedOneOf<double>(
      {{6, tied_value()},
       {1, rc::gen::element(kInfinity, -kInfinity)},
       {1, rc::gen::element(kHuge, -kHuge, 1e308, -1e308, kTiny, -kTiny, 0.0, -0.0)}});
}

// As a column holds them: with the marks of missing values and wrong types.
[[nodiscard]] inline rc::Gen<double> column_value() {
  return rc::gen::weightedOneOf<double>(
      {{8, tied_value()},
       {1, rc::gen::element(kInfinity, -kInfinity)},
       {1, rc::gen::element(missing_number(), wrong_type_number())}});
}

inline constexpr std::uint64_t kNoLimit = 1'000'000;

[[nodiscard]] inline NumericReference reference_of(std::vector<double> values) {
  return make_numeric_reference(std::move(values), kNoLimit);
}

// The same for a series whose detectors need what lies between the reference's values.
[[nodiscard]] inline NumericReference gap_reference_of(std::vector<double> values) {
  NumericReference reference = reference_of(std::move(values));
  reference.keeps_gaps = true;
  return reference;
}

[[nodiscard]] inline NumericSummary summary_of(const NumericReference& reference,
                                               const std::vector<double>& values) {
  NumericSummary summary(reference.index, reference.keeps_gaps);
  NumericSummary::Scratch scratch;
  summary.update(reference.index, values, scratch);
  return summary;
}

[[nodiscard]] inline CategoryReference reference_of(const std::vector<std::string>& texts) {
  return make_category_reference({texts.begin(), texts.end()}, kNoLimit);
}

// Fills a column as a source does: codes of the reference's categories, the rest as unseen texts.
inline void append(Column& column, const std::vector<std::string>& categories,
                   const std::string& text) {
  const auto at = std::lower_bound(categories.begin(), categories.end(), text);
  if (at != categories.end() && *at == text) {
    column.codes.push_back(static_cast<std::uint32_t>(at - categories.begin()));
  } else {
    column.add_unseen(text, static_cast<std::uint32_t>(categories.size()));
  }
}

inline void append(Column& column, const CategoryReference& reference, const std::string& text) {
  if (reference.others.empty() || std::ranges::binary_search(reference.categories, text)) {
    append(column, reference.categories, text);
  } else if (std::ranges::binary_search(reference.others, text)) {
    column.codes.push_back(static_cast<std::uint32_t>(reference.categories.size()));
  } else {
    column.add_unseen(text, reference.codes());
  }
}

[[nodiscard]] inline CategorySummary summary_of(const CategoryReference& reference,
                                                const std::vector<std::string>& texts) {
  Column column;
  for (const std::string& text : texts) append(column, reference, text);
  CategorySummary summary(reference.codes());
  CategorySummary::Scratch scratch;
  summary.update(column, column.codes, scratch);
  return summary;
}

}  // namespace driftd
