// Two-sample Kolmogorov-Smirnov test: the largest distance between the two distribution functions.
//
// D = max over x of |F_current(x) - F_reference(x)|. Both functions are constant or monotone inside
// a cell of the counters, so the maximum lies at the end of a cell and D is exact (for a thinned
// reference: up to its error bound). p-value: SciPy's ks_2samp(method="asymp"): the exact
// one-sample distribution at n = round(nm / (n + m)), half to even. Source: Hodges (1958);
// distribution: Simard and L'Ecuyer (2011), kolmogorov.h.
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome ks(const NumericReference& reference, const NumericSummary& current);

}  // namespace driftd
