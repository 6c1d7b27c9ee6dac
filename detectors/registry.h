// The table of window detectors: one row each. A new detector is one header, one row here and one
// test.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "detectors/detector.h"

namespace driftd {

// The conventional limits that `{}` stands for in the configuration.
struct DefaultLimits {
  std::optional<double> warning;    // on the statistic
  std::optional<double> threshold;  // on the statistic
  // Where there is no threshold the p-value decides, and this much effect is asked for besides.
  double min_effect = 0;
};

struct Detector {
  std::string_view name;
  Outcome (*numeric)(const NumericComparison&);  // null: not for numeric series
  Outcome (*categorical)(const BinCounts&);      // null: not for categories
  DefaultLimits limits;
  bool default_numeric;  // used where a feature does not list its detectors
  bool default_categorical;
  bool is_signed = false;  // limits apply to the statistic's magnitude
};

[[nodiscard]] std::span<const Detector> detectors();
[[nodiscard]] const Detector* find_detector(std::string_view name);

// The detector's outcome; the detector must fit the type of the series.
[[nodiscard]] Outcome run(const Detector& detector, const Comparison& samples);

}  // namespace driftd
