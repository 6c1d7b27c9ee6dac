#include "detectors/psi.h"

#include <algorithm>
#include <cmath>

namespace driftd {

Outcome psi(const BinCounts& bins) {
  constexpr double kSmallestShare = 1e-4;
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(bins.current_total);
  if (bins.is_empty()) return outcome;
  double sum = 0;
  for (std::size_t i = 0; i < bins.current.size(); ++i) {
    const double p = std::max(bins.p(i), kSmallestShare);
    const double q = std::max(bins.q(i), kSmallestShare);
    sum += (q - p) * std::log(q / p);
  }
  outcome.statistic = sum;
  return outcome;
}

}  // namespace driftd
