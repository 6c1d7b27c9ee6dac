// The Wasserstein (earth mover's) distance, in standard deviations of the reference.
//
// W = integral of |F_reference(x) - F_current(x)| dx, divided by the reference's population
// standard deviation; not defined where that is 0 or where either sample has an infinite value.
// There is no p-value. Between two boundaries only the sums of the values may be known (open groups
// of rank_table.h): the integral of the difference is then known, and so is that of its magnitude
// wherever the difference keeps its sign. Where it may change, the integral lies between the
// magnitude of the former and the value of the most extreme functions; the middle is given and half
// the width is the bound. The default limit, a tenth of a standard deviation, is Evidently's and
// NannyML's. Source: Ramdas, Garcia and Cuturi (2017), Entropy 19.
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome wasserstein(const NumericComparison& samples);

}  // namespace driftd
