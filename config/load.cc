#include "config/load.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <utility>

#include "config/document.h"
#include "config/files.h"
#include "config/overrides.h"
#include "config/problems.h"
#include "config/read_document.h"
#include "config/sections.h"
#include "config/table_reader.h"

namespace driftd {
namespace {

// What reading historic files needs nothing of: brokers, stores and endpoints.
[[nodiscard]] bool is_outside(std::string_view section) {
  return section == "source" || section == "state" || section == "store" || section == "webhook";
}

// Two sections of one name would share their series, their state or their queue.
class UniqueNames {
 public:
  explicit UniqueNames(std::string_view what) : what_(what) {}

  void add(const std::string& name, const TableReader& table) {
    if (name.empty()) return;
    const auto [first, added] = first_.emplace(name, table.place());
    if (added) return;
    const std::string where = first->second.line > 0
                                  ? fmt::format(", first in line {}", first->second.line)
                                  : std::string();
    table.problem("name", fmt::format("the {} name `{}` is used twice{}", what_, name, where),
                  fmt::format("each {} needs a name of its own", what_));
  }

 private:
  std::string_view what_;
  std::map<std::string, Place> first_;
};

void read_all(const TomlTable& document, ReadMode outside, ReadContext& context, Config& config) {
  TableReader root(&document, "the file", Place{}, context);
  {
    TableReader daemon = root.section("daemon", ReadMode::full);
    config.daemon = read_daemon(daemon);
  }
  {
    TableReader state = root.section("state", outside);
    config.state = read_state(state);
  }
  {
    TableReader store = root.section("store", outside);
    config.store = read_store(store);
  }
  root.each_table("source", outside, [&](TableReader& table, std::size_t position) {
    config.sources.push_back(read_source(table, position));
  });
  UniqueNames models("model");
  root.each_table("model", ReadMode::full, [&](TableReader& table, std::size_t) {
    config.models.push_back(read_model(table));
    models.add(config.models.back().name, table);
  });
  UniqueNames webhooks("webhook");
  root.each_table("webhook", outside, [&](TableReader& table, std::size_t position) {
    config.webhooks.push_back(read_webhook(table, position));
    webhooks.add(config.webhooks.back().name, table);
  });
  const auto missing = [&](std::string_view key) {
    const TomlNode* const node = root.find(key);
    const auto* items = node == nullptr ? nullptr : node->as<TomlArray>();
    return !root.given(key) || (items != nullptr && items->empty());
  };
  if (missing("model")) {
    context.problems.add(Place{}, "there is no [[model]] in the file",
                         "add one with a `name` and a `reference`");
  }
  if (outside == ReadMode::full && missing("source")) {
    context.problems.add(Place{}, "there is no [[source]] in the file",
                         "add one with `brokers` and `predictions`");
  }
}

}  // namespace

std::optional<TomlTable> open_document(const std::string& path, const LoadOptions& options,
                                       ReadContext& context) {
  const auto text = read_text_file(path);
  if (!text) {
    context.problems.add(Place{},
                         fmt::format("the configuration file cannot be read: {}", text.error()),
                         "name another one with --config");
    return std::nullopt;
  }
  auto document = parse_document(*text);
  if (!document) {
    context.problems.add(document.error().place,
                         fmt::format("this is not TOML: {}", document.error().message));
    return std::nullopt;
  }
  apply_overrides(*document, options.overrides, context.problems);
  for (TomlEntry& entry : *document) {
    if (!options.models_only || !is_outside(entry.key))
      expand_variables(entry.node, context.problems);
  }
  return std::move(*document);
}

Config read_document(const TomlTable& document, const LoadOptions& options, ReadContext& context) {
  Config config;
  read_all(document, options.models_only ? ReadMode::keys_only : ReadMode::full, context, config);
  if (options.models_only) {
    config.sources.clear();
    config.webhooks.clear();
  }
  return config;
}

std::expected<Config, std::vector<ConfigProblem>> load_config(const std::string& path,
                                                              const LoadOptions& options) {
  ReadContext context{folder_of(path), Problems(path), {}, options.needs_references};
  const std::optional<TomlTable> document = open_document(path, options, context);
  if (!document) return std::unexpected(context.problems.take());
  Config config = read_document(*document, options, context);
  config.path = path;
  if (!context.problems.empty()) return std::unexpected(context.problems.take());
  config.notes = std::move(context.notes);
  return config;
}

}  // namespace driftd
