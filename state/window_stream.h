// The windows of a stream of rows, as visit_reference_windows shows those of rows in memory: of so
// many rows at a time as are needed for whole windows.
//
// Rows may be out of the order of time by one pane and the windows' own lateness; what comes later
// still is an error, because its window has been shown. Windows by count are runs of rows as they
// come, sorted by time as far as they are in memory together. Thread rule: one owner. Allocation
// rule: the rows of a few windows, at most kMostRows. Failure rule: an Error that says what to do.
#pragma once

#include <cstdint>
#include <optional>

#include "core/result.h"
#include "state/reference_windows.h"

namespace driftd {

class WindowStream {
 public:
  // Windows of more rows are not shown, because memory has a limit.
  static constexpr std::size_t kMostRows = 4'000'000;

  // All outlive it.
  WindowStream(const ModelSchema& model, const Reference& reference, const WindowSpec& spec,
               const ReferenceWindowVisitor& visit)
      : model_(model), reference_(reference), spec_(spec), visit_(visit) {}

  [[nodiscard]] Result<> add(const ColumnFile& block);
  // Behind the last block.
  void finish();
  [[nodiscard]] bool gave_up() const { return gave_up_; }

 private:
  static constexpr std::size_t kRowsAtOnce = 65'536;

  void show(const ColumnFile& rows);
  [[nodiscard]] Result<> check_order(const ColumnFile& block) const;
  void show_passed();

  const ModelSchema& model_;
  const Reference& reference_;
  const WindowSpec& spec_;
  const ReferenceWindowVisitor& visit_;
  ColumnFile rows_;
  std::int64_t shown_count_ = 0;            // windows by count
  std::optional<std::int64_t> shown_pane_;  // windows by time: the last one shown
  bool gave_up_ = false;
};

}  // namespace driftd
