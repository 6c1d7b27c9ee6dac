// Mann-Whitney U (Wilcoxon rank sum): which sample tends to be larger.
//
// U = number of pairs (reference, current) in which the reference's value is larger, ties one half;
// with m and n rows it is mn/2 where neither is. p-value, two-sided: normal with the variance
// corrected for ties and a continuity correction of 1/2 (1 where all values are equal), as SciPy's
// mannwhitneyu(method="asymptotic"); offline, without ties and up to kMaxExactMannWhitney rows
// each, exact. The effect is Cliff's delta, |1 - 2 U / (mn)|, from 0.147 on more than negligible
// (Romano et al. 2006). Pairs within an open group (rank_table.h) count one half, and half their
// number is the bound. Source: Mann and Whitney (1947), Ann. Math. Stat. 18.
#pragma once

#include <cstdint>

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome mann_whitney(const NumericComparison& samples);
// P(U >= u) without ties, counted exactly: at most kMaxExactMannWhitney rows on each side.
inline constexpr std::uint64_t kMaxExactMannWhitney = 20;
[[nodiscard]] double mann_whitney_exact_sf(std::uint64_t u, std::uint64_t reference,
                                           std::uint64_t current);

}  // namespace driftd
