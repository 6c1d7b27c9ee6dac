#include "config/table_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "config/byte_size.h"
#include "config/duration.h"
#include "config/files.h"

namespace driftd {
namespace {

const TomlTable kNoEntries;
const TomlArray kNoItems;

[[nodiscard]] std::string quote(const TomlNode& node) {
  const auto* text = node.as<std::string>();
  if (text == nullptr) return std::string(kind_of(node));
  return fmt::format("\"{}\"", node.written.empty() ? *text : node.written);
}

}  // namespace

TableReader::TableReader(const TomlTable* table, std::string title, Place place,
                         ReadContext& context, ReadMode mode)
    : table_(table == nullptr ? kNoEntries : *table),
      title_(std::move(title)),
      place_(std::move(place)),
      context_(context),
      mode_(mode) {}

TableReader::~TableReader() {
  if (ignore_unknown_) return;
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  for (const TomlEntry& entry : table_) {
    if (std::ranges::find(known, entry.key) != known.end()) continue;
    context_.problems.add(entry.place, fmt::format("unknown key `{}` in {}", entry.key, title_),
                          suggest(entry.key, known, "the keys here are"));
  }
}

const TomlEntry* TableReader::entry(std::string_view key) const {
  const auto found = std::ranges::find(table_, key, &TomlEntry::key);
  return found == table_.end() ? nullptr : &*found;
}

void TableReader::know(std::string_view key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
}

bool TableReader::given(std::string_view key) const {
  return mode_ == ReadMode::full && entry(key) != nullptr;
}

bool TableReader::overridden(std::string_view key) const {
  return given(key) && !entry(key)->place.override_key.empty();
}

const TomlNode* TableReader::find(std::string_view key) {
  know(key);
  if (!given(key)) return nullptr;
  const TomlNode& node = entry(key)->node;
  return node.as<Reported>() != nullptr ? nullptr : &node;
}

void TableReader::require(std::string_view key, std::string_view help) {
  know(key);
  if (mode_ == ReadMode::keys_only || given(key)) return;
  context_.problems.add(place_, fmt::format("{} has no `{}`", title_, key), std::string(help));
}

void TableReader::problem(std::string_view key, std::string message, std::string suggestion) const {
  context_.problems.add(place_at(key), std::move(message), std::move(suggestion));
}

void TableReader::wrong_type(std::string_view name, const TomlNode& node,
                             std::string_view wanted) const {
  context_.problems.add(node.place,
                        fmt::format("`{}` must be {}, got {}", name, wanted, kind_of(node)));
}

std::string TableReader::quoted(std::string_view key) const {
  const TomlEntry* const found = entry(key);
  return found == nullptr ? std::string() : quote(found->node);
}

bool TableReader::text(std::string_view key, std::string& value, std::string_view example) {
  const TomlNode* const node = find(key);
  if (node == nullptr) return false;
  const auto* text = node->as<std::string>();
  if (text == nullptr) {
    wrong_type(key, *node, fmt::format("a string such as {}", example));
    return false;
  }
  if (text->empty()) {
    problem(key, fmt::format("`{}` is empty", key), fmt::format("for example {}", example));
    return false;
  }
  value = *text;
  return true;
}

bool TableReader::texts(std::string_view key, std::vector<std::string>& value,
                        std::string_view example) {
  const TomlNode* const node = find(key);
  if (node == nullptr) return false;
  const std::string wanted = fmt::format("an array of strings such as {}", example);
  const auto* items = node->as<TomlArray>();
  if (items == nullptr) {
    wrong_type(key, *node, wanted);
    return false;
  }
  std::vector<std::string> read;
  for (const TomlNode& item : *items) {
    if (item.as<Reported>() != nullptr) return false;
    const auto* text = item.as<std::string>();
    if (text == nullptr) {
      context_.problems.add(
          item.place, fmt::format("`{}` must be {}, but holds {}", key, wanted, kind_of(item)));
      return false;
    }
    read.push_back(*text);
  }
  value = std::move(read);
  return true;
}

bool TableReader::numbers(std::string_view key, std::vector<double>& value,
                          std::string_view example) {
  const TomlNode* const node = find(key);
  if (node == nullptr) return false;
  const std::string wanted = fmt::format("an array of numbers such as {}", example);
  const auto* items = node->as<TomlArray>();
  if (items == nullptr) {
    wrong_type(key, *node, wanted);
    return false;
  }
  std::vector<double> read;
  for (const TomlNode& item : *items) {
    if (item.as<Reported>() != nullptr) return false;
    if (const auto* whole = item.as<std::int64_t>()) {
      read.push_back(static_cast<double>(*whole));
    } else if (const auto* fraction = item.as<double>()) {
      read.push_back(*fraction);
    } else {
      context_.problems.add(
          item.place, fmt::format("`{}` must be {}, but holds {}", key, wanted, kind_of(item)));
      return false;
    }
  }
  value = std::move(read);
  return true;
}

bool TableReader::flag(std::string_view key, bool& value) {
  const TomlNode* const node = find(key);
  if (node == nullptr) return false;
  const auto* read = node->as<bool>();
  if (read == nullptr) {
    wrong_type(key, *node, "true or false");
    return false;
  }
  value = *read;
  return true;
}

bool TableReader::byte_size(std::string_view key, std::uint64_t& value, ByteRange range) {
  const TomlNode* const node = find(key);
  if (node == nullptr) return false;
  const auto* text = node->as<std::string>();
  if (text == nullptr) {
    wrong_type(key, *node, "a size in quotes such as \"512MiB\"");
    return false;
  }
  const auto read = parse_byte_size(*text);
  if (!read) {
    problem(key, fmt::format("`{}` is no size: {}", key, quote(*node)),
            "use e.g. \"64KiB\", \"512MiB\", \"2GiB\", \"100MB\"");
    return false;
  }
  if (*read < range.low || *read > range.high) {
    problem(key,
            fmt::format("`{}` must be at least \"{}\" and at most \"{}\", got {}", key,
                        format_byte_size(range.low), format_byte_size(range.high), quote(*node)));
    return false;
  }
  value = *read;
  return true;
}

bool TableReader::duration(std::string_view key, DurationMs& value, DurationRange range) {
  static constexpr std::string_view kUse = "use e.g. \"500ms\", \"10s\", \"5m\", \"1h\", \"7d\"";
  const TomlNode* const node = find(key);
  if (node == nullptr) return false;
  const auto* text = node->as<std::string>();
  if (text == nullptr) {
    wrong_type(key, *node, "a duration in quotes such as \"10s\"");
    return false;
  }
  const auto read = parse_duration(*text);
  if (!read) {
    problem(key, fmt::format("`{}` is no duration: {}", key, quote(*node)), std::string(kUse));
    return false;
  }
  if (*read < range.low || *read > range.high) {
    const std::string most = range.high == DurationRange{}.high
                                 ? std::string()
                                 : fmt::format(" and at most \"{}\"", format_duration(range.high));
    problem(key, fmt::format("`{}` must be at least \"{}\"{}, got {}", key,
                             format_duration(range.low), most, quote(*node)));
    return false;
  }
  value = *read;
  return true;
}

bool TableReader::number(std::string_view key, std::optional<double>& value, NumberRange range) {
  const TomlNode* const node = find(key);
  if (node == nullptr) return false;
  const auto* whole = node->as<std::int64_t>();
  const auto* fraction = node->as<double>();
  if (whole == nullptr && fraction == nullptr) {
    wrong_type(key, *node, "a number");
    return false;
  }
  const double read = whole != nullptr ? static_cast<double>(*whole) : *fraction;
  const bool inside =
      range.open ? read > range.low && read < range.high : read >= range.low && read <= range.high;
  if (std::isfinite(read) && inside) {
    value = read;
    return true;
  }
  std::string limits = "a finite number";
  if (std::isfinite(range.low))
    limits = fmt::format("{} {}", range.open ? "greater than" : "at least", range.low);
  if (std::isfinite(range.high)) {
    limits = std::isfinite(range.low) ? limits + " and " : std::string();
    limits += fmt::format("{} {}", range.open ? "less than" : "at most", range.high);
  }
  problem(key, fmt::format("`{}` must be {}, got {}", key, limits, read));
  return false;
}

std::optional<std::int64_t> TableReader::whole_number(std::string_view key, std::int64_t low,
                                                      std::int64_t high) {
  const TomlNode* const node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto* read = node->as<std::int64_t>();
  if (read == nullptr) {
    wrong_type(key, *node, fmt::format("a whole number between {} and {}", low, high));
    return std::nullopt;
  }
  if (*read < low || *read > high) {
    problem(key, fmt::format("`{}` must be between {} and {}, got {}", key, low, high, *read));
    return std::nullopt;
  }
  return *read;
}

std::optional<std::size_t> TableReader::position_in(std::string_view key,
                                                    std::span<const std::string_view> names) {
  const TomlNode* const node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto* text = node->as<std::string>();
  if (text == nullptr) {
    wrong_type(key, *node, fmt::format("one of \"{}\"", fmt::join(names, "\", \"")));
    return std::nullopt;
  }
  const auto found = std::ranges::find(names, *text);
  if (found == names.end()) {
    problem(key, fmt::format("unknown {} {}", key, quote(*node)),
            node->written.empty() ? suggest(*text, names, "use one of")
                                  : fmt::format("use one of: {}", fmt::join(names, ", ")));
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - names.begin());
}

bool TableReader::path(std::string_view key, std::string& value, std::string_view example) {
  if (!text(key, value, example)) return false;
  value = resolve_path(context_.folder, value);
  return true;
}

const TomlTable* TableReader::table_at(std::string_view key, std::string_view example) {
  const TomlNode* const node = find(key);
  if (node == nullptr) return nullptr;
  const auto* found = node->as<TomlTable>();
  if (found == nullptr) wrong_type(key, *node, fmt::format("a table such as {}", example));
  return found;
}

const Place& TableReader::place_at(std::string_view key) const {
  const TomlEntry* const found = entry(key);
  return found == nullptr ? place_ : found->node.place;
}

TableReader TableReader::table(std::string_view key, std::string_view example) {
  return TableReader(table_at(key, example), fmt::format("`{}`", key), place_at(key), context_,
                     mode_);
}

TableReader TableReader::section(std::string_view key, ReadMode mode) {
  const std::string title = fmt::format("[{}]", key);
  return TableReader(table_at(key, title), title, place_at(key), context_, mode);
}

const TomlTable& TableReader::entries() const {
  return mode_ == ReadMode::full ? table_ : kNoEntries;
}

const TomlArray& TableReader::table_array(std::string_view key) {
  const TomlNode* const node = find(key);
  if (node == nullptr) return kNoItems;
  const auto* items = node->as<TomlArray>();
  if (items != nullptr && std::ranges::all_of(*items, [](const TomlNode& item) {
        return item.as<TomlTable>() != nullptr;
      })) {
    return *items;
  }
  const bool single = node->as<TomlTable>() != nullptr;
  problem(key, fmt::format("`{}` must be written with two brackets: [[{}]]", key, key),
          single ? "there may be several, so each begins with a line of its own" : "");
  return kNoItems;
}

bool TableReader::refuse_planned_key(std::string_view key, std::string_view use) {
  if (entry(key) == nullptr) return false;
  know(key);  // only where it is written: no suggestion should lead to a key that is refused
  if (mode_ == ReadMode::keys_only) return false;
  context_.problems.add(entry(key)->place, fmt::format("`{}` comes in a later version", key),
                        std::string(use));
  return true;
}

bool TableReader::refuse_planned_value(std::string_view key,
                                       std::initializer_list<std::string_view> planned,
                                       std::string_view use) {
  const TomlNode* const node = find(key);
  const auto* text = node == nullptr ? nullptr : node->as<std::string>();
  if (text == nullptr || std::ranges::find(planned, *text) == planned.end()) return false;
  problem(key, fmt::format("`{} = {}` comes in a later version", key, quote(*node)),
          std::string(use));
  return true;
}

}  // namespace driftd
