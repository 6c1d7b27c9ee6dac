#include "detectors/estimated_ranking.h"

#include <algorithm>

namespace driftd {
namespace {

// The sum of |p_i - p_j| over the pairs of a cell: that of evenly spread probabilities, but no more
// than what their mean allows, which is all of them at the two ends.
[[nodiscard]] double spread_of_pairs(const RankedCell& cell) {
  const double range = cell.high - cell.low;
  if (range <= 0 || cell.rows < 2) return 0;
  const double even = cell.rows * (cell.rows - 1) * range / 6;
  const double above = cell.positives - cell.rows * cell.low;
  const double below = cell.rows * cell.high - cell.positives;
  return std::clamp(above * below / range, 0.0, even);
}

}  // namespace

std::optional<EstimatedRanking> estimated_ranking(std::span<const RankedCell> cells) {
  double rows = 0;
  double positives = 0;
  for (const RankedCell& cell : cells) {
    rows += cell.rows;
    positives += cell.positives;
  }
  const double negatives = rows - positives;
  if (positives <= 0 || negatives <= 0) return std::nullopt;

  EstimatedRanking ranking;
  ranking.influence.resize(cells.size());
  double wins = 0;
  double negatives_below = 0;
  double positives_below = 0;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const RankedCell& cell = cells[c];
    const double negative = cell.rows - cell.positives;
    wins += cell.positives * (negatives_below + negative / 2) + spread_of_pairs(cell) / 2;
    const double positives_above = positives - positives_below - cell.positives;
    ranking.influence[c] = negatives_below + negative / 2 - positives_above - cell.positives / 2;
    negatives_below += negative;
    positives_below += cell.positives;
  }
  ranking.roc_auc = wins / (positives * negatives);
  const double per_class = ranking.roc_auc * (1 / positives - 1 / negatives);
  for (double& influence : ranking.influence) {
    influence = influence / (positives * negatives) - per_class;
  }
  return ranking;
}

}  // namespace driftd
