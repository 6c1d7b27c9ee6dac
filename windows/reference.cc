#include "windows/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/check.h"
#include "windows/order_statistics.h"

namespace driftd {
namespace {

// At most `limit` of the sorted distinct values, the ones at evenly spaced ranks of the sample,
// ends included.
[[nodiscard]] std::vector<double> thinned(const std::vector<double>& sorted, std::uint64_t limit) {
  std::vector<double> kept;
  kept.reserve(limit);
  for (std::uint64_t i = 0; i < limit; ++i) {
    const double value = sorted[spaced_rank(sorted.size(), limit, i)];
    if (kept.empty() || value > kept.back()) kept.push_back(value);
  }
  return kept;
}

// How many of the values follow one another unchanged, at most; missing ones are passed over.
template <typename Value>
[[nodiscard]] std::uint64_t longest_run(const std::vector<Value>& values, auto is_missing) {
  std::uint64_t longest = 0;
  std::uint64_t run = 0;
  const Value* last = nullptr;
  for (const Value& value : values) {
    if (is_missing(value)) continue;
    run = last != nullptr && *last == value ? run + 1 : 1;
    last = &value;
    longest = std::max(longest, run);
  }
  return longest;
}

[[nodiscard]] double quantile(std::span<const double> sorted, double share) {
  const QuantilePlace place = quantile_place(sorted.size(), share);
  return interpolated(sorted[place.below], sorted[place.above], place.rest);
}

// Where the reference itself made the range: its rows that no other row's value is as far out as,
// each of which would be outside if the range were made of the others.
[[nodiscard]] std::uint64_t rows_at_the_ends(const std::vector<double>& sorted) {
  if (sorted.size() < 2) return sorted.size();
  return static_cast<std::uint64_t>(sorted[0] < sorted[1]) +
         static_cast<std::uint64_t>(sorted[sorted.size() - 2] < sorted.back());
}

}  // namespace

std::vector<double> decile_edges(std::span<const double> sorted) {
  std::vector<double> edges;
  if (sorted.empty()) return edges;
  for (int k = 1; k <= 9; ++k) {
    const double edge = quantile(sorted, k / 10.0);
    if (edges.empty() || edge > edges.back()) edges.push_back(edge);
  }
  return edges;
}

double population_deviation(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  if (largest == 0) return 0;
  // By a power of two, so that nothing is rounded, and neither the sum nor a square can leave the
  // range of a double at either end.
  constexpr int kFarthest = 1'000;
  const int exponent = std::clamp(std::ilogb(largest), -kFarthest, kFarthest);
  const double scale = std::ldexp(1.0, -exponent);
  const auto rows = static_cast<double>(values.size());
  // From the first value on: values that are large beside their spread would lose it.
  const double pivot = values.front() * scale;
  double mean = 0;
  for (const double value : values) mean += value * scale - pivot;
  mean /= rows;
  double squares = 0;
  for (const double value : values) {
    const double distance = (value * scale - pivot) - mean;
    squares += distance * distance;
  }
  return std::ldexp(std::sqrt(squares / rows), exponent);
}

// Infinite ends become the largest finite ones, beyond which infinities still lie.
ValueInterval interval_of(double low, double high) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  return {.low = std::max(low, -kLargest) + 0.0, .high = std::min(high, kLargest) + 0.0};
}

ValueInterval tukey_fences(double first_quartile, double third_quartile) {
  const double reach = 1.5 * (third_quartile - first_quartile);
  return interval_of(first_quartile - reach, third_quartile + reach);
}

double largest_gap(const NumericReference& reference) {
  std::uint64_t largest = 0;
  for (std::size_t cell = 0; cell < reference.cumulative.size(); cell += 2) {
    const std::uint64_t below = cell == 0 ? 0 : reference.cumulative[cell - 1];
    largest = std::max(largest, reference.cumulative[cell] - below);
  }
  return static_cast<double>(largest) / static_cast<double>(reference.cumulative.back());
}

void complete_counts(NumericReference& reference) {
  reference.cumulative.assign(reference.index.cells(), 0);
  reference.summary.counters.add_to(reference.cumulative);
  for (std::size_t cell = 1; cell < reference.cumulative.size(); ++cell) {
    reference.cumulative[cell] += reference.cumulative[cell - 1];
  }
  reference.edge_cells.clear();
  for (const double edge : reference.edges)
    reference.edge_cells.push_back(reference.index.cell(edge));
  for (auto* interval : {&reference.range, &reference.fences}) {
    if (!*interval) continue;
    (*interval)->low_cell = reference.index.cell((*interval)->low);
    (*interval)->high_cell = reference.index.cell((*interval)->high);
  }
}

void add_marks(const NumericReference& reference, std::vector<double>& boundaries) {
  boundaries.insert(boundaries.end(), reference.edges.begin(), reference.edges.end());
  for (const auto& interval : {reference.range, reference.fences}) {
    if (interval) boundaries.insert(boundaries.end(), {interval->low, interval->high});
  }
  std::sort(boundaries.begin(), boundaries.end());
  boundaries.erase(std::unique(boundaries.begin(), boundaries.end()), boundaries.end());
}

