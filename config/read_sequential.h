// Reads [[model.sequential]]: sequential detectors over a model's windows. Internal to this room.
#pragma once

#include <optional>
#include <vector>

#include "config/config.h"
#include "config/table_reader.h"

namespace driftd {

// An unknown task takes the metrics of all.
[[nodiscard]] std::vector<SequentialConfig> read_sequential(TableReader& model,
                                                            std::optional<Task> task);

}  // namespace driftd
