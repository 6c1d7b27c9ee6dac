#include "detectors/ks.h"

#include <algorithm>
#include <cmath>

#include "detectors/kolmogorov.h"

namespace driftd {
namespace {

// The product of two counts of rows. Not in ISO C++, hence the mark that keeps -Wpedantic quiet.
__extension__ using Wide = __int128;

}  // namespace

Outcome ks(const NumericComparison& samples) {
  const RankTable& table = samples.ranks;
  Outcome outcome;
  const std::uint64_t n = table.current_total;
  const std::uint64_t m = table.reference_total;
  outcome.n = static_cast<std::int64_t>(n);
  if (n == 0 || m == 0) return outcome;

  // Compared as whole numbers, cross-multiplied: the order of equal distances is then not a matter
  // of rounding.
  Wide largest = 0;
  Wide distance = 0;
  for (const TieGroup& group : table.groups) {
    distance += static_cast<Wide>(group.current) * m - static_cast<Wide>(group.reference) * n;
    largest = std::max(largest, distance < 0 ? -distance : distance);
  }
  const double rows = static_cast<double>(n);
  const double reference_rows = static_cast<double>(m);
  outcome.statistic = static_cast<double>(largest) / (rows * reference_rows);
  const auto effective =
      static_cast<std::int64_t>(std::nearbyint(rows * reference_rows / (rows + reference_rows)));
  // One value against another one rounds to no values: whatever they are, it is no evidence.
  outcome.p_value = effective == 0 ? 1 : kolmogorov_two_sided_sf(*outcome.statistic, effective);
  outcome.effect = outcome.statistic;
  outcome.bound = bound_of(table.thinning_error);
  return outcome;
}

}  // namespace driftd
