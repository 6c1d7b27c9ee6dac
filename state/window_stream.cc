#include "state/window_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "state/baseline_rows.h"

namespace driftd {

Result<> WindowStream::add(const ColumnFile& block) {
  if (gave_up_) return {};
  if (auto timely = check_order(block); !timely) return timely;
  append_rows(block, std::vector<bool>(block.rows, true), rows_);
  if (rows_.rows > kMostRows + block.rows) {
    gave_up_ = true;
    rows_ = {};
    return {};
  }
  if (rows_.rows >= kRowsAtOnce) show_passed();
  return {};
}

// A window that has been shown takes no more rows.
Result<> WindowStream::check_order(const ColumnFile& block) const {
  if (!shown_pane_) return {};
  for (const TimeMs time : reference_times(block)) {
    if (spec_.pane_of(time) > *shown_pane_) continue;
    return fail(ErrorCode::invalid_reference,
                fmt::format("the rows are not in the order of time: one whose `ts` is {} ms comes "
                            "behind those of later windows: sort them by `ts`",
                            time));
  }
  return {};
}

void WindowStream::show_passed() {
  std::vector<bool> shown(rows_.rows, false);
  if (spec_.by_count()) {
    const auto count = static_cast<std::size_t>(spec_.count);
    std::fill_n(shown.begin(), rows_.rows / count * count, true);
  } else {
    const std::vector<TimeMs> times = reference_times(rows_);
    const TimeMs latest = *std::ranges::max_element(times);
    const std::int64_t until =
        spec_.pane_of(latest - spec_.lateness - spec_.out_of_orderness - spec_.pane_size());
    for (std::size_t row = 0; row < times.size(); ++row) {
      shown[row] = spec_.pane_of(times[row]) < until;
    }
    if (std::ranges::find(shown, true) != shown.end()) shown_pane_ = until - 1;
  }
  if (std::ranges::find(shown, true) == shown.end()) return;
  ColumnFile passed;
  append_rows(rows_, shown, passed);
  shown.flip();
  ColumnFile rest;
  append_rows(rows_, shown, rest);
  rows_ = std::move(rest);
  show(passed);
}

void WindowStream::show(const ColumnFile& rows) {
  const std::int64_t before = shown_count_;
  visit_reference_windows(
      rows, model_, reference_, spec_,
      [&](const ModelSchema& model, const Reference& reference, const ReferenceWindow& window) {
        if (!spec_.by_count()) return visit_(model, reference, window);
        ReferenceWindow numbered = window;
        numbered.pane += before;
        ++shown_count_;
        visit_(model, reference, numbered);
      });
}

void WindowStream::finish() {
  if (!gave_up_ && rows_.rows > 0) show(rows_);
}

}  // namespace driftd
