// Pearson's chi-square test of homogeneity on the 2 x bins table of counts of reference and window.
//
// Bins that are empty in both are left out; degrees of freedom = bins - 1; no continuity
// correction; a single bin gives 0 and p = 1. The effect is Cohen's w of the two samples' shares,
// sqrt(chi2 (n + m) / (n m)), which grows with neither sample's size.
// Source: Pearson (1900); Cohen, Statistical Power Analysis (1988), chapter 7.
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome chi2(const CategoryReference& reference, const CategorySummary& current);

}  // namespace driftd
