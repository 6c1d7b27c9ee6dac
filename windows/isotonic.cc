#include "windows/isotonic.h"

#include <algorithm>

#include "core/check.h"

namespace driftd {
namespace {

// p(a) >= p(b), in integers: both counts are below 2^32, so the products fit.
[[nodiscard]] bool not_below(const IsotonicBlock& a, const IsotonicBlock& b) {
  return a.positives * b.rows >= b.positives * a.rows;
}

}  // namespace

std::vector<IsotonicBlock> fit_isotonic(std::span<const ScoredLabel> sorted) {
  std::vector<IsotonicBlock> blocks;
  for (std::size_t i = 0; i < sorted.size();) {
    IsotonicBlock next{sorted[i].score, sorted[i].score, 0, 0};
    for (; i < sorted.size() && sorted[i].score == next.first; ++i) {
      ++next.rows;
      next.positives += sorted[i].positive;
    }
    while (!blocks.empty() && not_below(blocks.back(), next)) {
      next.first = blocks.back().first;
      next.rows += blocks.back().rows;
      next.positives += blocks.back().positives;
      blocks.pop_back();
    }
    blocks.push_back(next);
  }
  return blocks;
}

double calibrated(std::span<const IsotonicBlock> blocks, double score) {
  DRIFTD_CHECK(!blocks.empty());
  // The first block that does not end below the score.
  const auto block = std::ranges::lower_bound(blocks, score, {}, &IsotonicBlock::last);
  if (block == blocks.end()) return blocks.back().probability();
  if (block == blocks.begin() || score >= block->first) return block->probability();
  const IsotonicBlock& below = *(block - 1);
  const double slope = (block->probability() - below.probability()) / (block->first - below.last);
  return slope * (score - below.last) + below.probability();
}

}  // namespace driftd
