// Pearson's chi-square test of homogeneity on the 2 x bins table of counts of reference and window.
//
// Bins that are empty in both are left out; degrees of freedom = bins - 1; no continuity
// correction; a single bin gives 0 and p = 1. The effect is Cramer's V, here sqrt(chi2 / N) because
// the table has two rows. Source: Pearson (1900); Cramer (1946), chapter 21.
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome chi2(const CategoryReference& reference, const CategorySummary& current);

}  // namespace driftd
