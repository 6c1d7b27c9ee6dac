// A TOML text as plain values, each with its place. The only door to the TOML library.
//
// Plain functions and values; any thread. May allocate; never throws. A text that is not TOML is a
// value: SyntaxError.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/clock.h"

namespace driftd {

// Where a key or a value was written: a line and column of the file, or a --set on the command
// line.
struct Place {
  int line = 0;  // 1-based; 0 where there is no place
  int column = 0;
  std::string override_key;  // the KEY of --set KEY=VALUE; empty for what the file says
  // What messages name instead of the configuration (or of --set); empty: that.
  std::string file = {};
};

struct TomlNode;
struct TomlEntry;
using TomlArray = std::vector<TomlNode>;
using TomlTable = std::vector<TomlEntry>;  // in the order of the file

// A value of which an error was already told; whoever reads it says nothing more.
struct Reported {};
// A date or time without an offset: it names no instant, so no key takes one.
struct LocalTime {};
// A date and time with an offset.
struct Instant {
  TimeMs time = 0;
};

struct TomlNode {
  using Value = std::variant<Reported, std::string, std::int64_t, double, bool, Instant, LocalTime,
                             TomlArray, TomlTable>;
  Value value;
  Place place;
  // The text before ${NAME} was replaced, and empty where nothing was. Messages show this one,
  // because the environment may hold a secret.
  std::string written;

  template <typename T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&value);
  }
  template <typename T>
  [[nodiscard]] T* as() {
    return std::get_if<T>(&value);
  }
};

struct TomlEntry {
  std::string key;
  Place place;
  TomlNode node;
};

struct SyntaxError {
  Place place;
  std::string message;
};

[[nodiscard]] std::expected<TomlTable, SyntaxError> parse_document(std::string_view text);
// A single TOML value such as `5`, `"text"` or `{ a = 1 }`; empty where the text is not exactly
// one.
[[nodiscard]] std::optional<TomlNode> parse_value(std::string_view text);

// "a string", "an integer", ...: what a message calls the value.
[[nodiscard]] std::string_view kind_of(const TomlNode& node);

}  // namespace driftd
