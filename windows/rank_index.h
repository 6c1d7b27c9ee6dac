// Where a value lies among the boundaries of a frozen reference: value -> cell.
//
// With sorted distinct boundaries b_0 < .. < b_{B-1} (the reference's distinct values and its
// decile edges) there are 2B + 1 cells: cell 2i + 1 holds the values equal to b_i, cell 2i those
// strictly between b_{i-1} and b_i, and the first and the last those beyond the ends. Counters over
// these cells determine both samples' distribution functions at every point where a rank statistic
// can take its supremum, which is why such statistics are exact.
//
// The search: a uniform grid over the bulk of the reference gives the few boundaries that can lie
// next to the value; all of them are compared with it at once, or, where a grid cell is crowded
// (heavy tails), a binary search finds its place among them. Thread rule: immutable once made,
// shared by all lanes. Allocation rule: none after construction. Cannot fail.
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
  // The cell of each value, none of them NaN; `out` has as many elements as `values`.
  void cells(std::span<const double> values, std::uint32_t* out) const;

 private:
  // A value's grid cell is (value - low) * scale + 1, between 0 and `last`.
  struct Grid {
    double low = 0;
    double scale = 0;
    double last = 0;
  };
  static Grid grid_over(std::span<const double> boundaries);
  static void grid_cells(const Grid& grid, std::span<const double> values, std::int32_t* out);
  static void place(std::span<const double> values, const std::int32_t* grid_cells,
                    const std::uint32_t* starts, const double* boundaries, std::uint32_t* out);

  std::uint32_t count_ = 0;
  std::vector<double> boundaries_;  // padded at the end, so that a comparison needs no bound check
  std::vector<std::uint32_t> starts_;  // grid cell -> first boundary that is in it or above it
  Grid grid_;
};

}  // namespace driftd
