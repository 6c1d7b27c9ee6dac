#include "sources/csv_rows.h"

#include <algorithm>
#include <utility>

namespace driftd {
namespace {

[[nodiscard]] std::string_view without_carriage_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// A quote opens and closes; a doubled one inside does both, so that an odd number leaves the field
// open.
[[nodiscard]] bool leaves_a_quote_open(std::string_view text, bool open) {
  return open != (std::ranges::count(text, '"') % 2 != 0);
}

}  // namespace

std::unexpected<Error> CsvRows::bad_line(const std::string& what) const {
  return fail(ErrorCode::corrupted, name_ + ":" + std::to_string(begun_) + ": " + what);
}

Result<CsvRows> CsvRows::open(const std::string& path) {
  auto lines = LineReader::open(path, kMostRowBytes);
  if (!lines) return std::unexpected(lines.error());
  CsvRows rows(std::move(*lines), path == "-" ? "standard input" : path);
  const Result<bool> read = rows.read_record();
  if (!read) return std::unexpected(read.error());
  if (!*read) {
    return fail(ErrorCode::corrupted, rows.name_ +
                                          ": is empty; a header with the columns' names "
                                          "is needed");
  }
  rows.header_.assign(rows.fields_.begin(), rows.fields_.end());
  return rows;
}

Result<std::span<const std::string_view>> CsvRows::next() {
  const Result<bool> read = read_record();
  if (!read) return std::unexpected(read.error());
  if (!*read) return std::span<const std::string_view>{};
  if (fields_.size() != header_.size()) {
    return bad_line("the row has " + std::to_string(fields_.size()) + " fields, the header " +
                    std::to_string(header_.size()));
  }
  return std::span<const std::string_view>(fields_);
}

// Reads lines until a row is whole, and splits it; false at the end.
Result<bool> CsvRows::read_record() {
  record_.clear();
  bool open = false;
  while (const auto line = lines_.next()) {
    ++line_;
    if (!open) begun_ = line_;
    if (line->size() + record_.size() > kMostRowBytes) {
      return bad_line("the row is longer than 1 MiB; is a quote not closed?");
    }
    std::string_view text = without_carriage_return(*line);
    if (line_ == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (!open) {
      if (text.empty()) continue;
      open = leaves_a_quote_open(text, false);
      if (!open) {
        if (split(text)) return true;
        return bad_line(
            "a quoted field goes on behind its closing quote: double every quote "
            "inside a field");
      }
      record_.assign(text);
      continue;
    }
    record_ += '\n';
    record_ += text;
    open = leaves_a_quote_open(text, true);
    if (open) continue;
    if (split(record_)) return true;
    return bad_line(
        "a quoted field goes on behind its closing quote: double every quote inside "
        "a field");
  }
  if (lines_.failed()) return std::unexpected(*lines_.failed());
  if (open) return bad_line("a quoted field does not end");
  return false;
}

bool CsvRows::split(std::string_view record) {
  fields_.clear();
  if (record.find('"') != std::string_view::npos) return split_quoted(record);
  for (;;) {
    const std::size_t comma = record.find(',');
    fields_.push_back(record.substr(0, comma));
    if (comma == std::string_view::npos) return true;
    record.remove_prefix(comma + 1);
  }
}

// False where something else than a comma follows a closing quote.
bool CsvRows::split_quoted(std::string_view record) {
  unquoted_.clear();
  // Fields point into it, so that it must not move.
  unquoted_.reserve(record.size());
  for (;;) {
    if (!record.starts_with('"')) {
      const std::size_t end = std::min(record.find(','), record.size());
      fields_.push_back(record.substr(0, end));
      record.remove_prefix(end);
    } else {
      record.remove_prefix(1);
      const std::size_t begin = unquoted_.size();
      for (;;) {
        const std::size_t quote = record.find('"');
        if (quote == std::string_view::npos) return false;
        unquoted_.append(record.substr(0, quote));
        record.remove_prefix(quote + 1);
        if (!record.starts_with('"')) break;
        unquoted_ += '"';
        record.remove_prefix(1);
      }
      fields_.push_back(std::string_view(unquoted_).substr(begin));
    }
    if (record.empty()) return true;
    if (record.front() != ',') return false;
    record.remove_prefix(1);
  }
}

}  // namespace driftd
