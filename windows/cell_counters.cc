#include "windows/cell_counters.h"

#include <algorithm>

#include "core/check.h"

namespace driftd {
namespace {

// Up to one value in so many cells a list is sorted to be written; beyond that counting is quicker.
constexpr std::uint32_t kCellsPerSortedValue = 64;

void write_counts(ByteWriter& out, const std::vector<std::uint32_t>& counts) {
  const auto cells = static_cast<std::uint32_t>(counts.size());
  const auto used =
      static_cast<std::uint32_t>(cells - std::count(counts.begin(), counts.end(), 0u));
  if (used > cells / 2) {
    out.byte(1);
    for (const std::uint32_t count : counts) out.varint(count);
    return;
  }
  out.byte(0);
  out.varint(used);
  std::uint32_t previous = 0;
  for (std::uint32_t cell = 0; cell < cells; ++cell) {
    if (counts[cell] == 0) continue;
    out.varint(cell - previous);
    out.varint(counts[cell]);
    previous = cell;
  }
}

}  // namespace

std::size_t CellCounters::memory() const {
  return (list_.capacity() + counts_.capacity()) * sizeof(std::uint32_t);
}

void CellCounters::make_dense() {
  if (!counts_.empty()) return;
  counts_.assign(cells_, 0);
  for (const std::uint32_t cell : list_) ++counts_[cell];
  list_ = {};
}

void CellCounters::update(std::span<const std::uint32_t> at) {
  total_ += at.size();
  if (counts_.empty()) {
    // The list is kept while it is at most half as long as the array would be.
    if (list_.size() + at.size() <= cells_ / 2) {
      list_.insert(list_.end(), at.begin(), at.end());
      return;
    }
    make_dense();
  }
  for (const std::uint32_t cell : at) ++counts_[cell];
}

void CellCounters::add(std::uint32_t cell, std::uint64_t times) {
  DRIFTD_CHECK(cell < cells_);
  if (times == 0) return;
  make_dense();
  counts_[cell] += static_cast<std::uint32_t>(times);
  total_ += times;
}

void CellCounters::merge(const CellCounters& other) {
  DRIFTD_CHECK(cells_ == other.cells_);
  if (other.counts_.empty()) {
    update(other.list_);
    return;
  }
  make_dense();
  for (std::uint32_t cell = 0; cell < cells_; ++cell) counts_[cell] += other.counts_[cell];
  total_ += other.total_;
}

void CellCounters::add_to(std::span<std::uint64_t> counts) const {
  DRIFTD_CHECK(counts.size() == cells_);
  if (counts_.empty()) {
    for (const std::uint32_t cell : list_) ++counts[cell];
    return;
  }
  for (std::uint32_t cell = 0; cell < cells_; ++cell) counts[cell] += counts_[cell];
}

// Format: number of cells; 1 + counters by cell, or 0 + number of non-empty cells + (distance,
// count) of each.
void CellCounters::write(ByteWriter& out) const {
  out.varint(cells_);
  if (!counts_.empty()) {
    write_counts(out, counts_);
    return;
  }
  // A long list is counted into an array for the occasion: sorting it would take several times as
  // long.
  if (list_.size() > cells_ / kCellsPerSortedValue) {
    std::vector<std::uint32_t> counts(cells_, 0);
    for (const std::uint32_t cell : list_) ++counts[cell];
    write_counts(out, counts);
    return;
  }
  std::vector<std::uint32_t> list = list_;
  std::sort(list.begin(), list.end());
  out.byte(0);
  std::uint32_t distinct = 0;
  for (std::size_t i = 0; i < list.size(); ++i) distinct += i == 0 || list[i] != list[i - 1];
  out.varint(distinct);
  std::uint32_t previous = 0;
  for (std::size_t i = 0; i < list.size();) {
    std::size_t j = i;
    while (j < list.size() && list[j] == list[i]) ++j;
    out.varint(list[i] - previous);
    out.varint(j - i);
    previous = list[i];
    i = j;
  }
}

bool CellCounters::read(ByteReader& in, std::uint32_t cells, CellCounters& out) {
  out = CellCounters(cells);
  if (in.varint() != cells) return false;
  if (in.byte() == 1) {
    out.make_dense();
    for (std::uint32_t cell = 0; cell < cells && in.ok(); ++cell) {
      const std::uint64_t count = in.varint();
      if (count > 0xFFFF'FFFFu) return false;
      out.counts_[cell] = static_cast<std::uint32_t>(count);
      out.total_ += count;
    }
    return in.ok();
  }
  std::uint64_t cell = 0;
  for (std::uint64_t left = in.element_count(); left > 0 && in.ok(); --left) {
    cell += in.varint();
    const std::uint64_t count = in.varint();
    if (cell >= cells || count == 0 || count > 0xFFFF'FFFFu) return false;
    if (out.counts_.empty() && out.list_.size() + count <= cells / 2) {
      out.list_.insert(out.list_.end(), count, static_cast<std::uint32_t>(cell));
      out.total_ += count;
    } else {
      out.add(static_cast<std::uint32_t>(cell), count);
    }
  }
  return in.ok();
}

}  // namespace driftd
