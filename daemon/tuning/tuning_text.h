// A comparison of policies for people: a table with a row a policy, the chart, the alerts of each
// policy, and what became of each known incident.
//
// Thread rule: pure functions. Allocation rule: may allocate. Cannot fail; names from files and
// events cannot command the terminal.
#pragma once

#include <string>

#include "daemon/tuning/time_lines.h"
#include "daemon/tuning/tuning.h"

namespace driftd {

// Lists are cut at this many lines a policy, and say so; JSON has them all.
inline constexpr std::size_t kMostListed = 20;

[[nodiscard]] std::string tuning_text(const Tuning& tuning, const TextStyle& style);

}  // namespace driftd
