// The rows of a CSV or NDJSON file, plain or gzipped, block by block: what every reader of columns
// reads through.
//
// CSV is RFC 4180 with a header; an empty cell is missing. In NDJSON a row is a flat object, or an
// event as driftd reads it: what is inside `features` becomes columns of its own, `scores`
// {class: p} becomes score_<class>, and `model` is no column. Columns keep the order of their first
// appearance. Thread rule: none shared. Allocation rule: the buffer grows to the longest row and
// one block of the file. Failure rule: an Error with the line.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"
#include "state/column_file.h"

namespace driftd {

struct RowOptions {
  std::string model = {};  // events that say they are of another model are passed over
  // Every line is an event, and one that is no JSON object is passed over, as live.
  bool are_events = false;
};

class RowReader {
 public:
  // A longer row is refused: memory has a limit, and a quote that was never closed is found.
  static constexpr std::size_t kMostRowBytes = 64 << 20;

  [[nodiscard]] static Result<RowReader> open(const std::string& path, RowOptions options = {});
  RowReader(RowReader&&) noexcept;
  RowReader& operator=(RowReader&&) noexcept;
  ~RowReader();

  // Appends up to `most` rows and what columns they bring; all columns of `into` have as many
  // cells then. How many rows; 0 at the end.
  [[nodiscard]] Result<std::size_t> read(ColumnFile& into, std::size_t most);

  // Lines that were passed over because they are no JSON objects.
  [[nodiscard]] std::uint64_t bad_lines() const;
  // Of the decompressed bytes, in hex; to be asked at the end.
  [[nodiscard]] std::string sha256() const;
  // Compressed bytes read so far, and all there are (0: not known), for those who watch.
  [[nodiscard]] std::uint64_t position() const;
  [[nodiscard]] std::uint64_t size() const;

 private:
  struct Input;
  class Rows;
  class CsvRows;
  class JsonRows;
  explicit RowReader(std::unique_ptr<Rows> rows);
  std::unique_ptr<Rows> rows_;
};

}  // namespace driftd
