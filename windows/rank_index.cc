#include "windows/rank_index.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.h"
#include "core/wide_vectors.h"

namespace driftd {
namespace {

// This many boundaries are compared at once, without a branch that could be mispredicted; a grid
// cell that has more is searched by halves.
constexpr std::uint32_t kCompared = 8;
// Grid cells per boundary: at two, hardly any grid cell has more than kCompared.
constexpr std::uint32_t kGridFactor = 2;
// Values whose grid cells are kept between the two loops; they stay in the first-level cache.
constexpr std::size_t kBlock = 512;

}  // namespace

DRIFTD_WIDE_VECTORS void RankIndex::grid_cells(const Grid& grid, std::span<const double> values,
                                               std::int32_t* out) {
  const auto [low, scale, last] = grid;
  for (std::size_t i = 0; i < values.size(); ++i) {
    double at = (values[i] - low) * scale + 1;
    at = at > 0 ? at : 0;
    at = at < last ? at : last;
    out[i] = static_cast<std::int32_t>(at);
  }
}

DRIFTD_WIDE_VECTORS void RankIndex::place(std::span<const double> values,
                                          const std::int32_t* grid_cells,
                                          const std::uint32_t* starts, const double* boundaries,
                                          std::uint32_t* out) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i];
    std::uint32_t at = starts[grid_cells[i]];
    const std::uint32_t end = starts[grid_cells[i] + 1];
    if (end - at > kCompared) [[unlikely]] {
      at = static_cast<std::uint32_t>(std::upper_bound(boundaries + at, boundaries + end, value) -
                                      boundaries);
    } else {
      // Those behind `end` lie in later grid cells and are above the value. Four sums, so that the
      // compiler sees one vector of them.
      const double* const next = boundaries + at;
      std::uint64_t below[4] = {0, 0, 0, 0};
      for (std::uint32_t k = 0; k < kCompared; k += 4) {
        for (std::uint32_t lane = 0; lane < 4; ++lane) below[lane] += next[k + lane] <= value;
      }
      at += static_cast<std::uint32_t>(below[0] + below[1] + below[2] + below[3]);
    }
    // `at` boundaries are at most the value.
    const std::uint32_t some = at > 0 ? 1 : 0;
    out[i] = 2 * at - (some & static_cast<std::uint32_t>(boundaries[at - some] == value));
  }
}

// The grid spans the bulk only: a stretched tail would put everything else into a few grid cells.
RankIndex::Grid RankIndex::grid_over(std::span<const double> boundaries) {
  const auto at = [&](double share) {
    return boundaries[static_cast<std::size_t>(share * static_cast<double>(boundaries.size() - 1))];
  };
  const auto cells = static_cast<double>(kGridFactor * boundaries.size());
  if (!boundaries.empty()) {
    const double reach = 8 * (at(0.75) - at(0.25));
    const double low = std::max(at(0.001), at(0.25) - reach);
    const double scale = cells / (std::min(at(0.999), at(0.75) + reach) - low);
    if (std::isfinite(low) && std::isfinite(scale) && scale > 0) return {low, scale, cells + 1};
  }
  // Without a usable width (one boundary, or infinite ones) a grid that starts nowhere puts every
  // value into its first cell.
  return {std::numeric_limits<double>::quiet_NaN(), 0, cells + 1};
}

RankIndex::RankIndex(std::vector<double> boundaries)
    : count_(static_cast<std::uint32_t>(boundaries.size())),
      boundaries_(std::move(boundaries)),
      grid_(grid_over(boundaries_)) {
  for (std::size_t i = 1; i < boundaries_.size(); ++i)
    DRIFTD_CHECK(boundaries_[i - 1] < boundaries_[i]);
  std::vector<std::int32_t> grid_cell(boundaries_.size());
  grid_cells(grid_, boundaries_, grid_cell.data());
  starts_.assign(static_cast<std::size_t>(grid_.last) + 2, 0);
  for (const std::int32_t cell : grid_cell) ++starts_[static_cast<std::size_t>(cell) + 1];
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  // No value is above what is not a number.
  boundaries_.insert(boundaries_.end(), kCompared, std::numeric_limits<double>::quiet_NaN());
}

std::uint32_t RankIndex::cell(double value) const {
  std::uint32_t result = 0;
  cells({&value, 1}, &result);
  return result;
}

void RankIndex::cells(std::span<const double> values, std::uint32_t* out) const {
  std::int32_t grid_cell[kBlock];
  for (std::size_t first = 0; first < values.size(); first += kBlock) {
    const auto block = values.subspan(first, std::min(kBlock, values.size() - first));
    grid_cells(grid_, block, grid_cell);
    place(block, grid_cell, starts_.data(), boundaries_.data(), out + first);
  }
}

}  // namespace driftd
