// How well the model did on its own reference: the reference's rows that have an `actual`, folded
// as if they were labelled predictions.
//
// What `max_drop` is measured from. Runs at start-up; only the summary is kept, not the columns. A
// row that would be discarded as an event (no prediction, a score outside of 0 to 1, a value that
// is no number) is left out. Cannot fail.
#pragma once

#include "core/model.h"
#include "state/column_file.h"
#include "windows/performance.h"

namespace driftd {

struct ReferencePerformance {
  PerformanceSummary performance;
  LatencySummary latency;
};

[[nodiscard]] ReferencePerformance reference_performance(const ColumnFile& file,
                                                         const ModelSchema& model);

}  // namespace driftd
