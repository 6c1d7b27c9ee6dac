#include "config/document.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

// Errors as values, so that no exception has to be caught. A macro of the library, to be set before
// its header.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace driftd {
namespace {

[[nodiscard]] Place place_at(const toml::source_region& source) {
  return {.line = static_cast<int>(source.begin.line),
          .column = static_cast<int>(source.begin.column),
          .override_key = {}};
}

[[nodiscard]] TomlNode::Value convert_time(const toml::date_time& written) {
  if (!written.offset) return LocalTime{};
  using namespace std::chrono;
  const sys_days day{year{written.date.year} / month{written.date.month} /
                     std::chrono::day{written.date.day}};
  const auto time = day + hours{written.time.hour} + minutes{written.time.minute} +
                    seconds{written.time.second} + nanoseconds{written.time.nanosecond} -
                    minutes{written.offset->minutes};
  return Instant{duration_cast<milliseconds>(time.time_since_epoch()).count()};
}

[[nodiscard]] TomlNode convert(const toml::node& node);

[[nodiscard]] TomlTable convert_table(const toml::table& table) {
  TomlTable entries;
  entries.reserve(table.size());
  for (auto&& [key, child] : table) {
    entries.push_back({std::string(key.str()), place_at(key.source()), convert(child)});
  }
  // The library sorts by name; errors and series are told in the order in which the owner wrote
  // them.
  std::ranges::stable_sort(entries, {}, [](const TomlEntry& entry) {
    return std::tuple(entry.place.line, entry.place.column);
  });
  return entries;
}

[[nodiscard]] TomlNode::Value convert_value(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string: return node.as_string()->get();
    case toml::node_type::integer: return node.as_integer()->get();
    case toml::node_type::floating_point: return node.as_floating_point()->get();
    case toml::node_type::boolean: return node.as_boolean()->get();
    case toml::node_type::date_time: return convert_time(node.as_date_time()->get());
    case toml::node_type::array: {
      TomlArray items;
      items.reserve(node.as_array()->size());
      for (const toml::node& item : *node.as_array()) items.push_back(convert(item));
      return items;
    }
    case toml::node_type::table: return convert_table(*node.as_table());
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::none: break;
  }
  return LocalTime{};
}

TomlNode convert(const toml::node& node) {
  return {.value = convert_value(node), .place = place_at(node.source()), .written = {}};
}

}  // namespace

std::expected<TomlTable, SyntaxError> parse_document(std::string_view text) {
  const toml::parse_result result = toml::parse(text);
  if (!result) {
    return std::unexpected(
        SyntaxError{place_at(result.error().source()), std::string(result.error().description())});
  }
  return convert_table(result.table());
}

std::optional<TomlNode> parse_value(std::string_view text) {
  std::string line = "value = ";
  line += text;
  auto document = parse_document(line);
  if (!document || document->size() != 1) return std::nullopt;
  return std::move(document->front().node);
}

std::string_view kind_of(const TomlNode& node) {
  static constexpr std::string_view kKinds[] = {"an unusable value",
                                                "a string",
                                                "an integer",
                                                "a number with a fraction",
                                                "a boolean",
                                                "a date and time",
                                                "a date or time without an offset",
                                                "an array",
                                                "a table"};
  static_assert(std::size(kKinds) == std::variant_size_v<TomlNode::Value>);
  return kKinds[node.value.index()];
}

}  // namespace driftd
