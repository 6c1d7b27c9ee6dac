#include "detectors/kolmogorov.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

namespace driftd {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kSqrtTwoPi = 2.5066282746310005024;

// Where each method takes over; Simard and L'Ecuyer (2011), section 4, for the first five.
constexpr std::int64_t kSmallN = 140;
constexpr double kSmallNTail = 4.0;   // n <= 140: n d^2 above which the tail is doubled.
constexpr double kTail = 2.2;         // n > 140: likewise.
constexpr double kDurbinReach = 1.4;  // n > 140: n d^(3/2) up to which Durbin's matrix is used.
constexpr std::int64_t kDurbinMaxN = 100'000;
constexpr double kVanishing = 370.0;  // n d^2 above which the probability is below 1e-300.
// From here on the other eigenvalues of Durbin's matrix add less than 1e-15 where it is used.
constexpr std::int64_t kPerronMinN = 1000;
// From here on the terms of the one-sided sum are so smooth in j that every (n/256)-th is enough.
constexpr std::int64_t kStrideMinN = 2000;
constexpr std::int64_t kStrideNodes = 256;
// From here on SciPy leaves the sum for its asymptotic form, and we with it.
constexpr std::int64_t kExactTailMaxN = 1'000'000;

// log(k!) = (k + 1/2) log k - k + log sqrt(2 pi) + stirling_error(k), for integral k >= 1. Not
// std::lgamma, which writes the global signgam.
double stirling_error(double k) {
  if (k < 16.0) {
    double factorial = 1.0;
    for (double i = 2.0; i <= k; i += 1.0) factorial *= i;
    return std::log(factorial / kSqrtTwoPi) - (k + 0.5) * std::log(k) + k;
  }
  // Stirling's series, DLMF 5.11.1; the first term left out is below 2e-16 at k = 16.
  const double r = 1.0 / (k * k);
  return (1.0 / 12 - r * (1.0 / 360 - r * (1.0 / 1260 - r * (1.0 / 1680 - r / 1188)))) / k;
}

// One term of Birnbaum and Tingey's sum, C(n,j) p^j (1-p)^(n-j) d/p with p = d + j/n, for
// 0 <= j <= n (1-d). The binomial is in Loader's (2000) saddle-point form: no logarithm of a
// factorial is ever subtracted from another.
double one_sided_term(double j, double n, double d, double stirling_error_n) {
  const double nd = n * d;
  const double rest = n - j;
  // n (1-p). Taken from 1 - d, which is exact for d >= 1/2, since next to d = 1 it is all that
  // is left of d.
  const double gap = n * (1.0 - d) - j;
  if (gap <= 0.0) return 0.0;
  const double log_fall = 2.0 * nd < rest ? std::log1p(-nd / rest) : std::log(gap / rest);
  if (j == 0.0) return std::exp(n * log_fall);
  const double exponent = j * std::log1p(nd / j) + rest * log_fall + stirling_error_n -
                          stirling_error(j) - stirling_error(rest);
  return std::exp(exponent) * std::sqrt(n / (j * rest)) / kSqrtTwoPi * nd / (nd + j);
}

// P(D_n^+ >= d), Birnbaum and Tingey (1951), for 0 < d < 1. Doubled it counts twice the samples
// that cross both lines, which is a share of about exp(-6 n d^2), and none for d >= 1/2.
double one_sided_tail(double d, std::int64_t n) {
  const auto size = static_cast<double>(n);
  if (n > kExactTailMaxN) {
    // -2 n d^2 - 2 d / 3 - 1 / (18 n): the exponent's first terms as n grows at fixed n d^2.
    const double scaled = 6.0 * size * d + 1.0;
    return std::exp(-scaled * scaled / (18.0 * size));
  }
  // By Poisson's summation formula the sum over every h-th j, times h, is the whole sum save for
  // the terms' spectrum at frequency 1/h and above. The terms are a bell that is at least n/77
  // wide, and nothing is left of it at the ends (below 1e-25 of the peak at n = 2000).
  const std::int64_t stride = n < kStrideMinN ? 1 : n / kStrideNodes;
  const double stirling_error_n = stirling_error(size);
  const auto last = static_cast<std::int64_t>(size * (1.0 - d));
  double sum = 0.0;
  for (std::int64_t j = 0; j <= last; j += stride) {
    sum += one_sided_term(static_cast<double>(j), size, d, stirling_error_n);
  }
  return sum * static_cast<double>(stride);
}

// Durbin's matrix in the form of Marsaglia, Tsang and Wang (2003), divided by e. With n d = k - h,
// 0 <= h < 1 and m = 2k - 1, its rows are
//   H[i][0] = edge[i];  H[i][j] = step[i - j + 1] for 1 <= j <= i + 1;  H[m-1][j] = edge[m-1-j].
// step[l] = e^-1 / l! is the Poisson probability of l points in 1/n of the sample's range, so that
// powers of the matrix stay in range, and P(D_n < d) = n! (e/n)^n (H^n)[k-1][k-1].
class DurbinMatrix {
 public:
  // n d is 59 at most where the matrix is used (n = 100,000), and 24 for n <= 140.
  static constexpr std::size_t kMaxSize = 120;
  using Vector = std::array<double, kMaxSize>;

