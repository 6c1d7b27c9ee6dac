#include "windows/score_map.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace driftd {
namespace {

constexpr int kGrid = 256;  // boundaries over [0, 1], for scores where the reference has none

// A grid, and at most `most` of the sorted scores, at evenly spaced ranks, ends included.
void add_ranks(std::span<const ScoredLabel> sorted, std::size_t most, std::vector<double>& out) {
  for (int k = 0; k <= kGrid; ++k) out.push_back(k / double{kGrid});
  if (sorted.empty()) return;
  std::vector<double> distinct;
  for (const ScoredLabel& row : sorted) {
    if (distinct.empty() || row.score > distinct.back()) distinct.push_back(row.score);
  }
  if (distinct.size() <= most) {
    out.insert(out.end(), distinct.begin(), distinct.end());
    return;
  }
  const auto last = static_cast<double>(sorted.size() - 1);
  for (std::size_t i = 0; i < most; ++i) {
    const double share = most == 1 ? 0.5 : static_cast<double>(i) / static_cast<double>(most - 1);
    out.push_back(sorted[static_cast<std::size_t>(std::llround(share * last))].score);
  }
}

[[nodiscard]] RankIndex index_over(std::vector<double> boundaries) {
  for (double& boundary : boundaries) boundary += 0.0;  // -0 is 0
  std::ranges::sort(boundaries);
  boundaries.erase(std::unique(boundaries.begin(), boundaries.end()), boundaries.end());
  return RankIndex(std::move(boundaries));
}

// Pools neighbours until there are at most `most` blocks. Each keeps the mean of its rows.
void join_blocks(std::vector<IsotonicBlock>& blocks, std::size_t most) {
  if (blocks.size() <= most) return;
  const std::size_t step = (blocks.size() + most - 1) / most;
  std::vector<IsotonicBlock> joined;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % step == 0) {
      joined.push_back(blocks[i]);
      continue;
    }
    joined.back().last = blocks[i].last;
    joined.back().rows += blocks[i].rows;
    joined.back().positives += blocks[i].positives;
  }
  blocks = std::move(joined);
}

// The two ends of a cell. They are one for a cell of one score, and for the outermost cells, where
// the probability does not change any more.
struct Ends {
  double from = 0;
  double to = 0;
};
[[nodiscard]] Ends ends_of(std::uint32_t cell, std::span<const double> boundaries) {
  const std::size_t at = cell / 2;  // the boundary of this cell, or the one above it
  if (cell % 2 == 1) return {boundaries[at], boundaries[at]};
  if (at == 0) return {boundaries.front(), boundaries.front()};
  if (at == boundaries.size()) return {boundaries.back(), boundaries.back()};
  return {boundaries[at - 1], boundaries[at]};
}

}  // namespace

template <typename Probability>
void ScoreMap::make_pieces(Probability probability_of) {
  pieces_.reserve(cells());
  for (std::uint32_t cell = 0; cell < cells(); ++cell) {
    const auto [from, to] = ends_of(cell, index_.boundaries());
    const double low = probability_of(from);
    const double high = probability_of(to);
    pieces_.push_back({low, high > low ? (high - low) / (to - from) : 0, from, high});
  }
}

ScoreMap ScoreMap::identity(std::span<const ScoredLabel> sorted, std::size_t most) {
  std::vector<double> boundaries;
  add_ranks(sorted, most, boundaries);
  ScoreMap map;
  map.index_ = index_over(std::move(boundaries));
  map.complete();
  return map;
}

ScoreMap ScoreMap::calibration(std::vector<IsotonicBlock> blocks,
                               std::span<const ScoredLabel> sorted, std::size_t extra) {
  DRIFTD_CHECK(!blocks.empty());
  join_blocks(blocks, kMostSteps);
  // Where a block ends the slope changes, so that no cell reaches across one.
  std::vector<double> boundaries;
  for (const IsotonicBlock& block : blocks) {
    boundaries.push_back(block.first);
    boundaries.push_back(block.last);
  }
  if (extra > 0) add_ranks(sorted, extra, boundaries);
  ScoreMap map;
  map.index_ = index_over(std::move(boundaries));
  map.blocks_ = std::move(blocks);
  map.complete();
  return map;
}

void ScoreMap::complete() {
  if (blocks_.empty()) {
    // The grid has boundaries at 0 and 1, so that no cell reaches across the clipping.
    make_pieces([](double score) { return std::clamp(score, 0.0, 1.0); });
    return;
  }
  make_pieces([&](double score) { return calibrated(blocks_, score); });
  std::uint32_t block = 0;
  for (const Piece& piece : pieces_) {
    while (block + 1 < blocks_.size() && blocks_[block + 1].first <= piece.from) ++block;
    block_of_.push_back(block);
  }
}

void ScoreMap::write(ByteWriter& out) const {
  out.varint(index_.boundaries().size());
  for (const double boundary : index_.boundaries()) out.number(boundary);
  out.varint(blocks_.size());
  for (const IsotonicBlock& block : blocks_) {
    out.number(block.first);
    out.number(block.last);
    out.varint(block.rows);
    out.varint(block.positives);
  }
}

bool ScoreMap::read(ByteReader& in, ScoreMap& out) {
  out = {};
  std::vector<double> boundaries(in.element_count());
  for (double& boundary : boundaries) boundary = in.number();
  out.blocks_.resize(in.element_count());
  for (IsotonicBlock& block : out.blocks_) {
    block.first = in.number();
    block.last = in.number();
    block.rows = in.varint();
    block.positives = in.varint();
    if (block.rows == 0 || block.positives > block.rows || !(block.first <= block.last))
      return false;
  }
  const auto rises = [](double one, double next) { return !(one < next); };
  if (!in.ok() || boundaries.empty() ||
      std::ranges::adjacent_find(boundaries, rises) != boundaries.end()) {
    return false;
  }
  out.index_ = RankIndex(std::move(boundaries));
  out.complete();
  return true;
}

}  // namespace driftd
