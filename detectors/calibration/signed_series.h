// From a reference and a window's summaries to the points of all signed series.
//
// | column | series |
// | numeric | location, spread, missing |
// | numeric with one distinct reference value | unseen (any other value), missing |
// | categorical | a share per category, unseen, missing |
//
// A column that is constant in the reference has no normal scores: whatever comes scores 0. What
// can change is that other values come, and that is a share. Spread needs three distinct values
// (with two it is a function of location) and squares of scores that vary. A column with more
// categories than `kMaxCategorySeries` gives the most frequent ones (ties: the smaller code) a
// series each and the rest one together. `missing` counts every prediction without a usable value,
// so also one of a wrong type; shares of categories are of the values present, so that missing
// values do not move them.
//
// Thread rule: immutable once made, shared. Allocation rule: `points` allocates (once a window).
// Cannot fail: the summaries must be of the reference's columns.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "detectors/calibration/normal_scores.h"
#include "detectors/calibration/points.h"
#include "windows/reference.h"

namespace driftd {

inline constexpr std::uint32_t kMaxCategorySeries = 64;

class SignedSeries {
 public:
  explicit SignedSeries(const Reference& reference);

  // In the order of every other vector of the calibration: by column, then by kind.
  [[nodiscard]] const std::vector<SeriesSpec>& specs() const { return specs_; }

  // One point for each of `specs()`; `window` is by position in Reference::series.
  [[nodiscard]] std::vector<Point> points(std::span<const SeriesSummary> window) const;
  // The same of the reference's own rows: what a baseline without times is anchored to.
  [[nodiscard]] std::vector<Point> points_of(const Reference& reference) const;

 private:
  struct NumericColumn {
    NormalScores scores;
    bool constant = false;
    std::uint32_t constant_cell = 0;
    bool spread = false;
  };
  struct CategoryColumn {
    std::vector<std::uint32_t> codes;  // with a series of their own, ascending
    bool others = false;
  };
  void add_numeric(std::uint32_t column, const NumericReference& reference);
  void add_categories(std::uint32_t column, const CategoryReference& reference);
  static void append(const NumericColumn& column, const NumericSummary& window,
                     std::vector<Point>& out);
  static void append(const CategoryColumn& column, const CategorySummary& window,
                     std::vector<Point>& out);

  std::vector<SeriesSpec> specs_;
  std::vector<std::variant<NumericColumn, CategoryColumn>> columns_;
};

// How far a shift of location is in the column's own unit: what the reference's quantile function
// does between the normal scores `expected` and `expected + effect`. For a column whose reference
// is normal that is the effect times its standard deviation.
[[nodiscard]] double shift_in_own_unit(const NumericReference& reference, double expected,
                                       double effect);

}  // namespace driftd
