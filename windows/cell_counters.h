// Counters over a fixed number of cells: the integer core of every exact summary.
//
// A pane that has seen few values keeps the list of cells they fell into and turns into an array of
// counters later, so that a small segment with a large reference stays cheap. Both forms hold the
// same numbers: `update` and `merge` commute and associate, and `write`/`read` is the identity on
// the counts. Thread rule: one owner. Allocation rule: while the list grows (at most `cells`
// entries), once when it turns dense, and once when it has counted 2^32 values: a counter has 32
// bits until then, because half the memory is half the cache misses, and 64 bits afterwards.
// Failure rule: none.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/byte_stream.h"

namespace driftd {

class CellCounters {
 public:
  CellCounters() = default;
  explicit CellCounters(std::uint32_t cells) : cells_(cells) {}

  [[nodiscard]] std::uint32_t cells() const { return cells_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::size_t memory() const;

  // Adds one for each cell in the list; each must be below `cells()`.
  void update(std::span<const std::uint32_t> at);
  void add(std::uint32_t cell, std::uint64_t times);
  // Both must have the same number of cells.
  void merge(const CellCounters& other);

  // Adds the counts to `counts`, which has `cells()` elements.
  void add_to(std::span<std::uint64_t> counts) const;
  // The counts of all cells below `first` and above `last` together.
  [[nodiscard]] std::uint64_t outside(std::uint32_t first, std::uint32_t last) const;
  // The one cell that all of them lie in, if there is one; empty without counts.
  [[nodiscard]] std::optional<std::uint32_t> only_cell() const;

  void write(ByteWriter& out) const;
  // False where the bytes are damaged or are counts over another number of cells.
  [[nodiscard]] static bool read(ByteReader& in, std::uint32_t cells, CellCounters& out);

 private:
  // Values that counters of 32 bits can hold in total, whichever cells they fall into.
  static constexpr std::uint64_t kMostNarrow = 0xFFFF'FFFF;

  [[nodiscard]] bool is_dense() const { return !counts_.empty() || !wide_.empty(); }
  // Turns the list into an array with room for `more` further values.
  void make_dense(std::uint64_t more);

  std::uint32_t cells_ = 0;
  std::uint64_t total_ = 0;
  std::vector<std::uint32_t> list_;    // sparse form: cells in order of arrival, with repeats
  std::vector<std::uint32_t> counts_;  // dense form, once it has been needed
  std::vector<std::uint64_t> wide_;    // dense form of more values than 32 bits can count
};

}  // namespace driftd
