// The mergeable state behind the label-free estimates of one pane: what all its predictions,
// labelled or not, add up to.
//
// Binary: the number and the sum of the scores by cell of the score map and by predicted class;
// what they stand for is looked up once a window. Multiclass: probabilities are normalised row by
// row, so they are added up as they come: by predicted class and class, and by class and cell of
// its score. Regression: nothing; the counters of the series `prediction` say all that is needed.
// Sums of doubles depend on the order of merges by rounding only. Thread rule: one owner.
// Allocation rule: the cells, with the first prediction of a pane; the scratch keeps its capacity.
// Failure rule: `read` refuses damaged bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/byte_stream.h"
#include "core/event_batch.h"
#include "windows/estimation_model.h"

namespace driftd {

struct EstimationSummary {
  struct Cell {
    std::uint64_t count = 0;
    double sum = 0;  // binary: of scores; multiclass: of normalised probabilities
  };

  std::uint64_t seen = 0;  // predictions, those without a usable score included
  std::uint64_t scored = 0;
  // Binary: 2 x cell + (1 where the predicted class is the positive one). Multiclass: class after
  // class its cells.
  std::vector<Cell> cells;
  // Multiclass only, K classes; the predicted class K is one that has no score.
  std::vector<std::uint64_t> predicted;  // K + 1
  std::vector<double> probabilities;     // (K + 1) x K: sum of p[k] where `predicted` is a
  std::vector<double> own_products;      // K x K: sum of p[a] p[k] where `predicted` is a

  struct Scratch {
    std::vector<double> scores;
    std::vector<std::uint8_t> positive;
    std::vector<std::uint32_t> cells;
    std::vector<std::uint32_t> rows;
    std::vector<double> probabilities;
  };
  // Folds rows of a batch.
  void update(const EstimationModel& model, const EventBatch& batch,
              std::span<const std::uint32_t> rows, Scratch& scratch);
  // Both of the same model.
  void merge(const EstimationSummary& other);

  void write(ByteWriter& out) const;
  // A summary of another shape than the model's (estimates were switched on or off since) is read
  // and left empty.
  [[nodiscard]] static bool read(ByteReader& in, const EstimationModel& model,
                                 EstimationSummary& out);

 private:
  void prepare(const EstimationModel& model);
  void update_binary(const BinaryEstimation& model, const EventBatch& batch,
                     std::span<const std::uint32_t> rows, Scratch& scratch);
  void update_multiclass(const MulticlassEstimation& model, const EventBatch& batch,
                         std::span<const std::uint32_t> rows, Scratch& scratch);
};

}  // namespace driftd
