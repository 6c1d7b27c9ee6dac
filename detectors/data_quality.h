// Shares of a window's predictions whose value is missing, of a wrong type, or a category that the
// reference lacks.
//
// Every prediction of the window is in the divisor. They are found for every series and are judged
// only against a limit that the configuration gives.
#pragma once

#include <string_view>
#include <vector>

#include "detectors/detector.h"

namespace driftd {

struct QualityShare {
  std::string_view name;  // missing, type_error, unseen
  Outcome outcome;        // n: the window's predictions
};

[[nodiscard]] std::vector<QualityShare> data_quality(const SeriesSummary& current,
                                                     std::uint64_t predictions);

}  // namespace driftd
