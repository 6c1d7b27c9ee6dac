// The chart of a comparison: a line of time per policy, dark where it alerts.
//
// One character is one stretch of event time. Thread rule: pure functions. Allocation rule: may
// allocate. Cannot fail; what spans no time has no chart.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/tuning/tuning.h"

namespace driftd {

// How a text for people may look where it goes.
struct TextStyle {
  std::size_t width = 72;  // characters in a line
  bool utf8 = true;        // else ASCII alone
  bool colours = false;
};

// Several lines, each with its line end; empty where there is nothing to draw. Names take the first
// `name_width` characters and two spaces.
[[nodiscard]] std::string time_lines(const Tuning& tuning, const TextStyle& style,
                                     std::size_t name_width);

// What an incident is called in the chart and in the table: 1 to 9, then a to z, then *.
[[nodiscard]] char incident_mark(std::size_t position);

}  // namespace driftd
