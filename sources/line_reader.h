// The lines of a file, plain or gzipped, or of standard input ("-").
//
// Thread rule: none (one user). Allocation rule: the buffer grows to the longest kept line and is
// then reused. Failure rule: what cannot be opened is said by `open`; what goes wrong later ends
// the lines and is in `failed`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace driftd {

class LineReader {
 public:
  // Of a longer line only the first `max_line_bytes` + 1 bytes are kept, so that its reader sees
  // that it is too long.
  [[nodiscard]] static Result<LineReader> open(const std::string& path, std::size_t max_line_bytes);
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;
  ~LineReader();

  // The next line without its line feed, until the next call; nothing at the end or after a
  // failure.
  [[nodiscard]] std::optional<std::string_view> next();

  [[nodiscard]] const std::optional<Error>& failed() const { return failed_; }

 private:
  struct Input;
  LineReader(std::unique_ptr<Input> input, std::string path, std::size_t max_line_bytes);
  [[nodiscard]] bool fill();
  [[nodiscard]] std::string_view rest_of(std::size_t begin, std::size_t end);

  std::unique_ptr<Input> input_;
  std::string path_;
  std::size_t max_line_bytes_;
  std::string buffer_;    // the bytes read from the input last
  std::size_t used_ = 0;  // how many of them were handed out
  std::string pending_;   // the beginning of a line that goes on in the next buffer
  bool at_end_ = false;
  std::optional<Error> failed_;
};

}  // namespace driftd
