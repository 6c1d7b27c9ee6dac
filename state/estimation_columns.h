// Learns from a reference file's labels what estimates without labels need
// (windows/estimation_model.h).
//
// Reads the columns `prediction`, `score_<class>` and `actual`; rows in which one of them is
// missing are left out. Runs at start-up. Allocation rule: may allocate. Failure rule: where there
// is nothing to learn from, or a column holds something else than numbers, the model is empty and
// the note says why: monitoring does not depend on estimates.
#pragma once

#include <string>

#include "config/config.h"
#include "core/model.h"
#include "state/column_file.h"
#include "windows/reference.h"

namespace driftd {

struct LearnedEstimation {
  EstimationModel model;
  std::string note;  // how the scores are taken, or why there is no estimate
};

// `reference` holds the series already: the errors of a regression are kept by the cells of its
// predictions.
[[nodiscard]] LearnedEstimation learn_estimation(const ModelConfig& config, const ColumnFile& file,
                                                 const ModelSchema& schema,
                                                 const Reference& reference);

}  // namespace driftd