  explicit DurbinMatrix(double nd) : nd_(nd) {
    const double k = std::ceil(nd);
    const double h = k - nd;
    size_ = 2 * static_cast<std::size_t>(k) - 1;
    middle_ = size_ / 2;
    step_[0] = 1.0 / std::numbers::e;
    for (std::size_t l = 1; l <= size_; ++l) step_[l] = step_[l - 1] / static_cast<double>(l);
    double h_power = 1.0;
    for (std::size_t i = 0; i < size_; ++i) {
      h_power *= h;
      edge_[i] = (1.0 - h_power) * step_[i + 1];
    }
    const double both = std::pow(std::max(0.0, 2.0 * h - 1.0), static_cast<double>(size_));
    edge_[size_ - 1] = (1.0 - 2.0 * h_power + both) * step_[size_];
  }

  // (H^n)[k-1][k-1] by n products with a vector: O(n m), and all terms are positive.
  [[nodiscard]] double power_at_middle(std::int64_t n) const {
    Vector vector{};
    Vector next{};
    vector[middle_] = 1.0;
    for (std::int64_t i = 0; i < n; ++i) {
      multiply(vector, next);
      std::swap(vector, next);
    }
    return vector[middle_];
  }

  // The same from the largest eigenvalue alone. An eigenvector follows from its first entry row by
  // row (Hyman's method), the last row's residual g vanishes at an eigenvalue, and the left vector
  // is the right one reversed because H is symmetric about its antidiagonal. Hence g' = left .
  // right, which serves Newton's step and the normalisation alike. O(m^2) whatever n is.
  [[nodiscard]] double power_at_middle_by_perron(std::int64_t n) const {
    constexpr int kMaxNewtonSteps = 30;
    // The matrix is diffusion (variance 1 a step) on an interval 2 n d wide with absorbing ends;
    // the ends act as if they were about 1/3 further out.
    const double width = 2.0 * nd_ + 2.0 / 3.0;
    double eigenvalue = std::exp(-kPi * kPi / (2.0 * width * width));
    Vector right{};
    double product = 1.0;
    for (int i = 0; i < kMaxNewtonSteps; ++i) {
      const double residual = follow_rows(eigenvalue, right);
      product = 0.0;
      for (std::size_t j = 0; j < size_; ++j) product += right[j] * right[size_ - 1 - j];
      const double change = residual / product;
      eigenvalue -= change;
      if (std::abs(change) < 1e-15) break;
    }
    const double centre = right[middle_];
    return std::pow(eigenvalue, static_cast<double>(n)) * centre * centre / product;
  }

 private:
  // 1/20! is 4e-19: farther steps do not reach the last bit of a sum of positive terms.
  static constexpr std::size_t kFarthestStep = 20;

  void multiply(const Vector& in, Vector& out) const {
    const std::size_t last = size_ - 1;
    double bottom = 0.0;
    for (std::size_t j = 0; j < size_; ++j) bottom += edge_[last - j] * in[j];
    for (std::size_t i = 0; i < last; ++i) out[i] = edge_[i] * in[0] + step_[0] * in[i + 1];
    for (std::size_t l = 1; l <= std::min(kFarthestStep, last); ++l) {
      for (std::size_t i = l; i < last; ++i) out[i] += step_[l] * in[i + 1 - l];
    }
    out[last] = bottom;
  }

  // Makes every row but the last of (eigenvalue - H) right zero and returns the last.
  double follow_rows(double eigenvalue, Vector& right) const {
    const std::size_t last = size_ - 1;
    right[0] = 1.0;
    for (std::size_t i = 0; i < last; ++i) {
      double rest = eigenvalue * right[i] - edge_[i];
      for (std::size_t l = 1; l <= std::min(kFarthestStep, i); ++l) {
        rest -= step_[l] * right[i + 1 - l];
      }
      right[i + 1] = rest / step_[0];
    }
    double residual = eigenvalue * right[last];
    for (std::size_t j = 0; j < size_; ++j) residual -= edge_[last - j] * right[j];
    return residual;
  }

