#include "detectors/ks.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "detectors/kolmogorov.h"

namespace driftd {
namespace {

// The product of two counts of rows. Not in ISO C++, hence the mark that keeps -Wpedantic quiet.
__extension__ using Wide = __int128;

}  // namespace

Outcome ks(const NumericReference& reference, const NumericSummary& current) {
  Outcome outcome;
  const std::uint64_t n = current.present();
  const std::uint64_t m = reference.cumulative.empty() ? 0 : reference.cumulative.back();
  outcome.n = static_cast<std::int64_t>(n);
  if (n == 0 || m == 0) return outcome;

  std::vector<std::uint64_t> counts(current.counters.cells(), 0);
  current.counters.add_to(counts);
  // Compared as whole numbers, cross-multiplied: the order of equal distances is then not a matter
  // of rounding.
  Wide largest = 0;
  std::uint64_t below = 0;
  for (std::size_t cell = 0; cell < counts.size(); ++cell) {
    below += counts[cell];
    const Wide distance =
        static_cast<Wide>(below) * m - static_cast<Wide>(reference.cumulative[cell]) * n;
    largest = std::max(largest, distance < 0 ? -distance : distance);
  }
  const double rows = static_cast<double>(n);
  const double reference_rows = static_cast<double>(m);
  outcome.statistic = static_cast<double>(largest) / (rows * reference_rows);
  const auto effective =
      static_cast<std::int64_t>(std::nearbyint(rows * reference_rows / (rows + reference_rows)));
  outcome.p_value =
      kolmogorov_two_sided_sf(*outcome.statistic, std::max<std::int64_t>(1, effective));
  outcome.effect = outcome.statistic;
  return outcome;
}

}  // namespace driftd
