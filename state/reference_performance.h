// How well the model did on its own reference: the reference's rows that have an `actual`, folded
// as if they were labelled predictions.
//
// What `max_drop` is measured from. Runs at start-up; only the summary is kept, not the columns. A
// row that would be discarded as an event (no prediction, a score outside of 0 to 1, a value that
// is no number) is left out. Cannot fail.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model.h"
#include "state/column_file.h"
#include "windows/performance.h"

namespace driftd {

// Reads the rows of a file as labelled predictions; the file and the model must outlive it.
class LabelledRowReader {
 public:
  LabelledRowReader(const ColumnFile& file, const ModelSchema& model);
  // The row, whose scores are valid until the next one; empty where it is none that counts.
  [[nodiscard]] std::optional<LabelledRow> read(std::size_t row);

 private:
  [[nodiscard]] ClassCode class_of(std::string_view text);
  [[nodiscard]] const CellColumn* score_column(const ColumnFile& file, ClassCode code);

  const ModelSchema& model_;
  const CellColumn* actual_;
  const CellColumn* prediction_;
  const CellColumn* predicted_class_;
  std::vector<const CellColumn*> scores_;  // by position in ModelSchema::scored_classes
  std::vector<double> values_;
  std::string buffer_;
};

struct ReferencePerformance {
  PerformanceSummary performance;
  LatencySummary latency;
};

[[nodiscard]] ReferencePerformance reference_performance(const ColumnFile& file,
                                                         const ModelSchema& model);

}  // namespace driftd
