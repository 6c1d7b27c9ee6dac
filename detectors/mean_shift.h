// Welch's t test: whether the means differ, without assuming equal variances.
//
// t = (mean of the window - mean of the reference) / sqrt(v/n + w/m), with the unbiased variances v
// and w and Welch and Satterthwaite's degrees of freedom; positive where the mean has risen. It is
// SciPy's ttest_ind(current, reference, equal_var=False). Not defined below 2 values a side, with
// an infinite value, or where both samples are constant. Limits apply to |t|. The effect is Cohen's
// d, |difference| / sqrt((v + w) / 2); 0.2 is a small one. Assumes means that are nearly normal
// (many rows, tails that are not heavy). Source: Welch (1947), Biometrika 34; Cohen, Statistical
// Power Analysis (1988), equation 2.3.2.
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome mean_shift(const NumericComparison& samples);

}  // namespace driftd
