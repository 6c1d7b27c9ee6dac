// Counters over a window's own distinct values, of two kinds: scores of negatives and positives, or
// errors.
//
// Rank metrics (ROC AUC, average precision, a median) are exact functions of them. Up to
// `kMaxDistinct` distinct values are kept as they are; beyond that the values are rounded to fewer
// mantissa bits, one bit after the other, until they fit: a relative error of at most 2^-(bits +
// 1), reported by `relative_error()`. The number of bits that the whole stream ends with does not
// depend on how it was split, because a part never needs fewer bits than the whole. Thread rule:
// one owner. Allocation rule: when the table grows. Failure rule: none; NaN must not be added.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/byte_stream.h"

namespace driftd {

class ValueCounts {
 public:
  static constexpr std::size_t kMaxDistinct = 131'072;
  static constexpr int kAllBits = 52;

  // `bits`: mantissa bits kept from the start. A latency sketch starts with few.
  ValueCounts() = default;
  explicit ValueCounts(int bits) : bits_(bits) {}

  struct Entry {
    double value = 0;
    std::uint32_t count[2] = {0, 0};
  };

  void add(double value, int kind, std::uint32_t times = 1);
  void merge(const ValueCounts& other);

  // Sorted by value.
  [[nodiscard]] std::vector<Entry> sorted() const;
  // By kind, how many values lie in [from, to].
  [[nodiscard]] std::array<std::uint64_t, 2> between(double from, double to) const;
  [[nodiscard]] std::size_t distinct() const { return used_; }
  [[nodiscard]] std::uint64_t total(int kind) const { return total_[kind]; }
  // 0 while exact.
  [[nodiscard]] double relative_error() const;

  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, ValueCounts& out);

 private:
  [[nodiscard]] double rounded(double value) const;
  void add_rounded(double value, std::uint32_t zero, std::uint32_t one);
  void grow();
  void coarsen(int bits);

  int bits_ = kAllBits;
  std::size_t used_ = 0;
  std::uint64_t total_[2] = {0, 0};
  std::vector<Entry>
      slots_;  // open addressing, a power of two; an entry with both counts 0 is free
};

}  // namespace driftd
