// Which checks of data quality a model gets, against which limits, and what they find in a window.
//
// The tables themselves are in detectors/data_quality.h and detectors/model_quality.h; this brings
// them together with the configuration. Thread rule: pure. Allocation rule: may allocate (once a
// window). Cannot fail.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "core/report.h"
#include "detectors/data_quality.h"
#include "windows/pane.h"

namespace driftd {

using QualityPlan = std::vector<std::pair<const QualityCheck*, Limits>>;

// The checks of one series; `feature` is null where the configuration does not name it. Under a
// budget `missing`, `unseen`, `outliers` and `out_of_range` are for reading, but where the owner
// gives a limit or a range: its series `share`, `location` and `spread` see the same, and know
// seasons and that rows depend on each other.
[[nodiscard]] QualityPlan quality_plan(SeriesType type, const FeatureConfig* feature,
                                       AlertPolicy policy);

// The findings of the series `predictions`, handed to `add` with the name of each check.
// `has_labels`: ids are remembered, so that duplicates are found.
void check_model(const MonitoredModel& model, const ModelConfig& config, bool has_labels,
                 const WindowName& window, const Pane& pane,
                 const std::function<void(std::string_view, const Verdict&)>& add);

}  // namespace driftd
