#include "config/overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace driftd {
namespace {

constexpr std::array<std::string_view, 3> kRepeatedSections{"source", "model", "webhook"};

// The '=' between KEY and VALUE; one within a quoted part of KEY does not count.
[[nodiscard]] std::size_t find_equals(std::string_view text) {
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text[i] == '=') {
      return i;
    }
  }
  return std::string_view::npos;
}

// The parts of a dotted key, read by TOML's own rules, so that a name with a dot in it can be
// quoted.
[[nodiscard]] std::vector<std::string> split_key(std::string_view key) {
  std::vector<std::string> path;
  auto document = parse_document(fmt::format("{} = 0", key));
  if (!document) return path;
  TomlTable* table = &*document;
  while (table != nullptr) {
    if (table->size() != 1) return {};
    path.push_back(table->front().key);
    table = table->front().node.as<TomlTable>();
  }
  return path;
}

void move_to(TomlNode& node, const Place& place) {
  node.place = place;
  if (auto* items = node.as<TomlArray>()) {
    for (TomlNode& item : *items) move_to(item, place);
  } else if (auto* entries = node.as<TomlTable>()) {
    for (TomlEntry& entry : *entries) {
      entry.place = place;
      move_to(entry.node, place);
    }
  }
}

// The entry of `table` under `key`, made if it is not there.
[[nodiscard]] TomlEntry& entry_for(TomlTable& table, const std::string& key, const Place& place) {
  const auto found = std::ranges::find(table, key, &TomlEntry::key);
  if (found != table.end()) return *found;
  table.push_back({key, place, TomlNode{.value = TomlTable{}, .place = place, .written = {}}});
  return table.back();
}

// The element of `items` that `part` means; a null pointer and a problem where there is no such
// element. `used` says whether `part` was a position; if not, it is a key of the only element.
[[nodiscard]] TomlNode* element(TomlArray& items, const std::string& name, const std::string& part,
                                bool& used, const Place& place, Problems& problems) {
  std::size_t position = 0;
  const char* const end = part.data() + part.size();
  const auto [rest, error] = std::from_chars(part.data(), end, position);
  used = error == std::errc{} && rest == end;
  if (used && position < items.size()) return &items[position];
  if (!used && items.size() == 1 && items.front().as<TomlTable>() != nullptr) return &items.front();
  if (used) {
    problems.add(place, fmt::format("there is no `{}.{}`: the file has {} of them, counted from 0",
                                    name, position, items.size()));
  } else {
    problems.add(place, fmt::format("`{}` has {} elements; say which", name, items.size()),
                 fmt::format("the first one is `{}.0.{}`", name, part));
  }
  return nullptr;
}

void apply(TomlTable& document, Override change, Problems& problems) {
  const Place& place = change.place;
  const std::string& section = change.path.front();
  if (change.path.size() > 1 && is_repeated_section(section) &&
      std::ranges::find(document, section, &TomlEntry::key) == document.end()) {
    return problems.add(place,
                        fmt::format("the file has no [[{}]] that this could change", section));
  }
  TomlEntry* entry = &entry_for(document, section, place);
  TomlNode* node = &entry->node;
  for (std::size_t i = 1; i < change.path.size(); ++i) {
    if (auto* items = node->as<TomlArray>()) {
      bool used = false;
      node = element(*items, change.path[i - 1], change.path[i], used, place, problems);
      if (node == nullptr) return;
      entry = nullptr;
      if (used) continue;
    }
    auto* table = node->as<TomlTable>();
    if (table == nullptr) {
      return problems.add(place, fmt::format("`{}` is {}, it has no `{}` in it", change.path[i - 1],
                                             kind_of(*node), change.path[i]));
    }
    entry = &entry_for(*table, change.path[i], place);
    node = &entry->node;
  }
  *node = std::move(change.value);
  if (entry != nullptr) entry->place = place;
}

// One ${NAME} of a string. On entry `at` is the position of its '$'; afterwards it is behind the
// '}'.
[[nodiscard]] bool expand_one(std::string_view text, std::size_t& at, std::string& out,
                              const Place& place, Problems& problems) {
  const auto is_name_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const std::size_t close = text.find('}', at);
  const std::string name(
      text.substr(at + 2, close == std::string_view::npos ? close : close - at - 2));
  if (close == std::string_view::npos || name.empty() ||
      !std::ranges::all_of(name, is_name_letter)) {
    problems.add(place, "`${` does not begin the name of an environment variable",
                 "write ${NAME} with letters, digits and underscores, or $${ for a plain ${");
    return false;
  }
  const char* const value = std::getenv(name.c_str());
  if (value == nullptr) {
    problems.add(place, fmt::format("the environment variable `{}` is not set", name),
                 "set it where driftd is started, or write the value itself");
    return false;
  }
  out += value;
  at = close + 1;
  return true;
}

// `text` is a copy of what `node` holds.
void expand_text(TomlNode& node, const std::string& text, Problems& problems) {
  if (text.find("${") == std::string::npos) return;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, 3, "$${") == 0) {
      out += "${";
      at += 3;
    } else if (text.compare(at, 2, "${") == 0) {
      if (!expand_one(text, at, out, node.place, problems)) {
        node.value = Reported{};
        return;
      }
    } else {
      out += text[at++];
    }
  }
  node.written = text;
  node.value = std::move(out);
}

}  // namespace

bool is_repeated_section(std::string_view key) {
  return std::ranges::find(kRepeatedSections, key) != kRepeatedSections.end();
}

Override parse_override(const std::string& text, const std::string& option) {
  const std::size_t equals = find_equals(text);
  const std::string key = text.substr(0, equals);
  const Place place{
      .line = 0, .column = 0, .override_key = key.empty() ? "KEY" : key, .file = option};
  Override change{.path = {}, .value = {}, .place = place};
  if (equals == std::string::npos) return change;
  change.path = split_key(key);
  const std::string value = text.substr(equals + 1);
  auto node = parse_value(value);
  change.value = node ? std::move(*node) : TomlNode{.value = value, .place = place, .written = {}};
  move_to(change.value, place);
  return change;
}

void apply_overrides(TomlTable& document, std::span<const std::string> overrides,
                     Problems& problems) {
  for (const std::string& text : overrides) {
    Override change = parse_override(text);
    if (change.path.empty()) {
      problems.add(change.place, "not of the form KEY=VALUE",
                   "for example daemon.listen=127.0.0.1:0 or model.0.window.count=500");
      continue;
    }
    apply(document, std::move(change), problems);
  }
}

void expand_variables(TomlNode& node, Problems& problems) {
  if (const auto* text = node.as<std::string>()) {
    expand_text(node, std::string(*text), problems);
  } else if (auto* items = node.as<TomlArray>()) {
    for (TomlNode& item : *items) expand_variables(item, problems);
  } else if (auto* entries = node.as<TomlTable>()) {
    for (TomlEntry& entry : *entries) expand_variables(entry.node, problems);
  }
}

}  // namespace driftd
