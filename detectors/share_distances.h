// Four distances of two distributions over the bins of bins.h, all between 0 and 1, without a
// p-value. p is a bin's share in the reference, q in the window; nothing is floored.
//
// js: Jensen-Shannon distance to base 2, the root of half the sum of p log2(2p/(p+q)) +
//   q log2(2q/(p+q)): SciPy's jensenshannon(base=2), not its square. Lin (1991), IEEE Trans. Inf.
//   Theory 37.
// hellinger: sqrt(sum (sqrt p - sqrt q)^2 / 2). Hellinger (1909), J. reine angew. Math. 136.
// tv: total variation, half the sum of |p - q|: the share of rows that would have to change bins.
// linf: the largest |p - q|.
//
// Equal shares give exactly 0. Where a bin stands for several categories (BinCounts::lumped) a
// distance may be too small by at most its bound. The default limit is 0.1, as in NannyML (js,
// hellinger, linf) and Evidently (js, hellinger, tv).
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome js(const BinCounts& bins);
[[nodiscard]] Outcome hellinger(const BinCounts& bins);
[[nodiscard]] Outcome tv(const BinCounts& bins);
[[nodiscard]] Outcome linf(const BinCounts& bins);

}  // namespace driftd
