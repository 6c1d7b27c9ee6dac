// [model.features] and [model.metrics]: the parts of a [[model]] whose keys are names of series and
// metrics.
//
// Internal to this room. At start-up only; what is wrong goes to the reader's context.
#pragma once

#include <optional>
#include <vector>

#include "config/config.h"
#include "config/table_reader.h"

namespace driftd {

// `task` is empty where the file's own is wrong: then nothing is told that depends on it.
[[nodiscard]] std::vector<FeatureConfig> read_features(TableReader& features,
                                                       std::optional<Task> task);
[[nodiscard]] std::vector<MetricConfig> read_metrics(TableReader& metrics, std::optional<Task> task,
                                                     bool has_champion);

}  // namespace driftd
