#include "windows/row_index.h"

#include <bit>
#include <utility>

#include "core/check.h"

namespace driftd {
namespace {

constexpr std::size_t kSmallest = 1'024;
// Beyond it the low 32 bits of row numbers come round again, so that a dead entry might look alive;
// the index is made anew long before.
constexpr RowNumber kRowsUntilRemade = RowNumber{1} << 31;

[[nodiscard]] constexpr std::size_t bytes_of(std::size_t entries) {
  return entries * sizeof(std::uint64_t);
}

}  // namespace

RowIndex::RowIndex(MemoryBudget& budget) : budget_(budget) {
  held_ = budget_.take(bytes_of(kSmallest)) ? bytes_of(kSmallest) : 0;
  remake(kSmallest);
}

RowIndex::~RowIndex() { budget_.give_back(held_); }

// Twice the size where living entries alone fill most of it, so that an entry takes 10 to 21 bytes;
// the same size where it is the dead that fill it.
std::size_t RowIndex::wanted_size() const {
  std::size_t size = entries_.size();
  if (alive_ + 1 > size / 8 * 5) return size * 2;
  while (size > kSmallest && alive_ + 1 < size / 16) size /= 2;
  return size;
}

bool RowIndex::full() const {
  if (!must_remake()) return false;
  const std::size_t wanted = wanted_size();
  return wanted > entries_.size() && budget_.left() < bytes_of(wanted);
}

void RowIndex::insert(const IdHash& id, RowNumber row) {
  if (must_remake() || end_ - remade_at_ > kRowsUntilRemade) resize(wanted_size());
  DRIFTD_CHECK(used_ + 1 < entries_.size());
  const std::uint32_t hash = hash_of(id);
  std::size_t at = hash >> shift_;
  while (entries_[at] != kEmpty && row_of(entries_[at]) != kNoRow) at = (at + 1) & mask_;
  used_ += entries_[at] == kEmpty ? 1 : 0;
  ++alive_;
  entries_[at] = (std::uint64_t{hash} << 32) | static_cast<std::uint32_t>(row);
}

// Old and new are there together for a moment, so the new one is taken from the budget before the
// old one is given back.
void RowIndex::resize(std::size_t size) {
  if (size > entries_.size()) {
    if (!budget_.take(bytes_of(size))) return;
    remake(size);
    budget_.give_back(std::exchange(held_, bytes_of(size)));
    return;
  }
  const bool shrinks = size < entries_.size();
  remake(size);
  if (shrinks && held_ > bytes_of(size)) {
    budget_.give_back(held_ - bytes_of(size));
    held_ = bytes_of(size);
  }
}

void RowIndex::remake(std::size_t size) {
  std::vector<std::uint64_t> old(size, kEmpty);
  old.swap(entries_);
  shift_ = 32 - std::countr_zero(size);
  mask_ = size - 1;
  used_ = 0;
  for (const std::uint64_t entry : old) {
    if (entry == kEmpty || row_of(entry) == kNoRow) continue;
    std::size_t at = static_cast<std::uint32_t>(entry >> 32) >> shift_;
    while (entries_[at] != kEmpty) at = (at + 1) & mask_;
    entries_[at] = entry;
    ++used_;
  }
  alive_ = used_;
  remade_at_ = end_;
}

}  // namespace driftd
