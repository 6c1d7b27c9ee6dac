// From an id's hash to the number of its newest row: open addressing, eight bytes an entry.
//
// An entry holds 32 bits of the hash and the low 32 bits of the row number; the whole number
// follows, as fewer than 2^31 rows are alive at once. Entries of rows before `first_alive` are
// dead: they are passed over, taken again by the next insertion that meets them, and left out when
// the index is made anew, so that dropping a segment touches no entry. A hit says only that the 32
// bits agree; the caller compares the whole id in the row. Thread rule: the label join's mutex.
// Allocation rule: only when it grows. Failure rule: none; `full` says that it may not grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/ids.h"
#include "windows/join_rows.h"
#include "windows/memory_budget.h"

namespace driftd {

class RowIndex {
 public:
  explicit RowIndex(MemoryBudget& budget);
  ~RowIndex();
  RowIndex(const RowIndex&) = delete;
  RowIndex& operator=(const RowIndex&) = delete;

  void prefetch(const IdHash& id) const {
    __builtin_prefetch(entries_.data() + (hash_of(id) >> shift_));
  }

  // Calls accept(number) for every living row whose 32 bits of hash agree, until it returns true;
  // that row's place is then `found`.
  struct Place {
    std::size_t at = 0;
    RowNumber row = kNoRow;  // kNoRow: none was accepted
  };
  template <typename Accept>
  [[nodiscard]] Place find(const IdHash& id, const Accept& accept) const {
    const std::uint32_t hash = hash_of(id);
    for (std::size_t at = hash >> shift_; entries_[at] != kEmpty; at = (at + 1) & mask_) {
      if (static_cast<std::uint32_t>(entries_[at] >> 32) != hash) continue;
      const RowNumber row = row_of(entries_[at]);
      if (row != kNoRow && accept(row)) return {at, row};
    }
    return {};
  }

  // True where one more entry would need more memory than the budget has left.
  [[nodiscard]] bool full() const;
  // Adds an entry for an id that has none; grows where it must. Not while `full`.
  void insert(const IdHash& id, RowNumber row);
  // The entry at a place that `find` has found, for a newer version of its row.
  void replace(const Place& place, RowNumber row) {
    entries_[place.at] = (entries_[place.at] & kHashBits) | static_cast<std::uint32_t>(row);
  }

  // Rows before this one are dead; `end` is the number after the last one that is in use.
  void set_alive(RowNumber first, RowNumber end) {
    first_alive_ = first;
    end_ = end;
  }
  // How many entries are of living rows: what has been inserted less what the caller says died.
  void note_dead(std::uint64_t entries) { alive_ -= entries; }
  [[nodiscard]] std::uint64_t alive() const { return alive_; }
  [[nodiscard]] std::size_t bytes() const { return entries_.size() * sizeof(std::uint64_t); }

 private:
  static constexpr std::uint64_t kEmpty = 0;
  static constexpr std::uint64_t kHashBits = 0xFFFF'FFFF'0000'0000ull;

  // Never 0, so that no entry looks empty.
  [[nodiscard]] static std::uint32_t hash_of(const IdHash& id) {
    const std::uint64_t mixed = (id.low ^ (id.high >> 7)) * 0x9E37'79B9'7F4A'7C15ull;
    const auto hash = static_cast<std::uint32_t>(mixed >> 32);
    return hash == 0 ? 1 : hash;
  }
  [[nodiscard]] RowNumber row_of(std::uint64_t entry) const {
    const std::uint32_t ahead =
        static_cast<std::uint32_t>(entry) - static_cast<std::uint32_t>(first_alive_);
    return ahead < end_ - first_alive_ ? first_alive_ + ahead : kNoRow;
  }
  [[nodiscard]] bool must_remake() const { return used_ + 1 > entries_.size() / 4 * 3; }
  [[nodiscard]] std::size_t wanted_size() const;
  void resize(std::size_t size);
  void remake(std::size_t size);

  MemoryBudget& budget_;
  std::size_t held_ = 0;                // of the budget
  std::vector<std::uint64_t> entries_;  // a power of two
  int shift_ = 0;                       // 32 - log2(size): the home of a hash is its high bits
  std::size_t mask_ = 0;
  std::size_t used_ = 0;  // entries that are not empty, dead ones included
  std::uint64_t alive_ = 0;
  RowNumber first_alive_ = 0;
  RowNumber end_ = 0;
  RowNumber remade_at_ = 0;
};

}  // namespace driftd
