// Two tests of homogeneity on the 2 x bins table of counts of reference and window (bins.h).
//
// chi2: Pearson's, the sum of (observed - expected)^2 / expected. Pearson (1900), Phil. Mag. 50.
// g_test: the likelihood ratio, 2 sum of observed ln(observed / expected). Wilks (1938), Ann. Math.
//   Stat. 9; SciPy's chi2_contingency(lambda_="log-likelihood").
//
// Bins that are empty in both are left out; degrees of freedom = bins - 1; no continuity
// correction; a single bin gives 0 and p = 1. The effect is Cohen's w of the two samples' shares,
// sqrt(statistic (n + m) / (n m)), which grows with neither sample's size; 0.3 is a medium one
// (Cohen, Statistical Power Analysis, 1988, chapter 7). Both assume independent rows and expected
// counts that are not tiny.
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome chi2(const BinCounts& bins);
[[nodiscard]] Outcome g_test(const BinCounts& bins);

}  // namespace driftd
