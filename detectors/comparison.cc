#include "detectors/comparison.h"

#include <algorithm>
#include <cmath>

namespace driftd {
namespace {

// The finite ones of a sorted sample.
[[nodiscard]] std::span<const double> finite_part(std::span<const double> sorted) {
  const auto first =
      std::find_if(sorted.begin(), sorted.end(), [](double v) { return v > -INFINITY; });
  const auto last = std::lower_bound(first, sorted.end(), INFINITY);
  return {first, last};
}

[[nodiscard]] SampleMoments moments_of_sample(std::span<const double> sorted) {
  const std::span<const double> finite = finite_part(sorted);
  return {moments_of(finite), sorted.size() - finite.size(), population_deviation(finite)};
}

}  // namespace

NumericComparison compare(const NumericReference& reference, const NumericSummary& current) {
  NumericComparison made;
  made.ranks = rank_table(reference, current);
  made.bins = bin_counts(reference, current);
  made.reference = {reference.summary.moments, reference.summary.non_finite, reference.deviation};
  made.current = {current.moments, current.non_finite, 0};
  return made;
}

BinCounts compare(const CategoryReference& reference, const CategorySummary& current) {
  return bin_counts(reference, current);
}

Comparison compare(const SeriesReference& reference, const SeriesSummary& current) {
  if (const auto* numeric = std::get_if<NumericReference>(&reference.baseline))
    return compare(*numeric, std::get<NumericSummary>(current));
  return compare(std::get<CategoryReference>(reference.baseline),
                 std::get<CategorySummary>(current));
}

NumericComparison compare_samples(std::span<double> reference, std::span<double> current) {
  std::sort(reference.begin(), reference.end());
  std::sort(current.begin(), current.end());
  NumericComparison made;
  made.ranks = rank_table(reference, current);
  made.bins = bin_counts(reference, current, decile_edges(finite_part(reference)));
  made.reference = moments_of_sample(reference);
  made.current = moments_of_sample(current);
  made.is_offline = true;
  return made;
}

}  // namespace driftd
