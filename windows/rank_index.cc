#include "windows/rank_index.h"

#include <cmath>
#include <limits>

#include "core/check.h"

namespace driftd {
namespace {

// Up to this many boundaries of a grid cell are scanned in order; more are searched by halves.
constexpr std::uint32_t kScanLimit = 12;
// Grid cells per boundary: at two the scan has half a boundary to pass on average (measured in
// bench/).
constexpr std::uint32_t kGridFactor = 2;

}  // namespace

RankIndex::RankIndex(std::vector<double> boundaries)
    : count_(static_cast<std::uint32_t>(boundaries.size())), boundaries_(std::move(boundaries)) {
  for (std::size_t i = 1; i < boundaries_.size(); ++i)
    DRIFTD_CHECK(boundaries_[i - 1] < boundaries_[i]);
  // The grid spans the bulk only: a stretched tail would put everything else into a few cells.
  double low = 0;
  double high = 0;
  if (count_ > 0) {
    const auto at = [this](double share) {
      return boundaries_[static_cast<std::size_t>(share * static_cast<double>(count_ - 1))];
    };
    const double reach = 8 * (at(0.75) - at(0.25));
    low = std::max(at(0.001), at(0.25) - reach);
    high = std::min(at(0.999), at(0.75) + reach);
  }
  const std::uint32_t grid = std::max<std::uint32_t>(1, count_ * kGridFactor);
  grid_low_ = std::isfinite(low) ? low : 0;
  const double width = high - grid_low_;
  grid_scale_ = std::isfinite(width) && width > 0 ? grid / width : 0;
  if (!std::isfinite(grid_scale_)) grid_scale_ = 0;
  grid_last_ = grid + 1;
  starts_.assign(grid + 3, 0);
  for (std::uint32_t i = 0; i < count_; ++i) ++starts_[grid_position(boundaries_[i]) + 1];
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  boundaries_.push_back(std::numeric_limits<double>::infinity());
}

std::uint32_t RankIndex::grid_position(double value) const {
  // Without a usable width (one boundary, or infinite ones) all boundaries share one grid cell.
  if (grid_scale_ == 0) return 1;
  double at = (value - grid_low_) * grid_scale_ + 1;
  at = at > 0 ? at : 0;
  at = at < grid_last_ ? at : grid_last_;
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(at));
}

std::uint32_t RankIndex::cell(double value) const {
  const std::uint32_t grid = grid_position(value);
  std::uint32_t at = starts_[grid];
  const std::uint32_t end = starts_[grid + 1];
  const double* const boundaries = boundaries_.data();
  if (end - at > kScanLimit) [[unlikely]] {
    at = static_cast<std::uint32_t>(std::upper_bound(boundaries + at, boundaries + end, value) -
                                    boundaries);
  } else {
    while (at < end && boundaries[at] <= value) ++at;
  }
  // `at` boundaries are at most the value.
  return at > 0 && boundaries[at - 1] == value ? 2 * at - 1 : 2 * at;
}

void RankIndex::cells(std::span<const double> values, std::uint32_t* out) const {
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = cell(values[i]);
}

}  // namespace driftd
