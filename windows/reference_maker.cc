#include "windows/reference_maker.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "windows/order_statistics.h"

namespace driftd {

NumericReferenceMaker::NumericReferenceMaker(std::uint64_t distinct_limit,
                                             std::optional<ValueRange> range, std::size_t most)
    : distinct_limit_(distinct_limit),
      range_(range),
      sketch_(std::max<std::size_t>(most, distinct_limit)) {}

void NumericReferenceMaker::survey(std::span<const double> values) {
  finite_values_.clear();
  for (const double value : values) {
    if (std::isnan(value)) continue;
    run_ = last_ == value ? run_ + 1 : 1;
    last_ = value;
    made_.longest_run = std::max(made_.longest_run, run_);
    finite_values_.push_back(value);
    if (std::isinf(value)) {
      below_finite_ += value < 0 ? 1 : 0;
      continue;
    }
    ++finite_;
    if (value < least_.value) least_ = {.value = value};
    if (value > greatest_.value) greatest_ = {.value = value};
    least_.rows += value == least_.value ? 1 : 0;
    greatest_.rows += value == greatest_.value ? 1 : 0;
  }
  sketch_.add(finite_values_);
}

void NumericReferenceMaker::prepare() {
  sketch_.finish();
  rank_error_ = sketch_.rank_error();
  const auto quantile = [&](double share) {
    const QuantilePlace place = quantile_place(finite_, share);
    const std::array<std::uint64_t, 2> ranks = {below_finite_ + place.below,
                                                below_finite_ + place.above};
    const std::vector<double> ends = sketch_.at(ranks);
    // What a sketch gives near the ends may be infinite where the column's own values are not.
    return interpolated(std::clamp(ends[0], least_.value, greatest_.value),
                        std::clamp(ends[1], least_.value, greatest_.value), place.rest);
  };
  if (range_) made_.range = interval_of(range_->low, range_->high);
  if (finite_ > 0) {
    for (int k = 1; k <= 9; ++k) {
      const double edge = quantile(k / 10.0);
      if (made_.edges.empty() || edge > made_.edges.back()) made_.edges.push_back(edge);
    }
    if (!range_) made_.range = interval_of(least_.value, greatest_.value);
    made_.fences = tukey_fences(quantile(0.25), quantile(0.75));
    constexpr int kFarthest = 1'000;
    const double largest = std::max(std::abs(least_.value), std::abs(greatest_.value));
    exponent_ = largest == 0 ? 0 : std::clamp(std::ilogb(largest), -kFarthest, kFarthest);
    scale_ = std::ldexp(1.0, -exponent_);
  }
  made_.distinct = sketch_.distinct();
  std::vector<double> boundaries;
  if (made_.distinct <= distinct_limit_) {
    boundaries = sketch_.values();
  } else {
    std::vector<std::uint64_t> ranks(distinct_limit_);
    for (std::uint64_t i = 0; i < distinct_limit_; ++i)
      ranks[i] = spaced_rank(sketch_.count(), distinct_limit_, i);
    boundaries = sketch_.at(ranks);
  }
  add_marks(made_, boundaries);
  made_.index = RankIndex(std::move(boundaries));
  made_.summary = NumericSummary(made_.index);
  if (made_.distinct > distinct_limit_) made_.gap_sums.assign(made_.index.cells() / 2 + 1, {});
  sketch_ = QuantileSketch(0);
}

void NumericReferenceMaker::count(std::span<const double> values) {
  made_.summary.update(made_.index, values, scratch_);
  finite_values_.clear();
  std::ranges::copy_if(values, std::back_inserter(finite_values_),
                       [](double value) { return std::isfinite(value); });
  count_for_deviation(finite_values_);
  if (made_.gap_sums.empty()) return;
  cells_.resize(finite_values_.size());
  made_.index.cells(finite_values_, cells_.data());
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (cells_[i] % 2 == 0) made_.gap_sums[cells_[i] / 2].add(finite_values_[i]);
  }
}

// As population_deviation has it, block by block.
void NumericReferenceMaker::count_for_deviation(std::span<const double> finite) {
  if (finite.empty()) return;
  if (!pivot_) pivot_ = finite.front() * scale_;
  scratch_.values.clear();
  for (const double value : finite) scratch_.values.push_back(value * scale_ - *pivot_);
  scaled_.merge(moments_of(scratch_.values));
}

NumericReference NumericReferenceMaker::take() {
  complete_counts(made_);
  made_.deviation = std::ldexp(std::sqrt(scaled_.population_variance()), exponent_);
  if (made_.range) made_.out_of_range = made_.range->outside(made_.summary.counters);
  if (!range_) {
    made_.out_of_range += finite_ < 2 ? finite_
                                      : static_cast<std::uint64_t>(least_.rows == 1) +
                                            static_cast<std::uint64_t>(greatest_.rows == 1);
  }
  if (made_.distinct > distinct_limit_) made_.thinning_error = largest_gap(made_);
  return std::move(made_);
}

}  // namespace driftd
