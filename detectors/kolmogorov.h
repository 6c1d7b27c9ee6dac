// The null distribution of the two-sided one-sample Kolmogorov-Smirnov statistic.
//
// Threads: a pure function without state; call it from anywhere.
// Allocation: none; at most 5 kB of stack.
// Failure: none. A NaN distance or a sample size below 1 has no probability: the answer is NaN.
#pragma once

#include <cstdint>

namespace driftd {

// P(D_n >= d) where D_n = sup |F_n - F| over a sample of size n from the continuous F, i.e.
// scipy.stats.kstwo.sf(d, n). d below 0 gives 1, d above 1 gives 0.
//
// Methods, divided as by Simard and L'Ecuyer (2011), "Computing the two-sided Kolmogorov-Smirnov
// distribution", J. Stat. Software 39(11):
// - Ruben and Gambino (1982) for n d <= 1;
// - Durbin's matrix (1968; Marsaglia, Tsang and Wang 2003, J. Stat. Software 8(18)) for n <= 140
//   and for small d up to n = 100,000: by vector products below n = 1,000 and by its largest
//   eigenvalue above;
// - Pelz and Good (1976), J. Royal Stat. Soc. B 38, for larger n elsewhere in the body;
// - in the tail twice the one-sided probability (Miller 1956) of Birnbaum and Tingey (1951), Ann.
//   Math. Stat. 22, with terms as in Loader (2000), and from n = 1,000,001 on by SciPy's
//   asymptotic form exp(-(6 n d + 1)^2 / (18 n)).
//
// Error against SciPy 1.17.1, as measured on tests/golden/kstwo.csv (1,498 values) and on 6,000
// random (d, n) with n up to 10^9: at most 2e-11 relative where SciPy's value is above 1e-300, and
// 3e-14 absolute where it is above 0.99.
//
// Error against the exact distribution, which we share with SciPy so as to agree with it: in the
// body at most 2.5e-5 relative at n = 141, 5e-7 at n = 1,000 and 2e-8 at n = 5,000; where the tail
// begins (n d^2 = 2.2) 2e-6; and from n = 1,000,001 on, growing with n d^2, 4e-5 at p = 4e-9 and
// 5 % at p = 5e-287. The value can rise by up to 2.5e-5 of itself as d passes n d^2 = 2.2.
//
// Below the smallest normal double (2.2e-308) the answer is 0.
//
// Time: about 15 us for n >= 2,000, 0.2 ms at most (n just below 1,000).
[[nodiscard]] double kolmogorov_two_sided_sf(double d, std::int64_t n);

}  // namespace driftd
