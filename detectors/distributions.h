// Tail probabilities and special functions that the detectors' p-values are made of.
//
// Thread rule: pure. Allocation rule: none. Failure rule: none; arguments out of range give NaN,
// 0 or 1, never an exception. Computed by Boost.Math, which is kept behind this header.
#pragma once

#include <cstdint>

namespace driftd {

// P(X >= x) for chi-square with so many degrees of freedom; 1 for x <= 0.
[[nodiscard]] double chi_squared_sf(double x, double degrees_of_freedom);
// P(|T| >= |t|) for Student's t.
[[nodiscard]] double student_t_two_sided(double t, double degrees_of_freedom);
// P(F >= f) for Fisher's F.
[[nodiscard]] double fisher_f_sf(double f, double numerator, double denominator);
// P(Z >= z) for the standard normal.
[[nodiscard]] double normal_sf(double z);
// The modified Bessel function of the second kind of order 1/4.
[[nodiscard]] double bessel_k_quarter(double x);
// 1 + 1/2 + .. + 1/n, and the same of the squares, in constant time.
[[nodiscard]] double harmonic(std::uint64_t n);
[[nodiscard]] double harmonic_of_squares(std::uint64_t n);

}  // namespace driftd
