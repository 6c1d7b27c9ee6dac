// An evenly spaced sample of a stream of rows: all of them while they fit, then every second, every
// fourth, and so on.
//
// Thread rule: one owner. Allocation rule: so many cells. Cannot fail.
#pragma once

#include <cstdint>

#include "state/column_file.h"

namespace driftd {

class RowSample {
 public:
  enum class Of : std::uint8_t {
    everything,
    labels,  // rows with an `actual`, and of them what performance is estimated from
  };
  RowSample(Of of, std::size_t most_cells) : of_(of), most_cells_(most_cells) {}

  // Every block has the columns of the first one.
  void add(const ColumnFile& block);

  [[nodiscard]] const ColumnFile& rows() const { return kept_; }
  // One in so many rows was kept.
  [[nodiscard]] std::uint64_t step() const { return step_; }

 private:
  [[nodiscard]] bool is_wanted(const std::string& column) const;
  void halve();

  Of of_;
  std::size_t most_cells_;
  ColumnFile kept_;
  std::uint64_t met_ = 0;
  std::uint64_t step_ = 1;
};

}  // namespace driftd
