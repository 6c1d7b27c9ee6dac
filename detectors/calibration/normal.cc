#include "detectors/calibration/normal.h"

#include <boost/math/special_functions/erf.hpp>
#include <cmath>
#include <limits>
#include <numbers>

namespace driftd {

double normal_density(double q) {
  constexpr double kInverseRootTwoPi = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  return kInverseRootTwoPi * std::exp(-0.5 * q * q);
}

double normal_tail(double u) { return 0.5 * std::erfc(u / std::numbers::sqrt2); }

double normal_quantile(double share) {
  if (share <= 0) return -std::numeric_limits<double>::infinity();
  if (share >= 1) return std::numeric_limits<double>::infinity();
  return -std::numbers::sqrt2 * boost::math::erfc_inv(2 * share);
}

double normal_tail_quantile(double tail) {
  return std::numbers::sqrt2 * boost::math::erfc_inv(2 * tail);
}

}  // namespace driftd
