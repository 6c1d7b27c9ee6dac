#include "detectors/calibration/signed_series.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/check.h"
#include "detectors/calibration/normal.h"

namespace driftd {
namespace {

// Of the squares of normal scores it is 2 for a continuous column and 0 for a fair coin. Below this
// the variance of a window says nothing that its location does not.
constexpr double kLeastVarianceOfSquares = 0.2;
constexpr std::size_t kLeastDistinctForSpread = 3;

[[nodiscard]] std::vector<std::uint64_t> counts_of(const CellCounters& counters) {
  std::vector<std::uint64_t> counts(counters.cells(), 0);
  counters.add_to(counts);
  return counts;
}

// The value below which a share of the reference lies, linear between boundaries.
[[nodiscard]] double quantile_of(const NumericReference& reference, double share) {
  const auto boundaries = reference.index.boundaries();
  const auto rows = static_cast<double>(reference.cumulative.back());
  const double rank = share * rows;
  // Cell 2i + 1 is boundary i; half of a tied value's rows lie on either side of its middle.
  double last_rank = 0;
  for (std::size_t i = 0; i < boundaries.size(); ++i) {
    const auto below = static_cast<double>(reference.cumulative[2 * i]);
    const auto up_to = static_cast<double>(reference.cumulative[2 * i + 1]);
    const double middle = 0.5 * (below + up_to);
    if (middle >= rank) {
      if (i == 0 || middle == last_rank) return boundaries[i];
      const double part = (rank - last_rank) / (middle - last_rank);
      return boundaries[i - 1] + part * (boundaries[i] - boundaries[i - 1]);
    }
    last_rank = middle;
  }
  return boundaries.back();
}

}  // namespace

SignedSeries::SignedSeries(const Reference& reference) {
  for (std::size_t i = 0; i < reference.series.size(); ++i) {
    const auto column = static_cast<std::uint32_t>(i);
    const auto& baseline = reference.series[i].baseline;
    if (const auto* numeric = std::get_if<NumericReference>(&baseline)) {
      add_numeric(column, *numeric);
    } else {
      add_categories(column, std::get<CategoryReference>(baseline));
    }
  }
}

void SignedSeries::add_numeric(std::uint32_t column, const NumericReference& reference) {
  NumericColumn made;
  const std::vector<std::uint64_t> counts = counts_of(reference.summary.counters);
  std::size_t occupied = 0;
  for (std::size_t cell = 0; cell < counts.size(); ++cell) {
    if (counts[cell] == 0) continue;
    ++occupied;
    made.constant_cell = static_cast<std::uint32_t>(cell);
  }
  made.constant = occupied <= 1;
  if (made.constant) {
    specs_.push_back({column, SeriesKind::unseen});
  } else {
    made.scores = normal_scores(reference.cumulative);
    const LocationAndSpread own = location_and_spread(made.scores, counts);
    made.spread =
        occupied >= kLeastDistinctForSpread && own.spread.variance >= kLeastVarianceOfSquares;
    specs_.push_back({column, SeriesKind::location});
    if (made.spread) specs_.push_back({column, SeriesKind::spread});
  }
  specs_.push_back({column, SeriesKind::missing});
  columns_.emplace_back(std::move(made));
}

void SignedSeries::add_categories(std::uint32_t column, const CategoryReference& reference) {
  CategoryColumn made;
  made.codes.resize(reference.categories.size());
  std::iota(made.codes.begin(), made.codes.end(), 0U);
  if (made.codes.size() > kMaxCategorySeries) {
    std::ranges::stable_sort(made.codes, [&](std::uint32_t a, std::uint32_t b) {
      return reference.counts[a] > reference.counts[b];
    });
    made.codes.resize(kMaxCategorySeries);
    std::ranges::sort(made.codes);
    made.others = true;
  }
  for (const std::uint32_t code : made.codes) {
    specs_.push_back({column, SeriesKind::category, code});
  }
  if (made.others) specs_.push_back({column, SeriesKind::category, kOtherCategories});
  specs_.push_back({column, SeriesKind::unseen});
  specs_.push_back({column, SeriesKind::missing});
  columns_.emplace_back(std::move(made));
}

void SignedSeries::append(const NumericColumn& column, const NumericSummary& window,
                          std::vector<Point>& out) {
  const std::vector<std::uint64_t> counts = counts_of(window.counters);
  const auto present = static_cast<double>(window.present());
  if (column.constant) {
    const auto same = column.constant_cell < counts.size() ? counts[column.constant_cell] : 0;
    out.push_back({present - static_cast<double>(same), 0, present});
  } else {
    const LocationAndSpread points = location_and_spread(column.scores, counts);
    out.push_back(points.location);
    if (column.spread) out.push_back(points.spread);
  }
  const auto unusable = static_cast<double>(window.missing + window.wrong_type);
  out.push_back({unusable, 0, present + unusable});
}

void SignedSeries::append(const CategoryColumn& column, const CategorySummary& window,
                          std::vector<Point>& out) {
  const std::vector<std::uint64_t> counts = counts_of(window.counters);
  const auto present = static_cast<double>(window.present());
  std::uint64_t own = 0;
  for (const std::uint32_t code : column.codes) {
    out.push_back({static_cast<double>(counts[code]), 0, present});
    own += counts[code];
  }
  if (column.others) {
    out.push_back({static_cast<double>(window.counters.total() - own), 0, present});
  }
  out.push_back({static_cast<double>(window.unseen.total()), 0, present});
  const auto unusable = static_cast<double>(window.missing + window.wrong_type);
  out.push_back({unusable, 0, present + unusable});
}

std::vector<Point> SignedSeries::points(std::span<const SeriesSummary> window) const {
  DRIFTD_CHECK(window.size() == columns_.size());
  std::vector<Point> out;
  out.reserve(specs_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (const auto* numeric = std::get_if<NumericColumn>(&columns_[i])) {
      append(*numeric, std::get<NumericSummary>(window[i]), out);
    } else {
      append(std::get<CategoryColumn>(columns_[i]), std::get<CategorySummary>(window[i]), out);
    }
  }
  return out;
}

std::vector<Point> SignedSeries::points_of(const Reference& reference) const {
  DRIFTD_CHECK(reference.series.size() == columns_.size());
  std::vector<Point> out;
  out.reserve(specs_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto& baseline = reference.series[i].baseline;
    if (const auto* numeric = std::get_if<NumericColumn>(&columns_[i])) {
      append(*numeric, std::get<NumericReference>(baseline).summary, out);
    } else {
      append(std::get<CategoryColumn>(columns_[i]), std::get<CategoryReference>(baseline).summary,
             out);
    }
  }
  return out;
}

double shift_in_own_unit(const NumericReference& reference, double expected, double effect) {
  if (reference.cumulative.empty() || reference.cumulative.back() == 0) return 0;
  if (reference.index.boundaries().empty()) return 0;
  return quantile_of(reference, normal_tail(-(expected + effect))) -
         quantile_of(reference, normal_tail(-expected));
}

}  // namespace driftd
