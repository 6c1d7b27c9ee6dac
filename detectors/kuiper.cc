#include "detectors/kuiper.h"

#include <algorithm>
#include <cmath>

namespace driftd {
namespace {

__extension__ using Wide = __int128;

}  // namespace

double kuiper_sf(double v, double effective_size) {
  // Below z = 0.3 the probability is 1 but for 1e-15, and the sums would need ever more terms.
  constexpr double kCertain = 0.3;
  constexpr double kNegligible = 1e-18;
  const double z = v * std::sqrt(effective_size);
  if (z < kCertain) return 1;
  double limit = 0;
  double correction = 0;
  for (double k = 1;; ++k) {
    const double square = k * k * z * z;
    const double weight = std::exp(-2 * square);
    limit += 2 * (4 * square - 1) * weight;
    correction += k * k * (4 * square - 3) * weight;
    // By the size of what follows and not by the term itself, which is 0 where 2 k z is 1.
    if (8 * square * weight * k * k <= kNegligible * std::abs(limit) || weight == 0) break;
  }
  return std::clamp(limit - 8 * v / 3 * correction, 0.0, 1.0);
}

Outcome kuiper(const NumericComparison& samples) {
  const RankTable& table = samples.ranks;
  Outcome outcome;
  const std::uint64_t n = table.current_total;
  const std::uint64_t m = table.reference_total;
  outcome.n = static_cast<std::int64_t>(n);
  if (n == 0 || m == 0) return outcome;

  Wide distance = 0;
  Wide above = 0;
  Wide below = 0;
  for (const TieGroup& group : table.groups) {
    distance += static_cast<Wide>(group.current) * m - static_cast<Wide>(group.reference) * n;
    above = std::max(above, distance);
    below = std::min(below, distance);
  }
  const double rows = static_cast<double>(n);
  const double reference_rows = static_cast<double>(m);
  outcome.statistic = static_cast<double>(above - below) / (rows * reference_rows);
  outcome.p_value = kuiper_sf(*outcome.statistic, rows * reference_rows / (rows + reference_rows));
  outcome.effect = outcome.statistic;
  outcome.bound = bound_of(2 * table.thinning_error);
  return outcome;
}

}  // namespace driftd
