// A reference cut into the windows that live traffic is cut into: what the false-alarm budget
// learns noise, memory and seasons from.
//
// Windows by time are the stretches of `WindowSpec::pane_size` (a hopping window is a sum of those,
// and they are what is judged), windows by count the runs of so many rows, in order of time where
// the rows have times; a last run that is not full is left out. Runs at start-up; one window is in
// memory at a time. Thread rule: none shared. Allocation rule: may allocate. Cannot fail: a
// reference of windows by time whose rows have no times, or some of them, has no windows.
#pragma once

#include <functional>
#include <vector>

#include "config/config.h"
#include "core/clock.h"
#include "core/model.h"
#include "state/column_file.h"
#include "windows/pane.h"
#include "windows/performance.h"
#include "windows/reference.h"
#include "windows/series_summary.h"

namespace driftd {

struct ReferenceWindow {
  std::int64_t pane = 0;        // as in PaneKey: the start, or the number of the window
  TimeMs first_time = kNoTime;  // of its rows; kNoTime where they have none
  TimeMs last_time = kNoTime;
  std::uint64_t rows = 0;
  std::vector<SeriesSummary> series;  // by position in Reference::series
  PerformanceSummary performance;     // of the rows with an `actual`
};

// How a configuration's windows are cut.
[[nodiscard]] WindowSpec window_spec(const WindowConfig& config);

// Called in order of time.
using ReferenceWindowVisitor =
    std::function<void(const ModelSchema&, const Reference&, const ReferenceWindow&)>;

void visit_reference_windows(const ColumnFile& file, const ModelSchema& model,
                             const Reference& reference, const WindowSpec& spec,
                             const ReferenceWindowVisitor& visit);

// The time of each row; empty where the file has no times or a row has none.
[[nodiscard]] std::vector<TimeMs> reference_times(const ColumnFile& file);

}  // namespace driftd
