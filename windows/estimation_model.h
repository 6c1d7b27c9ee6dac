// What a reference with labels teaches about performance without labels: how scores become
// probabilities, and how large errors are where.
//
// Classification: a score map a class (windows/score_map.h), for CBPE. Regression: the errors of
// the reference by bins of the prediction. Made once from the reference's columns `prediction`,
// `score_<class>` and `actual`; rows in which one of them is missing are left out. Thread rule:
// immutable once made, shared. Allocation rule: may allocate (at start-up). Cannot fail: where
// nothing can be learned the model is empty (std::monostate).
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "windows/isotonic.h"
#include "windows/score_map.h"
#include "windows/series_summary.h"

namespace driftd {

struct NumericReference;

struct BinaryEstimation {
  ScoreMap map;  // of the positive class
  std::uint64_t rows = 0;
};

struct MulticlassEstimation {
  // What is kept per pane grows with the square of the classes; beyond this many there is no
  // estimate.
  static constexpr std::size_t kMostClasses = 64;
  // Boundaries to rank by, of all classes together.
  static constexpr std::size_t kMostRanks = 4'096;

  std::vector<ScoreMap> maps;            // by position in ModelSchema::scored_classes
  std::vector<std::uint32_t> positions;  // class code -> position; what is not there has no score
  std::uint64_t rows = 0;

  [[nodiscard]] std::size_t classes() const { return maps.size(); }
  // `classes()` for a class without a score.
  [[nodiscard]] std::size_t position_of(ClassCode code) const {
    return code < positions.size() ? positions[code] : maps.size();
  }
  [[nodiscard]] bool is_calibrated() const;
};

// Errors by bins of the prediction: a bin is a run of cells of the prediction's reference.
struct RegressionEstimation {
  static constexpr std::size_t kMostBins = 100;
  static constexpr std::size_t kLeastRowsPerBin = 50;

  struct Bin {
    std::uint32_t last_cell = 0;
    Moments absolute;  // |e|
    Moments squared;   // e^2
    Moments relative;  // |e| / max(|actual|, 2^-52)
  };
  std::vector<Bin> bins;  // the last one reaches to the last cell
  std::uint64_t rows = 0;
};

using EstimationModel =
    std::variant<std::monostate, BinaryEstimation, MulticlassEstimation, RegressionEstimation>;

// `rows`: score and label of the reference, in its order, as NannyML's rule for calibration needs
// it.
[[nodiscard]] EstimationModel learn_binary(std::vector<ScoredLabel> rows);

// `by_class`: for each scored class its score and whether the row's label is it; all of one length.
// `codes`: the scored classes.
[[nodiscard]] EstimationModel learn_multiclass(std::vector<std::vector<ScoredLabel>> by_class,
                                               std::span<const ClassCode> codes);

struct PredictedActual {
  double predicted = 0;
  double actual = 0;
};
// `predictions`: the reference of the series `prediction`, whose cells the bins are made of.
[[nodiscard]] EstimationModel learn_errors(const NumericReference& predictions,
                                           std::span<const PredictedActual> rows);

}  // namespace driftd
