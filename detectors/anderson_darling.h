// The k-sample Anderson-Darling test for two samples: squared distances of the distribution
// functions, weighted so that both tails count.
//
// With pooled distinct values z_j, l_j rows of both samples at z_j, B_j the rows below plus half of
// l_j, M_j the same of one sample of n rows, N = all rows, summed over both samples:
//   A2 = (N - 1)/N sum_samples 1/n sum_j l_j/N (N M_j - n B_j)^2 / (B_j (N - B_j) - N l_j/4),
// published as SciPy's anderson_ksamp(midrank=True) does: (A2 - 1) / sigma, which is negative where
// the samples are closer than chance. All values equal, or fewer than 4 rows: not defined. p-value:
// SciPy's, the quadratic through Scholz and Stephens' critical points in log p, kept within
// [0.001, 0.25]. The effect is sqrt(A2 N / (nm)), a weighted root mean squared distance. Rows of
// open groups (rank_table.h) count as equal where both samples have some, else as distinct; no
// bound is known for that. Source: Scholz and Stephens (1987), J. Am. Stat. Assoc. 82.
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome anderson_darling(const NumericComparison& samples);

}  // namespace driftd
