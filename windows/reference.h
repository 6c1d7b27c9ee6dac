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
};

struct CategoryReference {
  std::vector<std::string> categories;  // sorted; position = code
  CategorySummary summary;
  std::vector<std::uint64_t> counts;  // by code
};

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
// Canonical texts; a missing cell is an empty optional.
[[nodiscard]] CategoryReference make_category_reference(
    const std::vector<std::optional<std::string>>& values);

// The edges k/10, k = 1..9, of sorted finite values, in the form that NumPy's `linear` method has
// for tied values too; repeated edges are given once.
[[nodiscard]] std::vector<double> decile_edges(const std::vector<double>& sorted);

}  // namespace driftd
