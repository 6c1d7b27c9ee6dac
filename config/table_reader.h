// Reads one table of the configuration, key by key, and remembers which keys were asked for.
//
// What was never asked for is an unknown key: the destructor tells it, so that the list of valid
// keys is written nowhere but in the code that reads them. Every reader leaves the given default
// alone where the key is absent or wrong, and tells what is wrong itself. One loader, one thread.
// Allocates; never throws.
#pragma once

#include <concepts>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/problems.h"

namespace driftd {

// What all sections share while a configuration is read.
struct ReadContext {
  std::string folder;  // of the configuration file
  Problems problems;
  std::vector<std::string> notes;
  bool needs_references = true;  // false: a model's reference need neither be given nor be there
};

struct NumberRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool open = false;  // the bounds themselves are out of range
};

struct ByteRange {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};
struct DurationRange {
  DurationMs low = 0;
  DurationMs high = std::numeric_limits<DurationMs>::max();
};

enum class ReadMode : std::uint8_t {
  full,
  keys_only,  // every key counts as known and as absent: only unknown keys are told
};

class TableReader {
 public:
  // `title` is what messages call the table, e.g. "[daemon]". A null `table` reads as an empty one.
  TableReader(const TomlTable* table, std::string title, Place place, ReadContext& context,
              ReadMode mode = ReadMode::full);
  ~TableReader();
  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;

  // Whether the file has the key, right or wrong.
  [[nodiscard]] bool given(std::string_view key) const;
  // Whether it was given on the command line.
  [[nodiscard]] bool overridden(std::string_view key) const;
  // The value; null where it is absent or its error was already told.
  [[nodiscard]] const TomlNode* find(std::string_view key);
  // Tells that the key is missing; `help` says what to add.
  void require(std::string_view key, std::string_view help);

  // These return whether `value` was set. `example` is TOML, shown where the type is wrong.
  bool text(std::string_view key, std::string& value, std::string_view example);
  bool texts(std::string_view key, std::vector<std::string>& value, std::string_view example);
  bool numbers(std::string_view key, std::vector<double>& value, std::string_view example);
  bool flag(std::string_view key, bool& value);
  bool duration(std::string_view key, DurationMs& value, DurationRange range = {});
  bool byte_size(std::string_view key, std::uint64_t& value, ByteRange range);
  bool number(std::string_view key, std::optional<double>& value, NumberRange range = {});
  template <std::integral T>
  bool integer(std::string_view key, T& value, std::int64_t low, std::int64_t high) {
    const auto read = whole_number(key, low, high);
    if (read) value = static_cast<T>(*read);
    return read.has_value();
  }
  template <typename T>
  bool choice(std::string_view key, T& value,
              std::initializer_list<std::pair<std::string_view, T>> choices) {
    std::vector<std::string_view> names;
    for (const auto& [name, meaning] : choices) names.push_back(name);
    const auto chosen = position_in(key, names);
    if (chosen) value = (choices.begin() + *chosen)->second;
    return chosen.has_value();
  }
  // The path at `key`, made absolute.
  bool path(std::string_view key, std::string& value, std::string_view example);

  // The table at `key`; absent or no table: reads as an empty one.
  [[nodiscard]] TableReader table(std::string_view key, std::string_view example);
  // The same for a [section] of the file.
  [[nodiscard]] TableReader section(std::string_view key, ReadMode mode);
  // For tables whose keys are names of the owner's: all of them, in the order of the file.
  [[nodiscard]] const TomlTable& entries() const;
  // Calls `read(TableReader&, position)` for each [[key]].
  template <typename Read>
  void each_table(std::string_view key, ReadMode mode, Read read) {
    std::size_t position = 0;
    for (const TomlNode& element : table_array(key)) {
      TableReader reader(element.as<TomlTable>(), "[[" + std::string(key) + "]]", element.place,
                         context_, mode);
      read(reader, position++);
    }
  }

  // Tells a problem at the value of `key`, and at the table where the key is absent.
  void problem(std::string_view key, std::string message, std::string suggestion = {}) const;
  // Where `key` is given, tells that it comes in a later version and what to use now.
  bool refuse_planned_key(std::string_view key, std::string_view use);
  // Where the text at `key` is one of `planned`, tells that it comes in a later version and what to
  // use now.
  bool refuse_planned_value(std::string_view key, std::initializer_list<std::string_view> planned,
                            std::string_view use);
  // The text at `key` as it stands in the file, in quotes: what messages may show.
  [[nodiscard]] std::string quoted(std::string_view key) const;
  // From here on no key is unknown: of a section that is refused as a whole, one error is enough.
  void ignore_unknown() { ignore_unknown_ = true; }

  [[nodiscard]] ReadContext& context() const { return context_; }
  [[nodiscard]] const std::string& title() const { return title_; }
  [[nodiscard]] const Place& place() const { return place_; }

 private:
  [[nodiscard]] const TomlEntry* entry(std::string_view key) const;
  void know(std::string_view key);
  void wrong_type(std::string_view name, const TomlNode& node, std::string_view wanted) const;
  [[nodiscard]] std::optional<std::int64_t> whole_number(std::string_view key, std::int64_t low,
                                                         std::int64_t high);
  [[nodiscard]] std::optional<std::size_t> position_in(std::string_view key,
                                                       std::span<const std::string_view> names);
  [[nodiscard]] const TomlTable* table_at(std::string_view key, std::string_view example);
  [[nodiscard]] const Place& place_at(std::string_view key) const;
  [[nodiscard]] const TomlArray& table_array(std::string_view key);

  const TomlTable& table_;
  std::string title_;
  Place place_;
  ReadContext& context_;
  ReadMode mode_;
  std::vector<std::string> known_;
  bool ignore_unknown_ = false;
};

}  // namespace driftd
