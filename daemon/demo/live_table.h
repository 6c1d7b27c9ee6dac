// What the demo shows while it runs: a table of the last windows, or the same in one line where
// there is no terminal.
//
// Thread rule: pure functions. Allocation rule: may allocate. Cannot fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/clock.h"
#include "daemon/demo/observation.h"
#include "daemon/demo/terminal.h"

namespace driftd {

struct StreamPosition {
  TimeMs at = 0;        // event time
  double progress = 0;  // of the whole stream, from 0 to 1
};

// Of the last windows so many that there are at most `max_rows` lines.
[[nodiscard]] std::vector<TableLine> live_table(const Observation& seen,
                                                const StreamPosition& stream,
                                                const std::string& page, std::size_t max_rows);
[[nodiscard]] std::string live_line(const Observation& seen, const StreamPosition& stream);

// "2: car_value, loan_length", or "-".
[[nodiscard]] std::string names_of(const std::map<std::string, DriftEvidence>& drifting);

}  // namespace driftd
