// Standard output as a person sees it: lines that stay, and below them, on a terminal, a table that
// is redrawn in place. Where the output is no terminal there are only the lines.
//
// Thread rule: one thread. Allocation rule: may allocate. Failure rule: output that cannot be
// written, as when a pipe's reader has gone, is told by `failed`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace driftd {

enum class Style : std::uint8_t { plain, bold, dim, good, bad };

struct TableLine {
  std::string text;
  Style style = Style::plain;
};

class Terminal {
 public:
  explicit Terminal(std::FILE* out);

  [[nodiscard]] bool has_table() const { return has_table_; }
  // How many lines a table can have.
  [[nodiscard]] std::size_t table_rows() const;
  // A line that stays, above the table.
  void say(std::string_view line, Style style = Style::plain);
  // The same for sentences: on a terminal lines break between words.
  void tell(std::string_view text, Style style = Style::plain);
  // The table as it is from now on; cut where the terminal ends.
  void draw(std::vector<TableLine> table);
  // Leaves the table as it is; what is said later stands below it.
  void leave_table();
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void go_to_table();
  void print_table();
  void write(std::string_view text, Style style, std::size_t columns);

  std::FILE* const out_;
  const bool has_table_;
  const bool has_colours_;
  std::vector<TableLine> table_;
  std::size_t rows_drawn_ = 0;  // the cursor stands below them
  bool failed_ = false;
};

}  // namespace driftd