NumericReference make_numeric_reference(std::vector<double> values, std::uint64_t distinct_limit,
                                        std::optional<ValueRange> range) {
  NumericReference reference;
  std::vector<double> present;
  present.reserve(values.size());
  for (const double value : values) {
    if (!std::isnan(value)) present.push_back(value + 0.0);  // -0 is 0
  }
  std::sort(present.begin(), present.end());

  std::vector<double> finite;
  std::copy_if(present.begin(), present.end(), std::back_inserter(finite),
               [](double value) { return std::isfinite(value); });
  reference.edges = decile_edges(finite);
  reference.deviation = population_deviation(finite);
  if (range) {
    reference.range = interval_of(range->low, range->high);
  } else if (!finite.empty()) {
    reference.range = interval_of(finite.front(), finite.back());
  }
  if (!finite.empty())
    reference.fences = tukey_fences(quantile(finite, 0.25), quantile(finite, 0.75));

  std::vector<double> boundaries = present;
  boundaries.erase(std::unique(boundaries.begin(), boundaries.end()), boundaries.end());
  reference.distinct = boundaries.size();
  if (boundaries.size() > distinct_limit) boundaries = thinned(present, distinct_limit);
  add_marks(reference, boundaries);
  reference.index = RankIndex(std::move(boundaries));
  reference.summary = NumericSummary(reference.index);
  NumericSummary::Scratch scratch;
  reference.summary.update(reference.index, values, scratch);
  complete_counts(reference);
  if (reference.range)
    reference.out_of_range = reference.range->outside(reference.summary.counters);
  if (!range) reference.out_of_range += rows_at_the_ends(finite);
  reference.longest_run = longest_run(values, [](double value) { return std::isnan(value); });
  if (reference.distinct > distinct_limit) {
    reference.thinning_error = largest_gap(reference);
    reference.gap_sums.assign(reference.index.cells() / 2 + 1, {});
    for (const double value : finite) {
      const std::uint32_t cell = reference.index.cell(value);
      if (cell % 2 == 0) reference.gap_sums[cell / 2].add(value);
    }
  }
  return reference;
}

CategoryReference make_category_reference(const std::map<std::string_view, std::uint64_t>& counts,
                                          std::uint64_t missing, std::uint64_t longest_run,
                                          std::uint64_t distinct_limit) {
  CategoryReference reference;
  std::vector<std::pair<std::uint64_t, std::string_view>> order;
  order.reserve(counts.size());
  for (const auto& [text, times] : counts) order.emplace_back(times, text);
  const std::uint64_t limit = std::max(distinct_limit, kLeastCategories);
  if (order.size() > limit) {
    std::ranges::stable_sort(order, std::ranges::greater(),
                             [](const auto& one) { return one.first; });
    reference.others.reserve(order.size() - limit);
    for (std::size_t i = limit; i < order.size(); ++i)
      reference.others.emplace_back(order[i].second);
    order.resize(limit);
    std::ranges::sort(order, {}, [](const auto& one) { return one.second; });
    std::ranges::sort(reference.others);
  }
  reference.counts.assign(order.size() + (reference.others.empty() ? 0 : 1), 0);
  for (std::size_t code = 0; code < order.size(); ++code) {
    reference.categories.emplace_back(order[code].second);
    reference.counts[code] = order[code].first;
  }
  for (const std::string& text : reference.others) reference.counts.back() += counts.at(text);
  reference.summary = CategorySummary(reference.codes());
  reference.summary.missing = missing;
  for (std::uint32_t code = 0; code < reference.codes(); ++code)
    reference.summary.counters.add(code, reference.counts[code]);
  reference.longest_run = longest_run;
  return reference;
}

CategoryReference make_category_reference(const std::vector<std::optional<std::string>>& values,
                                          std::uint64_t distinct_limit) {
  std::map<std::string_view, std::uint64_t> counts;
  std::uint64_t missing = 0;
  for (const auto& value : values) value ? ++counts[*value] : ++missing;
  const std::uint64_t run =
      longest_run(values, [](const std::optional<std::string>& value) { return !value; });
  return make_category_reference(counts, missing, run, distinct_limit);
}

std::int64_t stretch_of(TimeMs time, DurationMs stretch) {
  return time / stretch - (time % stretch < 0 ? 1 : 0);
}

std::optional<ReferenceVolume> reference_volume(const StretchRows& rows) {
  if (rows.empty()) return std::nullopt;
  const std::int64_t first = rows.begin()->first;
  const std::int64_t last = rows.rbegin()->first;
  if (last - first < 2) return std::nullopt;
  std::vector<std::uint64_t> filled;
  for (const auto& [number, count] : rows) {
    if (number > first && number < last) filled.push_back(count);
  }
  // Stretches without a row are not listed: there may be very many.
  ReferenceVolume volume;
  volume.stretches = static_cast<std::uint64_t>(last - first - 1);
  std::sort(filled.begin(), filled.end());
  const std::uint64_t empty = volume.stretches - filled.size();
  const auto ranked = [&](std::uint64_t rank) { return rank < empty ? 0 : filled[rank - empty]; };
  volume.lowest = ranked(0);
  volume.median = ranked((volume.stretches - 1) / 2);
  volume.highest = ranked(volume.stretches - 1);
  return volume;
}

std::optional<ReferenceVolume> reference_volume(std::vector<TimeMs> times, DurationMs stretch) {
  StretchRows rows;
  for (const TimeMs time : times) ++rows[stretch_of(time, stretch)];
  return reference_volume(rows);
}

}  // namespace driftd
