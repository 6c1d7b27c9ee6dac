// The mergeable state of one series in one pane.
//
// A numeric series keeps exact rank counters over its reference's boundaries and its moments; a
// categorical one counts by category. Both are commutative monoids under `merge` (property tests
// hold them to that): any split of a stream, merged in any order, gives the same counts, and the
// same moments up to rounding. Thread rule: one owner. Allocation rule: none per value in steady
// state; a category that is not in the reference allocates once per pane. Failure rule: none;
// `read` refuses damaged bytes.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/byte_stream.h"
#include "core/event_batch.h"
#include "windows/cell_counters.h"
#include "windows/gap_values.h"
#include "windows/rank_index.h"

namespace driftd {

// Count, mean and sum of squared deviations, merged by Chan, Golub and LeVeque (1979).
struct Moments {
  std::uint64_t count = 0;
  double mean = 0;
  double squares = 0;  // sum of (x - mean)^2

  void merge(const Moments& other);
  [[nodiscard]] double population_variance() const {
    return count == 0 ? 0 : squares / static_cast<double>(count);
  }
};

// The moments of finite values, in two passes.
[[nodiscard]] Moments moments_of(std::span<const double> values);

struct NumericSummary {
  CellCounters counters;  // every present value, infinities in the outer cells
  std::uint64_t missing = 0;
  std::uint64_t wrong_type = 0;
  std::uint64_t non_finite = 0;
  Moments moments;  // of the finite values
  double minimum = std::numeric_limits<double>::infinity();
  double maximum = -std::numeric_limits<double>::infinity();
  GapValues gaps;  // kept where a detector of the series needs them

  NumericSummary() = default;
  explicit NumericSummary(const RankIndex& index, bool keeps_gaps = false)
      : counters(index.cells()), gaps(keeps_gaps ? GapValues(index.cells()) : GapValues()) {}

  // Values present and of the right type.
  [[nodiscard]] std::uint64_t present() const { return counters.total(); }

  // Folds a column; values may carry the marks of core/event_batch.h. The scratch vectors keep
  // their capacity.
  struct Scratch {
    std::vector<double> values;
    std::vector<double> finite;
    std::vector<std::uint32_t> cells;
  };
  void update(const RankIndex& index, std::span<const double> column, Scratch& scratch);
  void merge(const NumericSummary& other);
  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, std::uint32_t cells, NumericSummary& out);
};

// Categories that the reference does not have, counted exactly up to `kMaxUnseen` distinct ones.
//
// Beyond that the ones with the smallest hashes keep their own count and the rest is `other`. Which
// ones are kept does then not depend on the order of arrival: the smallest hashes of all are the
// smallest in every part, so their counts are exact however the stream was split.
class UnseenCategories {
 public:
  static constexpr std::size_t kMaxUnseen = 1'024;

  void add(std::string_view text, std::uint64_t times = 1);
  void merge(const UnseenCategories& other);
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t other() const { return other_; }
  // By (hash, text), so the order is the same for the same categories.
  struct Key {
    std::uint64_t hash;
    std::string text;
    auto operator<=>(const Key&) const = default;
  };
  [[nodiscard]] const std::map<Key, std::uint64_t, std::less<>>& counts() const { return counts_; }

  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, UnseenCategories& out);

 private:
  void trim();
  std::map<Key, std::uint64_t, std::less<>> counts_;
  std::uint64_t other_ = 0;
  std::uint64_t total_ = 0;
};

struct CategorySummary {
  CellCounters counters;  // by the reference's category codes
  UnseenCategories unseen;
  std::uint64_t missing = 0;
  std::uint64_t wrong_type = 0;

  CategorySummary() = default;
  explicit CategorySummary(std::uint32_t reference_categories) : counters(reference_categories) {}

  [[nodiscard]] std::uint64_t present() const { return counters.total() + unseen.total(); }

  // Folds `codes`, all or some of the codes of `column`, which also holds the texts of the unseen
  // ones.
  struct Scratch {
    std::vector<std::uint32_t> codes;
  };
  void update(const Column& column, std::span<const std::uint32_t> codes, Scratch& scratch);
  void merge(const CategorySummary& other);
  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, std::uint32_t reference_categories,
                                 CategorySummary& out);
};

using SeriesSummary = std::variant<NumericSummary, CategorySummary>;

}  // namespace driftd
