#include "detectors/cvm.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <vector>

#include "detectors/distributions.h"

namespace driftd {
namespace {

// U grows as the fourth power of the rows and loses most of it to the subtraction in T. 64 bits of
// mantissa leave 1e-12 of T at 100 million rows.
using Long = long double;

[[nodiscard]] Long cube_less(Long ties) { return ties * ties * ties - ties; }

// Twelve times sum (r_i - i)^2 over the rows of one sample in one group: `own` rows, before them
// `before` of the other sample and among them `among`.
[[nodiscard]] Long twelve_squares(Long own, Long before, Long among) {
  const Long twice = 2 * before + among;
  return 3 * own * twice * twice + cube_less(own);
}

// The limit law's distribution function, Csorgo and Faraway (1996), J. Royal Stat. Soc. B 58,
// equation 1.3. SciPy ends the sum at the first term below 1e-7.
[[nodiscard]] double limit_cdf(double x) {
  constexpr double kLastTerm = 1e-7;
  const double scale = std::numbers::pi * std::sqrt(std::numbers::pi) * std::sqrt(x);
  // Gamma(k + 1/2) / Gamma(k + 1), from one k to the next.
  double ratio = std::sqrt(std::numbers::pi);
  double sum = 0;
  for (double k = 0;; ++k) {
    const double y = 4 * k + 1;
    const double q = y * y / (16 * x);
    const double term = ratio / scale * std::sqrt(y) * std::exp(-q) * bessel_k_quarter(q);
    sum += term;
    if (!(std::abs(term) >= kLastTerm)) return sum;
    ratio *= (k + 0.5) / (k + 1);
  }
}

}  // namespace

double cvm_sf(double t, std::uint64_t reference, std::uint64_t current) {
  // At the limit law's argument 0.003 and below the probability is 1 but for 1e-18.
  constexpr double kCertain = 0.003;
  const auto m = static_cast<double>(reference);
  const auto n = static_cast<double>(current);
  const double all = m + n;
  const double pairs = m * n;
  const double mean = (1 + 1 / all) / 6;
  const double variance = (all + 1) * (4 * pairs * all - 3 * (m * m + n * n) - 2 * pairs) /
                          (45 * all * all * 4 * pairs);
  const double standardised = 1.0 / 6 + (t - mean) / std::sqrt(45 * variance);
  if (standardised < kCertain) return 1;
  return std::max(0.0, 1 - limit_cdf(standardised));
}

// Counts the paths of a lattice by the value of a sum along them (Xiao et al., algorithm 1). With
// at most 20 rows a side all numbers fit: the sum stays below lcm^2 (m + n) < 6e6, the counts below
// C(40, 20) < 2e11.
double cvm_exact_sf(std::int64_t twelve_u, std::uint64_t reference, std::uint64_t current) {
  const auto m = static_cast<std::int64_t>(reference);
  const auto n = static_cast<std::int64_t>(current);
  const std::int64_t common = std::lcm(m, n);
  const std::int64_t a = common / m;
  const std::int64_t b = common / n;
  const std::int64_t pairs = m * n;
  // floor(common^2 (m + n) (6 U - mn (4 mn - 1)) / (6 (mn)^2)), as SciPy has it.
  const std::int64_t over = common * common * (m + n) * (twelve_u - 2 * pairs * (4 * pairs - 1));
  const std::int64_t under = 12 * pairs * pairs;
  const std::int64_t zeta = over / under - (over % under < 0 ? 1 : 0);

  using Frequencies = std::map<std::int64_t, std::int64_t>;
  std::vector<Frequencies> paths(static_cast<std::size_t>(m) + 1);
  paths[0][0] = 1;
  for (std::int64_t u = 0; u <= n; ++u) {
    Frequencies reached;
    for (std::int64_t v = 0; v <= m; ++v) {
      const std::int64_t step = (a * v - b * u) * (a * v - b * u);
      for (const auto& [sum, count] : paths[static_cast<std::size_t>(v)]) reached[sum] += count;
      Frequencies moved;
      for (const auto& [sum, count] : reached) moved.emplace_hint(moved.end(), sum + step, count);
      reached = moved;
      paths[static_cast<std::size_t>(v)] = std::move(moved);
    }
  }
  std::int64_t all = 0;
  std::int64_t beyond = 0;
  for (const auto& [sum, count] : paths.back()) {
    all += count;
    if (sum >= zeta) beyond += count;
  }
  return static_cast<double>(beyond) / static_cast<double>(all);
}

Outcome cvm(const NumericComparison& samples) {
  const RankTable& table = samples.ranks;
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(table.current_total);
  if (table.reference_total < 2 || table.current_total < 2) return outcome;
  const auto m = static_cast<Long>(table.reference_total);
  const auto n = static_cast<Long>(table.current_total);

  Long twelve_u = 0;
  Long least = 0;  // of twelve U, wherever the rows of open groups lie
  Long most = 0;
  Long reference_before = 0;
  Long current_before = 0;
  Long squares = 0;  // of the distances of the distribution functions, over all pooled values
  for (const TieGroup& group : table.groups) {
    const auto r = static_cast<Long>(group.reference);
    const auto c = static_cast<Long>(group.current);
    if (group.is_open()) {
      // Between all of the other sample before and all of it behind; and between no ties and all.
      twelve_u += m * (twelve_squares(r, current_before, c) - cube_less(r)) +
                  n * (twelve_squares(c, reference_before, r) - cube_less(c));
      least += m * 12 * r * current_before * current_before +
               n * 12 * c * reference_before * reference_before;
      most += m * twelve_squares(r, current_before + c, 0) +
              n * twelve_squares(c, reference_before + r, 0);
    } else {
      const Long here =
          m * twelve_squares(r, current_before, c) + n * twelve_squares(c, reference_before, r);
      twelve_u += here;
      least += here;
      most += here;
    }
    reference_before += r;
    current_before += c;
    const Long distance = reference_before / m - current_before / n;
    squares += (r + c) * distance * distance;
  }
  const Long pairs = m * n;
  const Long all = m + n;
  const Long scale = 12 * pairs * all;
  const auto t = static_cast<double>((twelve_u - 2 * pairs * (4 * pairs - 1)) / scale);
  outcome.statistic = t;
  const bool exact = samples.is_offline && table.reference_total <= kMaxExactCvm &&
                     table.current_total <= kMaxExactCvm;
  outcome.p_value = exact ? cvm_exact_sf(static_cast<std::int64_t>(twelve_u), table.reference_total,
                                         table.current_total)
                          : cvm_sf(t, table.reference_total, table.current_total);
  outcome.effect = std::sqrt(static_cast<double>(squares / all));
  outcome.bound =
      bound_of(static_cast<double>(std::max(most - twelve_u, twelve_u - least) / scale));
  return outcome;
}

}  // namespace driftd
