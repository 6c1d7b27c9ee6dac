// Kuiper's two-sample test: the sum of the largest distances of the distribution functions to
// either side.
//
// V = D+ + D-, D+ = max(F_current - F_reference), D- = max(F_reference - F_current). As sensitive
// in the tails as at the median, and the same wherever a circle (hour of day) is cut. p-value, the
// limit law with its first correction, with z = V sqrt(nm / (n + m)):
//   sum over k of 2 (4 k^2 z^2 - 1) e^(-2 k^2 z^2)
//   - (8 V / 3) sum over k of k^2 (4 k^2 z^2 - 3) e^(-2 k^2 z^2), clamped to [0, 1].
// It is poor below some 20 rows a side. The effect is V. For a thinned reference each of the two
// distances may be too small by the table's thinning error. Source: Kuiper (1960), Proc. Kon. Ned.
// Akad. Wet. A 63; Stephens (1965), Biometrika 52.
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome kuiper(const NumericComparison& samples);
// P(V >= v) at the effective sample size nm / (n + m).
[[nodiscard]] double kuiper_sf(double v, double effective_size);

}  // namespace driftd
