// Isotonic regression of a binary label on a score: the calibration of a model's probabilities.
//
// The least-squares rising step function, by the pool-adjacent-violators algorithm (Ayer, Brunk,
// Ewing, Reid and Silverman, 1955). Labels are 0 and 1, so a block is two counts and the pooling
// compares integers: no rounding, whatever the order of the pools. Between two blocks a score is
// interpolated and beyond the ends it takes the outermost block, as scikit-learn's
// IsotonicRegression(out_of_bounds="clip") does. Thread rule: pure. Allocation rule: may allocate
// (at start-up). Cannot fail.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace driftd {

struct ScoredLabel {
  double score = 0;  // finite
  bool positive = false;
};

// A stretch of scores that share one probability: all reference rows from `first` to `last`.
struct IsotonicBlock {
  double first = 0;
  double last = 0;
  std::uint64_t rows = 0;
  std::uint64_t positives = 0;

  [[nodiscard]] double probability() const {
    return static_cast<double>(positives) / static_cast<double>(rows);
  }
};

// `sorted` by score. Blocks in rising order of score and of probability; none without rows.
[[nodiscard]] std::vector<IsotonicBlock> fit_isotonic(std::span<const ScoredLabel> sorted);

// The probability of a score; `blocks` must not be empty.
[[nodiscard]] double calibrated(std::span<const IsotonicBlock> blocks, double score);

}  // namespace driftd
