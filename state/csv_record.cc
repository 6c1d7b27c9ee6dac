#include "state/csv_record.h"

#include <algorithm>

namespace driftd {

CsvRecord::Outcome CsvRecord::parse(std::string_view bytes, bool is_last) {
  const std::size_t size = bytes.size();
  const std::size_t line = line_;
  fields_.clear();
  used_ = 0;
  // What is not whole is parsed again later, from its beginning.
  const auto stop = [&](Outcome outcome) {
    line_ = line;
    return is_last ? outcome : Outcome::incomplete;
  };
  while (!bytes.empty() && (bytes.front() == '\n' || bytes.front() == '\r')) {
    line_ += bytes.front() == '\n' ? 1 : 0;
    bytes.remove_prefix(1);
  }
  record_line_ = line_;
  if (bytes.empty()) return stop(Outcome::end);
  for (;;) {
    if (!field(bytes)) return bytes.empty() ? stop(Outcome::bad_quotes) : Outcome::bad_quotes;
    if (bytes.empty()) {
      if (!is_last) return stop(Outcome::incomplete);
      break;
    }
    const char end = bytes.front();
    bytes.remove_prefix(1);
    if (end == ',') continue;
    if (end == '\r') {
      if (bytes.empty() && !is_last) return stop(Outcome::incomplete);
      if (bytes.starts_with('\n')) bytes.remove_prefix(1);
    }
    ++line_;
    break;
  }
  taken_ = size - bytes.size();
  return Outcome::record;
}

// False where quotes are not as they should be; no bytes are left where more of them could help.
bool CsvRecord::field(std::string_view& bytes) {
  if (!bytes.starts_with('"')) {
    std::size_t end = 0;
    while (end < bytes.size() && bytes[end] != ',' && bytes[end] != '\n' && bytes[end] != '\r')
      ++end;
    fields_.push_back(bytes.substr(0, end));
    bytes.remove_prefix(end);
    return true;
  }
  bytes.remove_prefix(1);
  if (used_ == unquoted_.size()) unquoted_.emplace_back();
  std::string& text = unquoted_[used_++];
  text.clear();
  for (;;) {
    const std::size_t quote = bytes.find('"');
    const std::string_view part = bytes.substr(0, quote);
    line_ += static_cast<std::size_t>(std::ranges::count(part, '\n'));
    text += part;
    bytes.remove_prefix(std::min(bytes.size(), part.size() + 1));
    if (quote == std::string_view::npos) return false;
    if (!bytes.starts_with('"')) break;
    text += '"';
    bytes.remove_prefix(1);
  }
  fields_.push_back(text);
  return bytes.empty() || bytes.front() == ',' || bytes.front() == '\r' || bytes.front() == '\n';
}

}  // namespace driftd
