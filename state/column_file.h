// A CSV or NDJSON file, plain or gzipped, as columns of text cells.
//
// Used at start-up for references and by `compare`. CSV is RFC 4180 with a header; an empty cell is
// missing. In NDJSON a row is a flat object, or an event as driftd reads it: what is inside
// `features` becomes columns of its own, and `scores` {class: p} becomes score_<class>. Columns
// keep the order of their first appearance. Thread rule: none shared. Allocation rule: cells of a
// column share one string. Failure rule: an Error with the line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace driftd {

class CellColumn {
 public:
  explicit CellColumn(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  // Empty where the cell is missing.
  [[nodiscard]] std::optional<std::string_view> cell(std::size_t row) const {
    if (!present_[row]) return std::nullopt;
    const std::size_t from = row == 0 ? 0 : ends_[row - 1];
    return std::string_view(bytes_).substr(from, ends_[row] - from);
  }
  void add(std::string_view text) {
    bytes_.append(text);
    ends_.push_back(bytes_.size());
    present_.push_back(true);
  }
  void add_missing() {
    ends_.push_back(bytes_.size());
    present_.push_back(false);
  }

 private:
  std::string name_;
  std::string bytes_;
  std::vector<std::size_t> ends_;
  std::vector<bool> present_;
};

struct ColumnFile {
  std::vector<CellColumn> columns;
  std::size_t rows = 0;
  std::string sha256;  // of the decompressed bytes, in hex

  [[nodiscard]] const CellColumn* find(std::string_view name) const;
};

[[nodiscard]] Result<ColumnFile> read_column_file(const std::string& path);

// The number that a cell holds: any finite decimal, `inf`, `-inf`; NaN for a cell that says nan.
// Empty: not a number.
[[nodiscard]] std::optional<double> parse_number(std::string_view cell);

}  // namespace driftd