  double nd_;
  std::size_t size_ = 0;
  std::size_t middle_ = 0;
  Vector step_{};
  Vector edge_{};
};

// P(D_n < d) for n d > 1, exact save for rounding.
double durbin_cdf(double nd, std::int64_t n) {
  const auto size = static_cast<double>(n);
  const DurbinMatrix matrix(nd);
  const double power =
      n < kPerronMinN ? matrix.power_at_middle(n) : matrix.power_at_middle_by_perron(n);
  return power * kSqrtTwoPi * std::sqrt(size) * std::exp(stirling_error(size));
}

// Pelz and Good (1976): P(D_n < d) = K0(z) + K1(z)/n^(1/2) + K2(z)/n + K3(z)/n^(3/2) with
// z = d sqrt(n). The sums run over all integers k, here folded onto k >= 0 (half) and k >= 1
// (whole); `half` is pi^2 (k + 1/2)^2, `whole` is pi^2 k^2, and z2 is z^2.
double pelz_good_cdf(double nd2, std::int64_t n) {
  constexpr double kNegligibleExponent = 60.0;  // exp(-60) is 1e-26, against probabilities near 1.
  const double z2 = nd2;
  const double z4 = z2 * z2;
  const double z6 = z4 * z2;
  const double z = std::sqrt(z2);
  double k0 = 0.0, k1 = 0.0, k2 = 0.0, k3 = 0.0, k2_whole = 0.0, k3_whole = 0.0;
  for (double k = 0.0;; k += 1.0) {
    const double half = kPi * kPi * (k + 0.5) * (k + 0.5);
    if (half / (2.0 * z2) > kNegligibleExponent) break;
    const double half_weight = std::exp(-half / (2.0 * z2));
    k0 += half_weight;
    k1 += half_weight * (half - z2);
    k2 += half_weight *
          (6.0 * z6 + 2.0 * z4 + half * (2.0 * z4 - 5.0 * z2 + half * (1.0 - 2.0 * z2)));
    k3 += half_weight * (-30.0 * z6 - 90.0 * z4 * z4 +
                         half * (135.0 * z4 - 96.0 * z6 +
                                 half * (212.0 * z4 - 60.0 * z2 + half * (5.0 - 30.0 * z2))));
    const double whole = kPi * kPi * k * k;
    const double whole_weight = whole * std::exp(-whole / (2.0 * z2));
    k2_whole += whole_weight;
    k3_whole += whole_weight * (3.0 * z2 - whole);
  }
  const double r = 1.0 / std::sqrt(static_cast<double>(n));
  const double k2_total = k2 / (72.0 * z6) - k2_whole / (36.0 * z2);
  const double k3_total = k3 / (6480.0 * z6 * z2 * z) + k3_whole / (216.0 * z4 * z);
  return kSqrtTwoPi / z * (k0 + r * (k1 / (6.0 * z2 * z) + r * (k2_total + r * k3_total)));
}

// Ruben and Gambino (1982): P(D_n < d) = n! (2d - 1/n)^n for 1/(2n) <= d <= 1/n.
double lowest_cdf(double nd, std::int64_t n) {
  const auto size = static_cast<double>(n);
  return kSqrtTwoPi * std::sqrt(size) *
         std::exp(stirling_error(size) + size * (std::log(2.0 * nd - 1.0) - 1.0));
}

}  // namespace

double kolmogorov_two_sided_sf(double d, std::int64_t n) {
  if (std::isnan(d) || n < 1) return std::numeric_limits<double>::quiet_NaN();
  const double nd = static_cast<double>(n) * d;
  if (nd <= 0.5) return 1.0;
  if (d >= 1.0) return 0.0;
  const auto complement = [](double cdf) { return std::clamp(1.0 - cdf, 0.0, 1.0); };

  const double nd2 = nd * d;
  const bool small = n <= kSmallN;
  if (d >= 0.5 || nd2 >= (small ? kSmallNTail : kTail)) {
    if (!small && nd2 >= kVanishing) return 0.0;
    const double tail = 2.0 * one_sided_tail(d, n);
    return tail < std::numeric_limits<double>::min() ? 0.0 : std::min(tail, 1.0);
  }
  if (nd <= 1.0) return complement(lowest_cdf(nd, n));
  if (small || (n <= kDurbinMaxN && nd * std::sqrt(d) <= kDurbinReach)) {
    return complement(durbin_cdf(nd, n));
  }
  return complement(pelz_good_cdf(nd2, n));
}

}  // namespace driftd
