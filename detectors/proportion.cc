#include "detectors/proportion.h"

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

namespace driftd {
namespace {

// Nothing of Boost.Math may throw here: out of range gives 0 or infinity.
using QuietPolicy = boost::math::policies::policy<
    boost::math::policies::domain_error<boost::math::policies::ignore_error>,
    boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::underflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;

// A term this small of the sum so far no longer changes it.
constexpr double kNegligible = 1e-18;

// C(n, k) p^k (1 - p)^(n - k), by the derivative of the incomplete beta function, which stays exact
// for large n.
[[nodiscard]] double binomial(double k, double n, double p) {
  return boost::math::ibeta_derivative(k + 1, n - k + 1, p, QuietPolicy()) / (n + 1);
}

// The hypergeometric distribution of the window's part: `drawn` rows of `all`, of which `marked`
// are.
struct Hypergeometric {
  double all, marked, drawn;

  // As a ratio of binomials of any p; this one keeps them near their modes (Loader 2000, "Fast and
  // accurate computation of binomial probabilities").
  [[nodiscard]] double at(double k) const {
    const double p = drawn / all;
    return binomial(k, marked, p) * binomial(drawn - k, all - marked, p) / binomial(drawn, all, p);
  }
  // at(k + 1) / at(k)
  [[nodiscard]] double ratio(double k) const {
    return (marked - k) * (drawn - k) / ((k + 1) * (all - marked - drawn + k + 1));
  }
  [[nodiscard]] double mean() const { return drawn * marked / all; }
};

}  // namespace

Interval count_interval(std::uint64_t count) {
  const auto n = static_cast<double>(count);
  return {count == 0 ? 0 : boost::math::gamma_p_inv(n, kTail, QuietPolicy()),
          boost::math::gamma_q_inv(n + 1, kTail, QuietPolicy())};
}

std::optional<double> exceeds_p_value(const Share& window, const Share& reference) {
  if (window.whole == 0 || reference.whole == 0) return std::nullopt;
  const Hypergeometric parts{static_cast<double>(window.whole + reference.whole),
                             static_cast<double>(window.part + reference.part),
                             static_cast<double>(window.whole)};
  const auto seen = static_cast<double>(window.part);
  // The least and the most that the window could hold.
  const double least = std::max(0.0, parts.drawn + parts.marked - parts.all);
  const double most = std::min(parts.drawn, parts.marked);
  if (seen <= least) return 1;
  double sum = 0;
  if (seen >= parts.mean()) {
    double term = parts.at(seen);
    for (double k = seen; k <= most && term > kNegligible * sum; ++k) {
      sum += term;
      term *= parts.ratio(k);
    }
    return std::min(sum, 1.0);
  }
  // Below the mean the other tail is the short one.
  double term = parts.at(seen - 1);
  for (double k = seen - 1; k >= least && term > kNegligible * sum; --k) {
    sum += term;
    term = k > least ? term / parts.ratio(k - 1) : 0;
  }
  return std::clamp(1 - sum, 0.0, 1.0);
}

double cohens_h(double a, double b) {
  return 2 * std::asin(std::sqrt(a)) - 2 * std::asin(std::sqrt(b));
}

double same_rate_p_value(std::uint64_t a, std::uint64_t b) {
  // Given their sum, the smaller one is binomial with p = 1/2.
  const auto less = static_cast<double>(std::min(a, b));
  const auto more = static_cast<double>(std::max(a, b));
  if (more == less) return 1;
  return std::min(1.0, 2 * boost::math::ibeta(more, less + 1, 0.5, QuietPolicy()));
}

}  // namespace driftd
