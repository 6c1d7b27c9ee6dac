// Where a value lies among the boundaries of a frozen reference: value -> cell.
//
// With sorted distinct boundaries b_0 < .. < b_{B-1} (the reference's distinct values and its
// decile edges) there are 2B + 1 cells: cell 2i + 1 holds the values equal to b_i, cell 2i those
// strictly between b_{i-1} and b_i, and the first and the last those beyond the ends. Counters over
// these cells determine both samples' distribution functions at every point where a rank statistic
// can take its supremum, which is why such statistics are exact.
//
// The search: a uniform grid over the bulk of the reference gives the few boundaries that can lie
// next to the value; a short scan, or a binary search where a grid cell is crowded (heavy tails),
// finds its place among them. Thread rule: immutable once made, shared by all lanes. Allocation
// rule: none after construction. Cannot fail.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace driftd {

class RankIndex {
 public:
  RankIndex() = default;
  // `boundaries`: sorted, distinct, without NaN; infinities are allowed at the ends.
  explicit RankIndex(std::vector<double> boundaries);

  [[nodiscard]] std::uint32_t cells() const { return 2 * count_ + 1; }
  [[nodiscard]] std::span<const double> boundaries() const { return {boundaries_.data(), count_}; }

  // The cell of a value that is not NaN; -0 is 0.
  [[nodiscard]] std::uint32_t cell(double value) const;
  // The cell of each value; `out` has as many elements as `values`.
  void cells(std::span<const double> values, std::uint32_t* out) const;

 private:
  [[nodiscard]] std::uint32_t grid_position(double value) const;

  std::uint32_t count_ = 0;
  std::vector<double>
      boundaries_;  // padded at the end with infinity, so that the scan needs no bound check
  std::vector<std::uint32_t> starts_;  // grid cell -> first boundary that is in it or above it
  double grid_low_ = 0;
  double grid_scale_ = 0;
  double grid_last_ = 0;
};

}  // namespace driftd
