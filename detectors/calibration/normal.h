// The standard normal distribution, as the calibration uses it.
//
// Thread rule: pure. Allocation rule: none. Failure rule: none; a share of 0 or 1 has the quantile
// minus or plus infinity.
#pragma once

namespace driftd {

// phi(q); 0 at the infinities.
[[nodiscard]] double normal_density(double q);
// Phi(-u), the upper tail, exact in relative terms far out.
[[nodiscard]] double normal_tail(double u);
// Phi^-1(share), share in [0, 1].
[[nodiscard]] double normal_quantile(double share);
// The u with Phi(-u) = tail, for a tail in (0, 1/2]; exact where 1 - tail would round to 1.
[[nodiscard]] double normal_tail_quantile(double tail);

}  // namespace driftd
