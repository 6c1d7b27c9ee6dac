// The names that a configuration may use: detectors by type of series, metrics by task, series that
// are no features.
//
// Two tables that one can read. Immutable; any thread; no allocation save for the lists of names.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/model.h"

namespace driftd {

enum class Support : std::uint8_t { never, now };

struct DetectorEntry {
  std::string_view name;
  Support numeric = Support::never;
  Support categorical = Support::never;
  bool has_p_value = false;
  double highest = std::numeric_limits<double>::infinity();  // of the statistic; the lowest is 0
  // Looks at the values between the reference's, which windows then keep (windows/gap_values.h).
  bool needs_gaps = false;
};

[[nodiscard]] const DetectorEntry* find_detector_entry(std::string_view name);
// For one type of series; where the type is not known, what it is for the type that it suits best.
[[nodiscard]] Support support_of(const DetectorEntry& detector, std::optional<SeriesType> type);
// Those available now; for one type of series where it is known.
[[nodiscard]] std::vector<std::string_view> available_detectors(std::optional<SeriesType> type);

struct MetricEntry {
  std::string_view name;
  bool binary = false;
  bool multiclass = false;
  bool regression = false;
  double lowest = 0;
  double highest = std::numeric_limits<double>::infinity();
  bool duration = false;  // in milliseconds, configured as a duration
};

// Null where no task, or not the given one, has the metric. An unknown task takes the metrics of
// all.
[[nodiscard]] const MetricEntry* find_metric_entry(std::string_view name, std::optional<Task> task);
[[nodiscard]] std::vector<std::string_view> metrics_of(std::optional<Task> task);

}  // namespace driftd
