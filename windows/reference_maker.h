// A numeric column's reference out of a stream that is read twice: what make_numeric_reference
// makes of the column in memory.
//
// `survey` is shown every value once, then `count` every value once more; in the same order, in
// whatever blocks. Counts and boundaries are those of the column in memory, to the bit, while the
// sketch holds its distinct values; beyond that boundaries may lie `rank_error` off the ranks that
// were asked for, and counts stay exact at the boundaries there are. Moments differ by rounding.
//
// Thread rule: one owner. Allocation rule: the sketch, then the boundaries. Cannot fail.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "windows/quantile_sketch.h"
#include "windows/reference.h"

namespace driftd {

class NumericReferenceMaker {
 public:
  // `most`: distinct values that are told apart in the survey; at least `distinct_limit` are.
  NumericReferenceMaker(std::uint64_t distinct_limit, std::optional<ValueRange> range,
                        std::size_t most);

  // NaN: missing.
  void survey(std::span<const double> values);
  [[nodiscard]] std::uint64_t surveyed() const { return sketch_.count(); }
  // Between the two readings.
  void prepare();
  void count(std::span<const double> values);
  [[nodiscard]] NumericReference take();
  // By which share of the column the rank of a boundary may be off.
  [[nodiscard]] double rank_error() const { return rank_error_; }

 private:
  struct End {
    double value = 0;
    std::uint64_t rows = 0;
  };
  void count_for_deviation(std::span<const double> finite);

  std::uint64_t distinct_limit_;
  std::optional<ValueRange> range_;
  QuantileSketch sketch_;
  double rank_error_ = 0;
  std::uint64_t below_finite_ = 0;  // rows of minus infinity
  std::uint64_t finite_ = 0;
  End least_{.value = std::numeric_limits<double>::infinity()};
  End greatest_{.value = -std::numeric_limits<double>::infinity()};
  std::optional<double> last_;
  std::uint64_t run_ = 0;

  NumericReference made_;
  NumericSummary::Scratch scratch_;
  std::vector<double> finite_values_;
  std::vector<std::uint32_t> cells_;
  Moments scaled_;  // of the finite values times `scale_`, from the first of them on
  double scale_ = 1;
  int exponent_ = 0;
  std::optional<double> pivot_;
};

}  // namespace driftd
