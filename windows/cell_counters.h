// Counters over a fixed number of cells: the integer core of every exact summary.
//
// A pane that has seen few values keeps the list of cells they fell into and turns into an array of
// counters later, so that a small segment with a large reference stays cheap. Both forms hold the
// same numbers: `update` and `merge` commute and associate, and `write`/`read` is the identity on
// the counts. Thread rule: one owner. Allocation rule: while the list grows (at most `cells`
// entries) and once when it turns dense. Failure rule: none; a counter holds 2^32 - 1, far beyond
// the events of a pane.
#pragma once

#include <cstdint>
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

  void write(ByteWriter& out) const;
  // False where the bytes are damaged or are counts over another number of cells.
  [[nodiscard]] static bool read(ByteReader& in, std::uint32_t cells, CellCounters& out);

 private:
  void make_dense();

  std::uint32_t cells_ = 0;
  std::uint64_t total_ = 0;
  std::vector<std::uint32_t> list_;    // sparse form: cells in order of arrival, with repeats
  std::vector<std::uint32_t> counts_;  // dense form, once it has been needed
};

}  // namespace driftd
