// The distinct values of a column with their counts, and its quantiles once there are too many of
// them: one pass, bounded memory.
//
// Up to `most` distinct values are kept with their exact counts. Beyond that neighbours are pooled:
// each entry then stands for `weight` values above the entry before it and up to its own value, and
// knows by how many its rank may be off. The least and the greatest value stay exact. Source:
// Greenwald and Khanna (2001), SIGMOD, with values inserted in sorted batches and the bound chosen
// so that the entries fit, instead of the other way round; `rank_error` reports it.
//
// Thread rule: one owner. Allocation rule: at most 48 bytes an entry, while it grows. Failure rule:
// none; NaN must not be added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace driftd {

class QuantileSketch {
 public:
  explicit QuantileSketch(std::size_t most) : most_(most) {}

  // Infinities are values; -0 is 0.
  void add(std::span<const double> values);
  // To be called behind the last value, before anything is asked.
  void finish() { fold_pending(); }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  // Whether every distinct value is an entry with its count.
  [[nodiscard]] bool is_exact() const { return exact_; }
  // Distinct values, or how many there were before the first ones were pooled.
  [[nodiscard]] std::uint64_t distinct() const { return exact_ ? entries_.size() : distinct_; }
  // In rising order; while exact these are the distinct values.
  [[nodiscard]] std::vector<double> values() const;
  // The values at these ranks, which rise, of the sorted column; 0 is the least.
  [[nodiscard]] std::vector<double> at(std::span<const std::uint64_t> ranks) const;
  // By which share of the column the rank of such a value may be off; 0 while exact.
  [[nodiscard]] double rank_error() const;

 private:
  struct Entry {
    double value = 0;
    std::uint64_t weight = 0;  // values above the entry before, up to this one
    std::uint64_t slack = 0;   // further values that may be up to this one, too
    bool pure = true;          // all of `weight` are this very value
  };
  static constexpr std::size_t kPending = 16'384;

  void fold_pending();
  void pool();
  [[nodiscard]] std::vector<Entry> pooled(std::uint64_t bound) const;

  std::size_t most_;
  std::uint64_t count_ = 0;
  std::uint64_t distinct_ = 0;
  bool exact_ = true;
  std::vector<Entry> entries_;  // by value
  std::vector<double> pending_;
};

}  // namespace driftd
