// The frozen baseline that windows are compared with, in the same counters as the windows
// themselves.
//
// A reference is made once from raw columns and is immutable and shared afterwards. The
// reference is itself a summary over its own index, so a detector compares like with like, and
// thinning a reference with very many distinct values only means that some of its rows lie in gaps
// between boundaries.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "windows/estimation_model.h"
#include "windows/rank_index.h"
#include "windows/series_summary.h"

namespace driftd {

// Values from `low` to `high`, both included. Both are boundaries of the counters, so that what
// lies outside is counted exactly; infinities always do.
struct ValueInterval {
  double low = 0;
  double high = 0;
  std::uint32_t low_cell = 0;
  std::uint32_t high_cell = 0;

  [[nodiscard]] std::uint64_t outside(const CellCounters& counters) const {
    return counters.outside(low_cell, high_cell);
  }
};

// What the configuration says of a series' values: at least `low`, at most `high`, which may be
// infinite.
struct ValueRange {
  double low = 0;
  double high = 0;
};

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

  // What the checks of data quality compare with (detectors/data_quality.h).
  // The configured range, or from the least to the greatest finite value; empty without any.
  std::optional<ValueInterval> range;
  // Reference rows outside of the configured range; without one the rows that would be outside of
  // the others' range.
  std::uint64_t out_of_range = 0;
  // Tukey's fences, 1.5 interquartile ranges beyond the quartiles; empty without a finite value.
  std::optional<ValueInterval> fences;
  std::uint64_t longest_run = 0;  // rows one after the other with the same value
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
  std::uint64_t longest_run = 0;  // rows one after the other with the same category
};

// However few distinct values a reference is limited to, so many categories are told apart.
inline constexpr std::uint64_t kLeastCategories = 1'000;

struct SeriesReference {
  std::string name;
  std::variant<NumericReference, CategoryReference> baseline;
  // Of a feature: how much of the predictions' variance goes with it, 0 to 1 (see
  // state/reference_influence.h); empty where that is not known.
  std::optional<double> influence = std::nullopt;
};

// How many rows the reference has in a stretch of time as long as a window. Its first and its last
// stretch do not count, as they may be cut off.
struct ReferenceVolume {
  std::uint64_t lowest = 0;
  std::uint64_t median = 0;
  std::uint64_t highest = 0;
  std::uint64_t stretches = 0;
};

struct Reference {
  std::vector<SeriesReference> series;  // by position in ModelSchema::series
  EstimationModel estimation;           // empty where nothing is estimated
  std::uint64_t rows = 0;
  std::uint64_t duplicates = 0;           // rows whose `id` an earlier one has
  std::optional<ReferenceVolume> volume;  // windows by time, and a reference with times
  std::string hash;                       // of everything above: tells one reference from another
};

// A series without any value to compare with (every cell missing) is refused by the loader.
// `distinct_limit`: beyond this many distinct values the boundaries are thinned to quantiles.
[[nodiscard]] NumericReference make_numeric_reference(std::vector<double> values,
                                                      std::uint64_t distinct_limit,
                                                      std::optional<ValueRange> range = {});
// The parts of the above, for a reference that is made of a stream (windows/reference_maker.h).
// Tukey (1977), Exploratory Data Analysis, chapter 2.
[[nodiscard]] ValueInterval tukey_fences(double first_quartile, double third_quartile);
[[nodiscard]] ValueInterval interval_of(double low, double high);
// Adds the edges and the ends of both intervals, then sorts; each value once.
void add_marks(const NumericReference& reference, std::vector<double>& boundaries);
// Fills `cumulative`, `edge_cells` and the cells of both intervals from the rest.
void complete_counts(NumericReference& reference);
// The largest share of the reference that lies strictly between two boundaries.
[[nodiscard]] double largest_gap(const NumericReference& reference);

// Canonical texts; a missing cell is an empty optional. `distinct_limit`: so many categories, but
// at least kLeastCategories, have a code of their own: the most frequent ones, of equally frequent
// ones the first in order.
[[nodiscard]] CategoryReference make_category_reference(
    const std::vector<std::optional<std::string>>& values, std::uint64_t distinct_limit);
// The same of texts that were counted.
[[nodiscard]] CategoryReference make_category_reference(
    const std::map<std::string_view, std::uint64_t>& counts, std::uint64_t missing,
    std::uint64_t longest_run, std::uint64_t distinct_limit);

// The population standard deviation (divisor n) of finite values; 0 without any.
[[nodiscard]] double population_deviation(std::span<const double> values);

// Stretches begin at multiples of their length since the epoch, as windows do. Empty where none
// lies between the first and the last.
[[nodiscard]] std::optional<ReferenceVolume> reference_volume(std::vector<TimeMs> times,
                                                              DurationMs stretch);
// The same of rows that were counted by stretch.
using StretchRows = std::map<std::int64_t, std::uint64_t>;
[[nodiscard]] std::int64_t stretch_of(TimeMs time, DurationMs stretch);
[[nodiscard]] std::optional<ReferenceVolume> reference_volume(const StretchRows& rows);

// The edges k/10, k = 1..9, of sorted finite values, in the form that NumPy's `linear` method has
// for tied values too; repeated edges are given once.
[[nodiscard]] std::vector<double> decile_edges(std::span<const double> sorted);

}  // namespace driftd
