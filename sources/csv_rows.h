// The rows of a CSV file, plain or gzipped, or of standard input ("-"), one after the other.
//
// RFC 4180 with a header: quoted fields may hold commas, line ends and doubled quotes; empty lines
// are passed over. Memory does not grow with the file. Thread rule: none (one user). Allocation
// rule: buffers grow to the longest row and are then reused. Failure rule: an Error that names the
// file and the line ends the rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "sources/line_reader.h"

namespace driftd {

class CsvRows {
 public:
  // A longer row is refused: memory has a limit, and a quote that was never closed is found.
  static constexpr std::size_t kMostRowBytes = 1 << 20;

  // Reads the header.
  [[nodiscard]] static Result<CsvRows> open(const std::string& path);

  [[nodiscard]] const std::vector<std::string>& header() const { return header_; }

  // The next row's fields, as many as the header has, until the next call; an empty span at the
  // end.
  [[nodiscard]] Result<std::span<const std::string_view>> next();
  // The line at which the last row that was read began, counted from 1.
  [[nodiscard]] std::uint64_t line() const { return begun_; }

 private:
  CsvRows(LineReader lines, std::string name) : lines_(std::move(lines)), name_(std::move(name)) {}

  [[nodiscard]] Result<bool> read_record();
  [[nodiscard]] std::unexpected<Error> bad_line(const std::string& what) const;
  [[nodiscard]] bool split(std::string_view record);
  [[nodiscard]] bool split_quoted(std::string_view record);

  LineReader lines_;
  std::string name_;  // for messages
  std::vector<std::string> header_;
  std::vector<std::string_view> fields_;
  std::string record_;       // a row that spans lines
  std::string unquoted_;     // the texts of quoted fields, one behind the other
  std::uint64_t line_ = 0;   // lines read
  std::uint64_t begun_ = 0;  // the line at which the row began
};

}  // namespace driftd
