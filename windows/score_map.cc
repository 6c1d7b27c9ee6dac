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

}  // namespace

ScoreMap ScoreMap::identity(std::span<const ScoredLabel> sorted, std::size_t most) {
  std::vector<double> boundaries;
  add_ranks(sorted, most, boundaries);
  ScoreMap map;
  map.index_ = index_over(std::move(boundaries));
  const std::span<const double> at = map.index_.boundaries();
  map.pieces_.resize(map.cells());
  for (std::uint32_t cell = 0; cell < map.cells(); ++cell) {
    Piece& piece = map.pieces_[cell];
    const std::uint32_t above = cell / 2;  // the boundary of this cell, or the one above it
    const double low = cell == 0 ? 0 : std::clamp(at[above - (cell % 2 == 0 ? 1 : 0)], 0.0, 1.0);
    const double high = above == at.size() ? 1 : std::clamp(at[above], 0.0, 1.0);
    const bool is_between = cell % 2 == 0 && low < high;
    piece = {low, is_between ? 1.0 : 0.0, low, is_between ? high : low};
  }
  return map;
}

ScoreMap ScoreMap::calibration(std::vector<IsotonicBlock> blocks,
                               std::span<const ScoredLabel> sorted, std::size_t extra) {
  DRIFTD_CHECK(!blocks.empty());
  join_blocks(blocks, kMostSteps);
  std::vector<double> boundaries;
  for (const IsotonicBlock& block : blocks) {
    boundaries.push_back(block.first);
    boundaries.push_back(block.last);
  }
  if (extra > 0) add_ranks(sorted, extra, boundaries);
  ScoreMap map;
  map.index_ = index_over(std::move(boundaries));
  const std::span<const double> at = map.index_.boundaries();
  map.pieces_.resize(map.cells());
  map.block_of_.resize(map.cells());
  // The last block that begins at or below the cell's lower end.
  std::uint32_t block = 0;
  for (std::uint32_t cell = 0; cell < map.cells(); ++cell) {
    Piece& piece = map.pieces_[cell];
    const std::uint32_t above = cell / 2;
    const std::uint32_t below = cell == 0 ? 0 : above - (cell % 2 == 0 ? 1 : 0);
    while (block + 1 < blocks.size() && blocks[block + 1].first <= at[below]) ++block;
    map.block_of_[cell] = block;
    const double level = blocks[block].probability();
    piece = {level, 0, at[below], level};
    // Between two blocks: from the end of one to the beginning of the next.
    if (cell == 0 || at[below] < blocks[block].last || block + 1 == blocks.size()) continue;
    if (cell % 2 == 1 && at[below] == blocks[block].last) continue;
    const IsotonicBlock& next = blocks[block + 1];
    const double slope = (next.probability() - level) / (next.first - blocks[block].last);
    const double end = cell % 2 == 1 ? at[below] : at[above];
    const double begin = level + slope * (at[below] - blocks[block].last);
    if (cell % 2 == 1) {
      piece = {begin, 0, at[below], begin};
    } else {
      piece = {begin, slope, at[below], level + slope * (end - blocks[block].last)};
    }
  }
  map.blocks_ = std::move(blocks);
  return map;
}

}  // namespace driftd
