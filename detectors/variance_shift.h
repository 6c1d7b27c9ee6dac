// Brown and Forsythe's test (Levene's with medians): whether the spreads differ.
//
// With z = |x - median of its sample|, W = (N - 2) sum_samples n (mean z - overall mean z)^2 /
// sum (z - mean z of its sample)^2, which is F(1, N - 2) without drift; SciPy's
// levene(center="median"). Not defined with an infinite value, below 3 rows, or where every
// distance equals its sample's mean distance (constant columns). The effect is |ln of the ratio of
// the mean distances|; 0.2 is a spread 22 % larger or 18 % smaller. Unlike the F test of variances
// it does not take a heavy tail for a change. It needs the values; of an open group (rank_table.h)
// their sums do, except that a median inside one is taken as the group's mean. Source: Brown and
// Forsythe (1974), J. Am. Stat. Assoc. 69.
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome variance_shift(const NumericComparison& samples);

}  // namespace driftd
