#include "daemon/demo/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

namespace driftd {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kUsualRows = 24;
constexpr std::size_t kUsualColumns = 80;

// ECMA-48, "select graphic rendition".
[[nodiscard]] const char* sequence_of(Style style) {
  switch (style) {
    case Style::plain: return "";
    case Style::bold: return "\x1b[1m";
    case Style::dim: return "\x1b[2m";
    case Style::good: return "\x1b[32m";
    case Style::bad: return "\x1b[31m";
  }
  return "";
}

struct Size {
  std::size_t rows = kUsualRows;
  std::size_t columns = kUsualColumns;
};

[[nodiscard]] Size size_of(std::FILE* out) {
  winsize size{};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
    return {};
  return {size.ws_row, size.ws_col};
}

// The first `columns` characters, taken as code points of UTF-8.
[[nodiscard]] std::string_view cut(std::string_view text, std::size_t columns) {
  const auto begins_character = [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (begins_character(text[i]) && columns-- == 0) return text.substr(0, i);
  }
  return text;
}

// Where the first line of `text` ends: at a space, so that it has at most `columns` characters, or
// at the end of a word that is longer than that.
[[nodiscard]] std::size_t end_of_line(std::string_view text, std::size_t columns) {
  const std::size_t room = cut(text, columns).size();
  if (room == text.size()) return room;
  const std::size_t space = text.rfind(' ', room);
  return space != std::string_view::npos && space > 0 ? space
                                                      : std::min(text.find(' ', room), text.size());
}

// https://no-color.org
[[nodiscard]] bool wants_no_colour() {
  const char* value = std::getenv("NO_COLOR");
  return value != nullptr && *value != '\0';
}

// A "dumb" terminal (an editor's, say) cannot move its cursor.
[[nodiscard]] bool can_redraw(std::FILE* out) {
  const char* term = std::getenv("TERM");
  return ::isatty(::fileno(out)) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

Terminal::Terminal(std::FILE* out)
    : out_(out), has_table_(can_redraw(out)), has_colours_(has_table_ && !wants_no_colour()) {}

std::size_t Terminal::table_rows() const { return size_of(out_).rows - 1; }

void Terminal::say(std::string_view line, Style style) {
  go_to_table();
  write(line, style, kNoLimit);
  print_table();
}

void Terminal::tell(std::string_view text, Style style) {
  if (!has_table_) return say(text, style);
  go_to_table();
  const std::size_t columns = size_of(out_).columns;
  while (!text.empty()) {
    const std::size_t end = end_of_line(text, columns);
    write(text.substr(0, end), style, kNoLimit);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  print_table();
}

void Terminal::draw(std::vector<TableLine> table) {
  if (!has_table_) return;
  go_to_table();
  table_ = std::move(table);
  print_table();
}

void Terminal::leave_table() {
  table_.clear();
  rows_drawn_ = 0;
}

// What is written from here on overwrites the table line by line: clearing all of it first would
// flicker, and some terminals keep what is cleared in their history.
void Terminal::go_to_table() {
  if (rows_drawn_ > 0) fmt::print(out_, "\x1b[{}A\r", rows_drawn_);
  rows_drawn_ = 0;
}

void Terminal::print_table() {
  // A line that wrapped, or a table taller than the screen, could not be overwritten again.
  const Size size = size_of(out_);
  rows_drawn_ = std::min(table_.size(), size.rows - 1);
  for (std::size_t i = 0; i < rows_drawn_; ++i) {
    write(table_[i].text, table_[i].style, size.columns - 1);
  }
  if (has_table_) fmt::print(out_, "\x1b[J");
  failed_ |= std::fflush(out_) != 0 || std::ferror(out_) != 0;
}

void Terminal::write(std::string_view text, Style style, std::size_t columns) {
  const bool styled = has_colours_ && style != Style::plain;
  fmt::print(out_, "{}{}{}{}\n", has_table_ ? "\x1b[K" : "", styled ? sequence_of(style) : "",
             cut(text, columns), styled ? "\x1b[0m" : "");
}

}  // namespace driftd
