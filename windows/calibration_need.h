// Whether a model's scores need calibration: NannyML's rule, decided on the reference.
//
// Ten times a tenth of the reference is held out, stratified by label; an isotonic map is fitted on
// the other rows. Over all rows held out, the expected calibration error of the mapped scores is
// compared with that of the scores as they are; calibration is needed where the map makes it
// smaller. Not needed: with one class only, or where the scores separate the classes (ROC AUC above
// 0.999). Source: NannyML 0.13.1, nannyml/calibration.py, `needs_calibration` (Apache-2.0); the
// code here is our own. The rows held out are the very ones that NannyML holds out: the splits of
// scikit-learn's StratifiedShuffleSplit(n_splits=10, test_size=0.1, random_state=42), which draws
// from NumPy's legacy generator (MT19937, masked rejection), so that both decide alike. Thread
// rule: pure. Allocation rule: may allocate (at start-up). Cannot fail.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "windows/isotonic.h"

namespace driftd {

inline constexpr int kCalibrationSplits = 10;

struct HoldOut {
  std::vector<std::uint32_t> train;  // row numbers
  std::vector<std::uint32_t> test;
};

// The splits of `positive`, a label a row in the order of the reference; empty where a class has
// fewer than two rows or a test set would be smaller than the number of classes.
[[nodiscard]] std::vector<HoldOut> stratified_splits(std::span<const ScoredLabel> rows);

// The expected calibration error over bins of equal count. Rows of one score share their bins
// evenly, so that their order does not matter. `rows` sorted by probability.
struct ProbabilityLabel {
  double probability = 0;
  bool positive = false;
};
[[nodiscard]] double equal_count_calibration_error(std::span<const ProbabilityLabel> sorted);

// `rows` in the order of the reference.
[[nodiscard]] bool needs_calibration(std::span<const ScoredLabel> rows);

}  // namespace driftd
