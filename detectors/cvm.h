// Two-sample Cramer-von Mises test: the mean squared distance of the distribution functions.
//
// With mean ranks r_i, s_j of the reference's and the window's sorted values in the pooled sample:
// U = m sum (r_i - i)^2 + n sum (s_j - j)^2, T = U / (nm(n + m)) - (4nm - 1) / (6(n + m)), as
// SciPy's cramervonmises_2samp. Fewer than 2 values on a side: not defined. p-value: asymptotic,
// with T standardised by its exact mean and variance and the limit law's series cut at terms below
// 1e-7 as SciPy cuts it (so p-values below 1e-6 are of that size only by order); offline and up to
// 20 values each, exact. Over open groups (rank_table.h) T is that of rows in mid-group, off by at
// most the bound. The effect is the root of the mean squared
// distance of the distribution functions over the pooled values; without ties that is about
// sqrt(T (n + m) / (nm)), while ties make T large even where the samples are the same.
// Source: Anderson (1962), Ann. Math. Stat. 33; exact: Xiao, Gordon and Yakovlev (2007), J. Stat.
// Software 17(8).
#pragma once

#include <cstdint>

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome cvm(const NumericComparison& samples);
// P(T >= t) in the limit of large samples.
[[nodiscard]] double cvm_sf(double t, std::uint64_t reference, std::uint64_t current);
// P(U >= u) exactly, without ties, for twelve times U; at most kMaxExactCvm rows on each side.
inline constexpr std::uint64_t kMaxExactCvm = 20;
[[nodiscard]] double cvm_exact_sf(std::int64_t twelve_u, std::uint64_t reference,
                                  std::uint64_t current);

}  // namespace driftd
