// What a window detector looks at: two samples of one series, in the form that every statistic can
// be read from.
//
// Made once for a window and series (or from two files, by `driftd compare`) and handed to each
// detector. Thread rule: pure. Allocation rule: may allocate. Cannot fail.
#pragma once

#include <cstdint>
#include <span>
#include <variant>

#include "detectors/bins.h"
#include "detectors/rank_table.h"
#include "windows/reference.h"

namespace driftd {

// What the table of ranks does not tell of one of the samples.
struct SampleMoments {
  Moments moments;  // of the finite values
  std::uint64_t non_finite = 0;
  double deviation = 0;  // population standard deviation; of the reference only
};

struct NumericComparison {
  RankTable ranks;
  BinCounts bins;
  SampleMoments reference;
  SampleMoments current;
  // Both samples are at hand as they are, and there is time: p-values may be exact where that is
  // costly.
  bool is_offline = false;
};

using Comparison = std::variant<NumericComparison, BinCounts>;

[[nodiscard]] NumericComparison compare(const NumericReference& reference,
                                        const NumericSummary& current);
[[nodiscard]] BinCounts compare(const CategoryReference& reference, const CategorySummary& current);
// Both of the reference's type.
[[nodiscard]] Comparison compare(const SeriesReference& reference, const SeriesSummary& current);

// Two samples as they are; values that are missing (NaN) must have been left out. Sorts them.
[[nodiscard]] NumericComparison compare_samples(std::span<double> reference,
                                                std::span<double> current);

}  // namespace driftd
