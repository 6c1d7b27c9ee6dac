// One scalar of an event as a parser found it, and the scanner that reads plain scalars.
//
// Thread rule: values and pure functions. Allocation rule: none; texts are views into the parser's
// buffers and live until its next message. Failure rule: `scan_scalar` returns null for whatever
// is not a plain scalar.
#pragma once

#include <cstdint>
#include <string_view>

namespace driftd {

struct JsonValue {
  enum class Kind : std::uint8_t { absent, null, boolean, number, text, container };
  Kind kind = Kind::absent;
  double number = 0;  // of a number, correctly rounded; beyond a double's range infinite or zero
  std::string_view
      text;  // of a text: unescaped, without quotes; of a number or boolean: as it is written

  [[nodiscard]] bool is_missing() const { return kind == Kind::absent || kind == Kind::null; }
  [[nodiscard]] bool is_number() const { return kind == Kind::number; }
  // A name can be read from it: an id, a class, a category.
  [[nodiscard]] bool has_text() const {
    return kind == Kind::text || kind == Kind::number || kind == Kind::boolean;
  }
};

// How many zero bytes must follow the bytes that `scan_scalar` reads. The first of them ends every
// scan, because no scalar contains a zero byte; the others may be read in the same stride.
inline constexpr std::size_t kScanPadding = 64;

// Reads the number, `true`, `false`, `null` or text without escapes that begins at `at`; returns
// its end, or null where there is no such scalar (an escaped text, a container, or bytes that are
// no JSON). What follows is not looked at.
[[nodiscard]] const char* scan_scalar(const char* at, JsonValue& value);

}  // namespace driftd
