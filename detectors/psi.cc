#include "detectors/psi.h"

#include <algorithm>
#include <cmath>

#include "detectors/bins.h"

namespace driftd {
namespace {

constexpr double kSmallestShare = 1e-4;

[[nodiscard]] Outcome psi_of(const BinCounts& bins) {
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(bins.current_total);
  if (bins.current_total == 0 || bins.reference_total == 0) return outcome;
  double sum = 0;
  for (std::size_t i = 0; i < bins.current.size(); ++i) {
    const double p =
        std::max(static_cast<double>(bins.reference[i]) / static_cast<double>(bins.reference_total),
                 kSmallestShare);
    const double q =
        std::max(static_cast<double>(bins.current[i]) / static_cast<double>(bins.current_total),
                 kSmallestShare);
    sum += (q - p) * std::log(q / p);
  }
  outcome.statistic = sum;
  return outcome;
}

}  // namespace

Outcome psi(const NumericReference& reference, const NumericSummary& current) {
  return psi_of(bin_counts(reference, current));
}

Outcome psi(const CategoryReference& reference, const CategorySummary& current) {
  return psi_of(bin_counts(reference, current));
}

}  // namespace driftd
