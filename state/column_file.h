// A CSV or NDJSON file, plain or gzipped, as columns of text cells.
//
// Used at start-up for references and by `compare`; state/row_reader.h says what a row is. Thread
// rule: none shared. Allocation rule: cells of a column share one string. Failure rule: an Error
// with the line.
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
  // Keeps its name and its memory.
  void clear() {
    bytes_.clear();
    ends_.clear();
    present_.clear();
  }
  [[nodiscard]] std::size_t memory() const {
    return bytes_.capacity() + ends_.capacity() * sizeof(std::size_t) + present_.capacity() / 8;
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
  // Keeps the columns.
  void clear_rows();
};

[[nodiscard]] Result<ColumnFile> read_column_file(const std::string& path);

// The number that a cell holds: any finite decimal, `inf`, `-inf`; NaN for a cell that says nan.
// Empty: not a number.
[[nodiscard]] std::optional<double> parse_number(std::string_view cell);

}  // namespace driftd
