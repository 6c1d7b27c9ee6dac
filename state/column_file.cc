#include "state/column_file.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "state/row_reader.h"

namespace driftd {

const CellColumn* ColumnFile::find(std::string_view name) const {
  for (const CellColumn& column : columns) {
    if (column.name() == name) return &column;
  }
  return nullptr;
}

void ColumnFile::clear_rows() {
  rows = 0;
  for (CellColumn& column : columns) column.clear();
}

Result<ColumnFile> read_column_file(const std::string& path) {
  Result<RowReader> reader = RowReader::open(path);
  if (!reader) return std::unexpected(reader.error());
  ColumnFile file;
  const Result<std::size_t> rows = reader->read(file, std::numeric_limits<std::size_t>::max());
  if (!rows) return std::unexpected(rows.error());
  if (file.rows == 0) {
    return fail(
        ErrorCode::invalid_reference,
        fmt::format("{}: the file has no rows: a reference needs the rows of a known-good time",
                    path));
  }
  file.sha256 = reader->sha256();
  return file;
}

std::optional<double> parse_number(std::string_view cell) {
  while (!cell.empty() && (cell.front() == ' ' || cell.front() == '+')) cell.remove_prefix(1);
  while (!cell.empty() && cell.back() == ' ') cell.remove_suffix(1);
  double value = 0;
  // from_chars is correctly rounded and knows inf, infinity and nan in any case.
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (cell.empty() || end != cell.data() + cell.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too large for a double is infinite, too small is zero, as every other reader has it.
    const bool tiny = cell.find_first_of("eE") != std::string_view::npos &&
                      cell.find('-', cell.find_first_of("eE")) != std::string_view::npos;
    const double size = tiny ? 0.0 : std::numeric_limits<double>::infinity();
    return cell.front() == '-' ? -size : size;
  }
  if (error != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace driftd
