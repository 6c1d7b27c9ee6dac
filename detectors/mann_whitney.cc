#include "detectors/mann_whitney.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "detectors/distributions.h"

namespace driftd {
namespace {

__extension__ using Wide = unsigned __int128;

[[nodiscard]] double cube_less(std::uint64_t ties) {
  const auto t = static_cast<double>(ties);
  return (t - 1) * t * (t + 1);
}

}  // namespace

double mann_whitney_exact_sf(std::uint64_t u, std::uint64_t reference, std::uint64_t current) {
  // ways[v]: sequences of the rows taken so far with U = v, by the recursion of Mann and Whitney
  // (1947) in the form of a product of Gaussian polynomials: multiplied by 1 - q^(n + i), divided
  // by 1 - q^i.
  std::vector<double> ways(reference * current + 1, 0);
  ways[0] = 1;
  for (std::size_t i = 1; i <= reference; ++i) {
    for (std::size_t v = ways.size(); v-- > current + i;) ways[v] -= ways[v - current - i];
    for (std::size_t v = i; v < ways.size(); ++v) ways[v] += ways[v - i];
  }
  double all = 0;
  double beyond = 0;
  for (std::size_t v = 0; v < ways.size(); ++v) {
    all += ways[v];
    if (v >= u) beyond += ways[v];
  }
  return beyond / all;
}

Outcome mann_whitney(const NumericComparison& samples) {
  const RankTable& table = samples.ranks;
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(table.current_total);
  const std::uint64_t m = table.reference_total;
  const std::uint64_t n = table.current_total;
  if (m == 0 || n == 0) return outcome;

  Wide twice_u = 0;
  Wide unknown_pairs = 0;
  double ties = 0;  // sum of t^3 - t
  std::uint64_t current_below = 0;
  for (const TieGroup& group : table.groups) {
    twice_u += static_cast<Wide>(group.reference) * (2 * current_below + group.current);
    current_below += group.current;
    if (group.is_open()) {
      unknown_pairs += static_cast<Wide>(group.reference) * group.current;
      if (group.reference == 0 || group.current == 0) continue;
    }
    ties += cube_less(group.reference + group.current);
  }
  const double rows = static_cast<double>(m) * static_cast<double>(n);
  const double all = static_cast<double>(m + n);
  const double u = static_cast<double>(twice_u) / 2;
  outcome.statistic = u;
  outcome.effect = std::abs(1 - 2 * (u / rows));
  outcome.bound = bound_of(static_cast<double>(unknown_pairs) / 2);

  const double larger = std::max(u, rows - u);
  if (samples.is_offline && ties == 0 && m <= kMaxExactMannWhitney && n <= kMaxExactMannWhitney) {
    const double tail = mann_whitney_exact_sf(static_cast<std::uint64_t>(larger), m, n);
    outcome.p_value = std::min(1.0, 2 * tail);
    return outcome;
  }
  const double variance = rows / 12 * ((all + 1) - ties / (all * (all - 1)));
  if (variance > 0) {
    const double z = (larger - rows / 2 - 0.5) / std::sqrt(variance);
    outcome.p_value = std::min(1.0, 2 * normal_sf(z));
  } else {
    outcome.p_value = 1;
  }
  return outcome;
}

}  // namespace driftd
