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
};

struct Detector {
  std::string_view name;
  Outcome (*numeric)(const NumericReference&,
                     const NumericSummary&);  // null: not for numeric series
  Outcome (*categorical)(const CategoryReference&,
                         const CategorySummary&);  // null: not for categories
  DefaultLimits limits;
  bool default_numeric;  // used where a feature does not list its detectors
  bool default_categorical;
};

[[nodiscard]] std::span<const Detector> detectors();
[[nodiscard]] const Detector* find_detector(std::string_view name);

// The detector's outcome; the summary must be of the reference's type, and the detector must fit
// it.
[[nodiscard]] Outcome run(const Detector& detector, const SeriesReference& reference,
                          const SeriesSummary& current);

}  // namespace driftd
