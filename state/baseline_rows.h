// The rows that a baseline is learnt from: files one after the other, joined with their labels, cut
// to a stretch of time, and readable again from the beginning.
//
// Thread rule: none shared. Allocation rule: one block of rows, and about 40 bytes a label. Failure
// rule: an Error that names the file and the line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "state/row_reader.h"

namespace driftd {

struct BaselineInput {
  std::vector<std::string> files = {};  // CSV or NDJSON, plain or gzipped
  std::string labels = {};              // NDJSON or CSV with `id` and `actual`; empty: none
  std::string model = {};               // events of other models are passed over
  // The files hold events, and what is none is passed over and counted.
  bool are_events = false;
  // Rows from `start` on and before `end`; rows without a time are then left out.
  std::optional<TimeMs> start = {};
  std::optional<TimeMs> end = {};
};

class BaselineRows {
 public:
  // Beyond it the labels alone would take gigabytes.
  static constexpr std::size_t kMostLabels = 50'000'000;

  // Reads the labels.
  [[nodiscard]] static Result<BaselineRows> open(BaselineInput input);

  [[nodiscard]] const BaselineInput& input() const { return input_; }
  [[nodiscard]] Result<> rewind();
  // Appends about `most` rows, at least one unless that was all. False at the end.
  [[nodiscard]] Result<bool> read(ColumnFile& into, std::size_t most);
  // Of the files read since the beginning.
  [[nodiscard]] std::uint64_t bad_lines() const;
  // How much of the files has been read since the beginning, from 0 to 1.
  [[nodiscard]] double share_read() const;

 private:
  struct Label {
    std::uint64_t id_high = 0;
    std::uint64_t id_low = 0;
    std::uint32_t text = 0;
  };
  explicit BaselineRows(BaselineInput input) : input_(std::move(input)) {}
  [[nodiscard]] Result<> read_labels();
  void join(ColumnFile& rows, std::size_t from) const;
  [[nodiscard]] const std::string* label_of(std::string_view id) const;

  BaselineInput input_;
  std::vector<Label> labels_;  // by id
  std::vector<std::string> texts_;
  std::size_t next_file_ = 0;
  std::optional<RowReader> reader_;
  ColumnFile block_;  // rows that are still to be cut to the stretch of time
  std::uint64_t bytes_before_ = 0;
  std::uint64_t bad_before_ = 0;
  std::uint64_t bytes_ = 0;
};

// Appends the rows of `from` for which `keep` holds; columns are matched by name.
void append_rows(const ColumnFile& from, const std::vector<bool>& keep, ColumnFile& into);

// The time that a cell of the column `ts` holds, in any unit that events may use.
[[nodiscard]] std::optional<TimeMs> time_of_cell(std::string_view cell);

}  // namespace driftd
