// Two-sample Kolmogorov-Smirnov test: the largest distance between the two distribution functions.
//
// D = max over x of |F_current(x) - F_reference(x)|, where both functions are constant or monotone
// inside a group of the table, so that the maximum lies at the end of one. Exact; for a thinned
// reference too small by at most the table's thinning error, which is the bound. p-value: SciPy's
// ks_2samp(method="asymp"), the exact one-sample distribution at n = round(nm / (n + m)), half to
// even. The effect is D. Source: Hodges (1958); distribution: Simard and L'Ecuyer (2011),
// kolmogorov.h.
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome ks(const NumericComparison& samples);

}  // namespace driftd
