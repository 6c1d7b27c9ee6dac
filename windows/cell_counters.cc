#include "windows/cell_counters.h"

#include <algorithm>

#include "core/check.h"

namespace driftd {
namespace {

// Up to one value in so many cells a list is sorted to be written; beyond that counting is quicker.
constexpr std::uint32_t kCellsPerSortedValue = 64;

template <typename Count>
void write_counts(ByteWriter& out, const std::vector<Count>& counts) {
  const auto cells = static_cast<std::uint32_t>(counts.size());
  const auto used =
      static_cast<std::uint32_t>(cells - std::count(counts.begin(), counts.end(), Count{0}));
  if (used > cells / 2) {
    out.byte(1);
    for (const Count count : counts) out.varint(count);
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
  return (list_.capacity() + counts_.capacity()) * sizeof(std::uint32_t) +
         wide_.capacity() * sizeof(std::uint64_t);
}

void CellCounters::make_dense(std::uint64_t more) {
  if (!is_dense()) {
    counts_.assign(cells_, 0);
    for (const std::uint32_t cell : list_) ++counts_[cell];
    list_ = {};
  }
  if (wide_.empty() && (more > kMostNarrow || total_ > kMostNarrow - more)) {
    wide_.assign(counts_.begin(), counts_.end());
    counts_ = {};
  }
}

void CellCounters::update(std::span<const std::uint32_t> at) {
  if (!is_dense()) {
    // The list is kept while it is at most half as long as the array would be.
    if (list_.size() + at.size() <= cells_ / 2) {
      list_.insert(list_.end(), at.begin(), at.end());
      total_ += at.size();
      return;
    }
  }
  make_dense(at.size());
  total_ += at.size();
  if (wide_.empty()) {
    for (const std::uint32_t cell : at) ++counts_[cell];
  } else {
    for (const std::uint32_t cell : at) ++wide_[cell];
  }
}

void CellCounters::add(std::uint32_t cell, std::uint64_t times) {
  DRIFTD_CHECK(cell < cells_);
  if (times == 0) return;
  make_dense(times);
  if (wide_.empty()) {
    counts_[cell] += static_cast<std::uint32_t>(times);
  } else {
    wide_[cell] += times;
  }
  total_ += times;
}

void CellCounters::merge(const CellCounters& other) {
  DRIFTD_CHECK(cells_ == other.cells_);
  if (!other.is_dense()) {
    update(other.list_);
    return;
  }
  make_dense(other.total_);
  total_ += other.total_;
  if (!wide_.empty()) {
    other.add_to(wide_);
    return;
  }
  // What fits into 32 bits together is in 32 bits on its own.
  for (std::uint32_t cell = 0; cell < cells_; ++cell) counts_[cell] += other.counts_[cell];
}

void CellCounters::add_to(std::span<std::uint64_t> counts) const {
  DRIFTD_CHECK(counts.size() == cells_);
  if (!wide_.empty()) {
    for (std::uint32_t cell = 0; cell < cells_; ++cell) counts[cell] += wide_[cell];
  } else if (!counts_.empty()) {
    for (std::uint32_t cell = 0; cell < cells_; ++cell) counts[cell] += counts_[cell];
  } else {
    for (const std::uint32_t cell : list_) ++counts[cell];
  }
}

std::uint64_t CellCounters::outside(std::uint32_t first, std::uint32_t last) const {
  const auto is_outside = [&](std::uint32_t cell) { return cell < first || cell > last; };
  if (counts_.empty())
    return static_cast<std::uint64_t>(std::count_if(list_.begin(), list_.end(), is_outside));
  std::uint64_t outside = 0;
  for (std::uint32_t cell = 0; cell < cells_; ++cell) {
    if (is_outside(cell)) outside += counts_[cell];
  }
  return outside;
}

std::optional<std::uint32_t> CellCounters::only_cell() const {
  if (total_ == 0) return std::nullopt;
  std::uint32_t cell = 0;
  if (counts_.empty()) {
    cell = list_.front();
  } else {
    while (counts_[cell] == 0) ++cell;
  }
  if (outside(cell, cell) > 0) return std::nullopt;
  return cell;
}

// Format: number of cells; 1 + counters by cell, or 0 + number of non-empty cells + (distance,
// count) of each.
void CellCounters::write(ByteWriter& out) const {
  out.varint(cells_);
  if (!wide_.empty()) {
    write_counts(out, wide_);
    return;
  }
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
  const std::uint8_t form = in.byte();
  std::uint64_t cell = 0;
  const std::uint64_t entries = form == 1 ? cells : in.element_count();
  for (std::uint64_t i = 0; i < entries && in.ok(); ++i) {
    if (form == 1) {
      cell = i;
    } else {
      cell += in.varint();
    }
    const std::uint64_t count = in.varint();
    // A total that leaves 64 bits was never written, nor was an empty cell of a list.
    if (cell >= cells || count > ~out.total_ || (form != 1 && count == 0)) return false;
    if (form == 1 || out.is_dense() || count > cells / 2 || out.list_.size() + count > cells / 2) {
      out.add(static_cast<std::uint32_t>(cell), count);
    } else {
      out.list_.insert(out.list_.end(), count, static_cast<std::uint32_t>(cell));
      out.total_ += count;
    }
  }
  return in.ok();
}

}  // namespace driftd
