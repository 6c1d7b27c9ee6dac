// What a window saw between its reference's boundaries: the values that the counters only count.
//
// The counters of a series tell two samples apart at every reference value, which is all that
// Kolmogorov-Smirnov and binned distances need. A statistic that depends on how far values lie
// apart (Wasserstein), or on which of them are equal (mean ranks), needs the values in the gaps,
// too. They are kept exactly, each distinct one with its count, up to `kMaxDistinct`; beyond that
// only their sum per gap is, from which such a statistic follows up to a bound. A series for which
// no such detector is configured keeps nothing.
//
// A commutative monoid under `merge`: a part of a stream never has more distinct values than the
// whole, so the form that the whole ends in does not depend on how it was split. Sums are equal up
// to rounding. Thread rule: one owner. Allocation rule: while the lists grow, at most 24 bytes a
// distinct value and 16 a boundary. Failure rule: none; `read` refuses damaged bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/byte_stream.h"
#include "windows/exact_sum.h"

namespace driftd {

class GapValues {
 public:
  // As many as a reference keeps by default (reference_max_distinct), so that a window takes about
  // as much memory as its reference.
  static constexpr std::size_t kMaxDistinct = 10'000;

  enum class Form : std::uint8_t { none, values, sums };
  struct Entry {
    double value = 0;
    std::uint64_t count = 0;
    std::uint32_t cell = 0;  // see rank_index.h; a gap is an even cell
  };

  // Keeps nothing, and what is merged with it keeps nothing either.
  GapValues() = default;
  // For counters over so many cells.
  explicit GapValues(std::uint32_t cells, std::size_t limit = kMaxDistinct)
      : form_(Form::values), cells_(cells), limit_(limit) {}

  [[nodiscard]] Form form() const { return form_; }

  // Adds those of the values (none of them NaN) whose cell is a gap. Infinities are values, but
  // enter no sum.
  void update(std::span<const double> values, std::span<const std::uint32_t> cells);
  void merge(const GapValues& other);

  // In order of value, each once; empty where they are not, or are too many to be, kept.
  [[nodiscard]] std::optional<std::vector<Entry>> entries() const;
  [[nodiscard]] std::size_t gaps() const { return cells_ / 2 + 1; }
  // Adds the sums of the finite values of each gap, by cell / 2; there are `gaps()` of them.
  void add_sums_to(std::span<ExactSum> sums) const;

  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, std::uint32_t cells, GapValues& out,
                                 std::size_t limit = kMaxDistinct);

 private:
  // Values seen before they are sorted and counted: few enough to stay cheap to sort, many enough
  // that most of the time is not spent in merging them with what was counted before.
  static constexpr std::size_t kMaxPending = 8'192;

  [[nodiscard]] std::vector<Entry> sorted() const;
  void count_pending();
  void turn_into_sums();

  Form form_ = Form::none;
  std::uint32_t cells_ = 0;
  std::size_t limit_ = kMaxDistinct;
  std::vector<Entry> counted_;  // in order of value
  std::vector<Entry> pending_;  // in order of arrival, each with count 1
  std::vector<ExactSum> sums_;  // by cell / 2
};

}  // namespace driftd
