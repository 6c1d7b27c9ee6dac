#include "detectors/anderson_darling.h"

#include <algorithm>
#include <cmath>

#include "detectors/distributions.h"

namespace driftd {
namespace {

__extension__ using Wide = __int128;

constexpr double kSamples = 2;

// The standard deviation of A2 without drift, Scholz and Stephens (1987), equation 4.
[[nodiscard]] double deviation(std::uint64_t reference, std::uint64_t current) {
  const std::uint64_t rows = reference + current;
  const auto n = static_cast<double>(rows);
  const double k = kSamples;
  const double big_h = 1 / static_cast<double>(reference) + 1 / static_cast<double>(current);
  const double h = harmonic(rows - 1);
  // sum over i < j of 1 / ((N - i) j) in closed form, since sum over j of H(N - j) / j is
  // H(N)^2 - H2(N), H2 the sum of squares.
  const double g = harmonic_of_squares(rows) - (2 * harmonic(rows) - 1 / n) / n;
  const double a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * big_h;
  const double b =
      (2 * g - 4) * k * k + 8 * h * k + (2 * g - 14 * h - 4) * big_h - 8 * h + 4 * g - 6;
  const double c =
      (6 * h + 2 * g - 2) * k * k + (4 * h - 4 * g + 6) * k + (2 * h - 6) * big_h + 4 * h;
  const double d = (2 * h + 6) * k * k - 4 * h * k;
  return std::sqrt((a * n * n * n + b * n * n + c * n + d) / ((n - 1) * (n - 2) * (n - 3)));
}

// The least squares parabola of log(0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001) over the critical
// points of table 2 for two samples, which SciPy fits anew at every call.
[[nodiscard]] double p_value(double statistic) {
  constexpr double kFirst = 0.325;
  constexpr double kLast = 6.546;
  if (statistic < kFirst) return 0.25;
  if (statistic > kLast) return 0.001;
  return std::exp((0.018198094574111343 * statistic - 1.0082265644652515) * statistic -
                  1.077770279820486);
}

// The sum over the values z_j, for one group at a time.
class Sum {
 public:
  Sum(std::uint64_t reference, std::uint64_t current)
      : reference_(reference), current_(current), rows_(static_cast<double>(reference + current)) {}

  void add(std::uint64_t reference, std::uint64_t current) {
    const std::uint64_t ties = reference + current;
    if (ties == 0) return;
    // Twice B_j and twice M_j of the reference. N M_j - n B_j of the window is the same with the
    // other sign.
    const std::uint64_t twice_below = 2 * (reference_below_ + current_below_) + ties;
    const auto twice_distance = static_cast<double>(static_cast<Wide>(reference_ + current_) *
                                                        (2 * reference_below_ + reference) -
                                                    static_cast<Wide>(reference_) * twice_below);
    const auto tied = static_cast<double>(ties);
    // B (N - B) - N l / 4 with B = before + l/2 and N = before + l + behind: the same, without a
    // subtraction that could leave a rounding instead of zero.
    const double before = static_cast<double>(reference_below_ + current_below_);
    const double behind = rows_ - before - tied;
    const double weight = before * behind + tied * (before + behind) / 4;
    if (weight > 0) sum_ += tied / rows_ * (twice_distance * twice_distance / 4) / weight;
    reference_below_ += reference;
    current_below_ += current;
  }
  [[nodiscard]] double a2() const {
    return sum_ * (1 / static_cast<double>(reference_) + 1 / static_cast<double>(current_)) *
           (rows_ - 1) / rows_;
  }

 private:
  std::uint64_t reference_;
  std::uint64_t current_;
  double rows_;
  std::uint64_t reference_below_ = 0;
  std::uint64_t current_below_ = 0;
  double sum_ = 0;
};

}  // namespace

Outcome anderson_darling(const NumericComparison& samples) {
  constexpr std::uint64_t kLeastRows = 4;
  const RankTable& table = samples.ranks;
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(table.current_total);
  const std::uint64_t m = table.reference_total;
  const std::uint64_t n = table.current_total;
  if (m == 0 || n == 0 || m + n < kLeastRows) return outcome;
  Sum sum(m, n);
  int distinct = 0;
  for (const TieGroup& group : table.groups) {
    if (group.reference + group.current == 0) continue;
    ++distinct;
    if (group.is_open() && (group.reference == 0 || group.current == 0)) {
      distinct += group.reference + group.current > 1;
      for (std::uint64_t i = 0; i < group.reference; ++i) sum.add(1, 0);
      for (std::uint64_t i = 0; i < group.current; ++i) sum.add(0, 1);
    } else {
      sum.add(group.reference, group.current);
    }
  }
  if (distinct < 2) return outcome;
  const double a2 = sum.a2();
  outcome.statistic = (a2 - (kSamples - 1)) / deviation(m, n);
  outcome.p_value = p_value(*outcome.statistic);
  outcome.effect = std::sqrt(a2 * (1 / static_cast<double>(m) + 1 / static_cast<double>(n)));
  return outcome;
}

}  // namespace driftd
