// The frozen baseline that windows are compared with, in the same counters as the windows
// themselves.
//
// A reference is made once from raw columns and is immutable and shared afterwards. The
// reference is itself a summary over its own index, so a detector compares like with like, and
// thinning a reference with very many distinct values only means that some of its rows lie in gaps
// between boundaries.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "windows/estimation_model.h"
#include "windows/rank_index.h"
#include "windows/series_summary.h"

namespace driftd {

struct NumericReference {
  RankIndex index;
  NumericSummary summary;
  // Reference rows in or below cell i.
  std::vector<std::uint64_t> cumulative;
  // Decile bins: `edge_cells[k]` is the cell of the values equal to the k-th edge, the last one of
  // bin k.
  std::vector<double> edges;
  std::vector<std::uint32_t> edge_cells;
  std::uint64_t distinct = 0;
  // How far a distribution function may be off because the reference was thinned; 0 where it was
  // not.
  double thinning_error = 0;
  // The sum of the finite reference values in each gap, by cell / 2; empty where it was not thinned
  // and the gaps hold none.
  std::vector<ExactSum> gap_sums;
  // The population standard deviation of the finite values, also where their squares are beyond a
  // double's range.
  double deviation = 0;
  // Whether windows keep the values between the boundaries: the loader sets it where a detector of
  // the series needs them.
  bool keeps_gaps = false;
};

struct CategoryReference {
  std::vector<std::string> categories;  // sorted; position = code
  // Beyond the limit the least frequent ones, sorted; they share the code behind the others.
  std::vector<std::string> others;
  CategorySummary summary;
  std::vector<std::uint64_t> counts;  // by code

  [[nodiscard]] std::uint32_t codes() const {
    return static_cast<std::uint32_t>(categories.size()) + (others.empty() ? 0 : 1);
  }
};

// However few distinct values a reference is limited to, so many categories are told apart.
inline constexpr std::uint64_t kLeastCategories = 1'000;

struct SeriesReference {
  std::string name;
  std::variant<NumericReference, CategoryReference> baseline;
};

struct Reference {
  std::vector<SeriesReference> series;  // by position in ModelSchema::series
  EstimationModel estimation;           // empty where nothing is estimated
  std::uint64_t rows = 0;
  std::string hash;  // of everything above: tells one reference from another
};

// A series without any value to compare with (every cell missing) is refused by the loader.
// `distinct_limit`: beyond this many distinct values the boundaries are thinned to quantiles.
[[nodiscard]] NumericReference make_numeric_reference(std::vector<double> values,
                                                      std::uint64_t distinct_limit);
// Canonical texts; a missing cell is an empty optional. `distinct_limit`: so many categories, but
// at least kLeastCategories, have a code of their own: the most frequent ones, of equally frequent
// ones the first in order.
[[nodiscard]] CategoryReference make_category_reference(
    const std::vector<std::optional<std::string>>& values, std::uint64_t distinct_limit);

// The population standard deviation (divisor n) of finite values; 0 without any.
[[nodiscard]] double population_deviation(std::span<const double> values);

// The edges k/10, k = 1..9, of sorted finite values, in the form that NumPy's `linear` method has
// for tied values too; repeated edges are given once.
[[nodiscard]] std::vector<double> decile_edges(std::span<const double> sorted);

}  // namespace driftd
