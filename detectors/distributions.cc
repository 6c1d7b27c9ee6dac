#include "detectors/distributions.h"

#include <boost/math/special_functions/bessel.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/trigamma.hpp>
#include <cmath>
#include <limits>
#include <numbers>

namespace driftd {
namespace {

namespace math = boost::math;

// Nothing of Boost.Math may throw here: out of range gives 0 or infinity.
using QuietPolicy =
    math::policies::policy<math::policies::domain_error<math::policies::ignore_error>,
                           math::policies::pole_error<math::policies::ignore_error>,
                           math::policies::overflow_error<math::policies::ignore_error>,
                           math::policies::underflow_error<math::policies::ignore_error>,
                           math::policies::evaluation_error<math::policies::ignore_error>>;

}  // namespace

double chi_squared_sf(double x, double degrees_of_freedom) {
  if (x <= 0) return 1;
  return math::gamma_q(degrees_of_freedom / 2, x / 2, QuietPolicy());
}

double student_t_two_sided(double t, double degrees_of_freedom) {
  if (!(degrees_of_freedom > 0)) return std::numeric_limits<double>::quiet_NaN();
  return math::ibeta(degrees_of_freedom / 2, 0.5, degrees_of_freedom / (degrees_of_freedom + t * t),
                     QuietPolicy());
}

double fisher_f_sf(double f, double numerator, double denominator) {
  if (!(numerator > 0) || !(denominator > 0)) return std::numeric_limits<double>::quiet_NaN();
  if (f <= 0) return 1;
  return math::ibeta(denominator / 2, numerator / 2, denominator / (denominator + numerator * f),
                     QuietPolicy());
}

double normal_sf(double z) { return std::erfc(z / std::numbers::sqrt2) / 2; }

double bessel_k_quarter(double x) { return math::cyl_bessel_k(0.25, x, QuietPolicy()); }

double harmonic(std::uint64_t n) {
  return n == 0 ? 0
                : math::digamma(static_cast<double>(n) + 1, QuietPolicy()) + std::numbers::egamma;
}

double harmonic_of_squares(std::uint64_t n) {
  constexpr double kWhole = std::numbers::pi * std::numbers::pi / 6;
  return n == 0 ? 0 : kWhole - math::trigamma(static_cast<double>(n) + 1, QuietPolicy());
}

}  // namespace driftd
