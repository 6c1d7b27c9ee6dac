#include "config/policies.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "config/document.h"
#include "config/files.h"
#include "config/overrides.h"
#include "config/problems.h"
#include "config/read_document.h"

namespace driftd {
namespace {

// The keys of a [[model]] that are rules.
constexpr std::array<std::string_view, 8> kRules{"alerts",       "features",   "metrics",
                                                 "quality",      "sequential", "min_samples",
                                                 "min_coverage", "champion"};
// Those that decide what is counted, or when it is published.
constexpr std::array<std::string_view, 10> kCounting{
    "name",   "task",          "positive_class", "reference",      "reference_max_distinct",
    "window", "label_horizon", "estimate",       "amend_interval", "segments"};
constexpr std::array<std::string_view, 5> kSections{"daemon", "source", "state", "store",
                                                    "webhook"};
constexpr std::array<std::string_view, 2> kCountingOfFeatures{"type", "range"};

constexpr std::string_view kWhatIf = "--what-if";

[[nodiscard]] bool is_in(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

[[nodiscard]] TomlEntry* entry_of(TomlTable& table, std::string_view key) {
  const auto found = std::ranges::find(table, key, &TomlEntry::key);
  return found == table.end() ? nullptr : &*found;
}

// What one policy lays over the configuration.
struct Overlay {
  std::string name;
  std::string source;                       // what messages call it: the file, or --what-if
  TomlTable all;                            // for every model
  std::map<std::size_t, TomlTable> models;  // by position in the configuration
  // A file says which detectors a feature has; a single key changes one of them, as --set does.
  bool replaces_detectors = false;
};

void name_file(TomlTable& table, const std::string& file);

void name_file(TomlNode& node, const std::string& file) {
  node.place.file = file;
  if (auto* items = node.as<TomlArray>()) {
    for (TomlNode& item : *items) name_file(item, file);
  } else if (auto* entries = node.as<TomlTable>()) {
    name_file(*entries, file);
  }
}

void name_file(TomlTable& table, const std::string& file) {
  for (TomlEntry& entry : table) {
    entry.place.file = file;
    name_file(entry.node, file);
  }
}

// --- What a policy may not say

[[nodiscard]] std::string rules_in_words() {
  return fmt::format("a policy may have {}", fmt::join(kRules, ", "));
}

void tell_counting(const TomlEntry& entry, std::string_view key, Problems& problems) {
  problems.add(entry.place,
               fmt::format("`{}` is no part of a policy: it decides what is counted and when, and "
                           "all policies of a replay share the counters",
                           key),
               "change it in the configuration and replay again");
}

// Tells what is wrong with the keys of a table of rules and takes those out, so that the reader of
// the whole does not tell it again.
void check_rules(TomlTable& table, Problems& problems) {
  std::erase_if(table, [&](const TomlEntry& entry) {
    if (is_in(entry.key, kRules)) return false;
    if (is_in(entry.key, kCounting)) {
      tell_counting(entry, entry.key, problems);
    } else if (is_in(entry.key, kSections)) {
      problems.add(entry.place, fmt::format("`{}` is no part of a policy", entry.key),
                   rules_in_words());
    } else {
      problems.add(entry.place, fmt::format("unknown key `{}` in a policy", entry.key),
                   suggest(entry.key, kRules, "a policy may have"));
    }
    return true;
  });
  TomlEntry* const features = entry_of(table, "features");
  auto* const by_name = features == nullptr ? nullptr : features->node.as<TomlTable>();
  if (by_name == nullptr) return;
  for (TomlEntry& feature : *by_name) {
    auto* const keys = feature.node.as<TomlTable>();
    if (keys == nullptr) continue;
    std::erase_if(*keys, [&](const TomlEntry& entry) {
      if (!is_in(entry.key, kCountingOfFeatures)) return false;
      tell_counting(entry, fmt::format("features.{}.{}", feature.key, entry.key), problems);
      return true;
    });
  }
}

// --- The two kinds of policies

// The name that each [[model]] of the configuration has, by position; empty where it is wrong.
[[nodiscard]] std::vector<std::string> model_names(TomlTable& document) {
  std::vector<std::string> names;
  TomlEntry* const models = entry_of(document, "model");
  auto* const items = models == nullptr ? nullptr : models->node.as<TomlArray>();
  if (items == nullptr) return names;
  for (TomlNode& item : *items) {
    auto* const table = item.as<TomlTable>();
    TomlEntry* const name = table == nullptr ? nullptr : entry_of(*table, "name");
    const auto* const text = name == nullptr ? nullptr : name->node.as<std::string>();
    names.push_back(text == nullptr ? std::string() : *text);
  }
  return names;
}

// One [[model]] of a policy's file.
void add_model(TomlNode& item, std::span<const std::string> names, Overlay& overlay,
               Problems& problems) {
  auto* const table = item.as<TomlTable>();
  if (table == nullptr) {
    return problems.add(item.place, "`model` must be written with two brackets: [[model]]");
  }
  TomlEntry* const name = entry_of(*table, "name");
  const auto* const text = name == nullptr ? nullptr : name->node.as<std::string>();
  if (text == nullptr) {
    return problems.add(
        name == nullptr ? item.place : name->node.place,
        "a [[model]] of a policy needs the `name` of a model of the configuration",
        fmt::format("for all models leave [[model]] out; they are: {}", fmt::join(names, ", ")));
  }
  const auto found = std::ranges::find(names, *text);
  if (found == names.end()) {
    const std::vector<std::string_view> known(names.begin(), names.end());
    return problems.add(name->node.place, fmt::format("the configuration has no model `{}`", *text),
                        suggest(*text, known, "its models are"));
  }
  const auto position = static_cast<std::size_t>(found - names.begin());
  if (overlay.models.contains(position)) {
    return problems.add(item.place, fmt::format("the model `{}` is there twice", *text),
                        "put its rules into one [[model]]");
  }
  std::erase_if(*table, [](const TomlEntry& entry) { return entry.key == "name"; });
  check_rules(*table, problems);
  overlay.models.emplace(position, std::move(*table));
}

[[nodiscard]] Overlay overlay_of_file(const std::string& file, std::span<const std::string> names,
                                      Problems& problems) {
  Overlay overlay;
  overlay.name = std::filesystem::path(file).stem().string();
  overlay.source = file;
  overlay.replaces_detectors = true;
  Place whole;
  whole.file = file;
  const auto text = read_text_file(file);
  if (!text) {
    problems.add(whole, fmt::format("the policy cannot be read: {}", text.error()),
                 "name another one with --policy");
    return overlay;
  }
  auto document = parse_document(*text);
  if (!document) {
    Place place = document.error().place;
    place.file = file;
    problems.add(place, fmt::format("this is not TOML: {}", document.error().message));
    return overlay;
  }
  name_file(*document, file);
  for (TomlEntry& entry : *document) expand_variables(entry.node, problems);
  if (TomlEntry* const models = entry_of(*document, "model")) {
    if (auto* const items = models->node.as<TomlArray>()) {
      for (TomlNode& item : *items) add_model(item, names, overlay, problems);
    } else {
      problems.add(models->place, "`model` must be written with two brackets: [[model]]");
    }
    std::erase_if(*document, [](const TomlEntry& entry) { return entry.key == "model"; });
  }
  check_rules(*document, problems);
  overlay.all = std::move(*document);
  return overlay;
}

// `path[at..]` as tables inside of one another, the last one with the value.
[[nodiscard]] TomlTable nested(std::span<const std::string> path, const TomlNode& value,
                               const Place& place) {
  TomlTable table;
  if (path.size() == 1) {
    table.push_back({path.front(), place, value});
  } else {
    table.push_back(
        {path.front(), place,
         TomlNode{.value = nested(path.subspan(1), value, place), .place = place, .written = {}}});
  }
  return table;
}

// The model that KEY = model.[POSITION.]... means, and what follows; empty, and told, where it
// means none.
[[nodiscard]] std::optional<std::size_t> named_position(std::span<const std::string>& path,
                                                        std::size_t models, const Place& place,
                                                        Problems& problems) {
  path = path.subspan(1);
  std::size_t position = 0;
  if (!path.empty()) {
    const std::string& part = path.front();
    const char* const end = part.data() + part.size();
    const auto [rest, error] = std::from_chars(part.data(), end, position);
    if (error == std::errc{} && rest == end) {
      path = path.subspan(1);
    } else if (models == 1) {
      position = 0;
    } else {
      problems.add(place, fmt::format("the configuration has {} models; say which", models),
                   fmt::format("the first one is `model.0.{0}`; `{0}` means all of them", part));
      return std::nullopt;
    }
  }
  if (path.empty()) {
    problems.add(place, "no key of a model is named",
                 fmt::format("for example {} model.0.min_samples=50", kWhatIf));
    return std::nullopt;
  }
  if (position >= models) {
    problems.add(place, fmt::format("there is no `model.{}`: the configuration has {} of them, "
                                    "counted from 0",
                                    position, models));
    return std::nullopt;
  }
  return position;
}

[[nodiscard]] Overlay overlay_of_key(const std::string& text, std::span<const std::string> names,
                                     Problems& problems) {
  Overlay overlay;
  overlay.source = kWhatIf;
  overlay.name = text;
  Override change = parse_override(text, std::string(kWhatIf));
  if (change.path.empty()) {
    problems.add(change.place, "not of the form KEY=VALUE",
                 "for example budget=\"1 per 7d\" or min_samples=50");
    return overlay;
  }
  // "1 per 7d" and 1 per 7d are the same policy, with one name.
  if (const auto* value = change.value.as<std::string>())
    overlay.name = fmt::format("{}={}", change.place.override_key, *value);
  expand_variables(change.value, problems);
  std::span<const std::string> path(change.path);
  std::optional<std::size_t> position;
  std::vector<std::string> of_alerts;
  const std::string& first = change.path.front();
  if (first == "model") {
    position = named_position(path, names.size(), change.place, problems);
    if (!position) return overlay;
  } else if (!is_in(first, kRules) && !is_in(first, kCounting) && !is_in(first, kSections)) {
    of_alerts = change.path;
    of_alerts.insert(of_alerts.begin(), "alerts");
    path = of_alerts;
  }
  TomlTable table = nested(path, change.value, change.place);
  check_rules(table, problems);
  if (position) {
    overlay.models.emplace(*position, std::move(table));
  } else {
    overlay.all = std::move(table);
  }
  return overlay;
}

// --- Laying one over the other

// `path`: the keys from the [[model]] down to `base`.
void merge(TomlTable& base, const TomlTable& rules, bool replaces_detectors,
           std::vector<std::string_view>& path) {
  for (const TomlEntry& entry : rules) {
    TomlEntry* const there = entry_of(base, entry.key);
    if (there == nullptr) {
      base.push_back(entry);
      continue;
    }
    const bool is_detectors =
        path.size() == 2 && path.front() == "features" && entry.key == "detectors";
    auto* const below = there->node.as<TomlTable>();
    const auto* const over = entry.node.as<TomlTable>();
    if (below == nullptr || over == nullptr || (is_detectors && replaces_detectors)) {
      *there = entry;
      continue;
    }
    path.push_back(entry.key);
    merge(*below, *over, replaces_detectors, path);
    path.pop_back();
  }
}

// Which policy alerts follow is one choice, made by `policy` or by `budget`: what belongs to the
// configuration's own choice does not stay behind a new one.
void drop_replaced_choice(TomlTable& model, TomlTable& rules) {
  const auto alerts_of = [](TomlTable& table) {
    TomlEntry* const entry = entry_of(table, "alerts");
    return entry == nullptr ? nullptr : entry->node.as<TomlTable>();
  };
  TomlTable* const below = alerts_of(model);
  TomlTable* const over = alerts_of(rules);
  if (below == nullptr || over == nullptr) return;
  static constexpr std::array<std::string_view, 4> kOfAChoice{"policy", "budget", "alpha",
                                                              "min_effect"};
  static constexpr std::array<std::string_view, 2> kOfOthersThanBudget{"policy", "alpha"};
  if (entry_of(*over, "policy") != nullptr) {
    std::erase_if(*below, [](const TomlEntry& entry) { return is_in(entry.key, kOfAChoice); });
  } else if (entry_of(*over, "budget") != nullptr) {
    std::erase_if(*below,
                  [](const TomlEntry& entry) { return is_in(entry.key, kOfOthersThanBudget); });
  }
}

void lay_over(TomlTable& document, Overlay& overlay) {
  TomlEntry* const models = entry_of(document, "model");
  auto* const items = models == nullptr ? nullptr : models->node.as<TomlArray>();
  if (items == nullptr) return;
  for (std::size_t i = 0; i < items->size(); ++i) {
    auto* const model = (*items)[i].as<TomlTable>();
    if (model == nullptr) continue;
    std::vector<TomlTable*> layers{&overlay.all};
    if (const auto own = overlay.models.find(i); own != overlay.models.end())
      layers.push_back(&own->second);
    for (TomlTable* const rules : layers) {
      drop_replaced_choice(*model, *rules);
      std::vector<std::string_view> path;
      merge(*model, *rules, overlay.replaces_detectors, path);
    }
  }
}

// Two of one name could not be told apart in a table.
void check_names(std::span<const Overlay> overlays, Problems& problems) {
  std::map<std::string_view, std::string_view> sources{{kBasePolicy, ""}};
  for (const Overlay& overlay : overlays) {
    const auto [first, added] = sources.emplace(overlay.name, overlay.source);
    if (added) continue;
    Place place;
    place.file = overlay.source;
    if (overlay.source == kWhatIf) {
      problems.add(place, fmt::format("`{}` is there twice", overlay.name), "leave one out");
    } else if (first->first == kBasePolicy) {
      problems.add(place,
                   fmt::format("a policy cannot be called `{}`, as the configuration itself is",
                               kBasePolicy),
                   "a policy is called after its file: give the file another name");
    } else {
      problems.add(
          place,
          fmt::format("two policies are called `{}`, also that of {}", overlay.name, first->second),
          "a policy is called after its file: give one of the files another name");
    }
  }
}

}  // namespace

std::expected<std::vector<Policy>, std::vector<ConfigProblem>> load_policies(
    const std::string& path, const LoadOptions& options, const PolicyOptions& policies) {
  ReadContext base{folder_of(path), Problems(path), {}};
  std::optional<TomlTable> document = open_document(path, options, base);
  if (!document) return std::unexpected(base.problems.take());
  const std::vector<std::string> names = model_names(*document);
  std::vector<Overlay> overlays;
  overlays.reserve(policies.files.size() + policies.what_ifs.size());
  for (const std::string& file : policies.files)
    overlays.push_back(overlay_of_file(file, names, base.problems));
  for (const std::string& text : policies.what_ifs)
    overlays.push_back(overlay_of_key(text, names, base.problems));
  check_names(overlays, base.problems);
  if (overlays.size() > kMostPolicies) {
    base.problems.add(
        Place{},
        fmt::format("{} policies are more than a replay compares at once", overlays.size()),
        fmt::format("give at most {}", kMostPolicies));
  }
  std::vector<ConfigProblem> problems = base.problems.take();
  std::vector<Policy> loaded;
  for (Overlay& overlay : overlays) {
    TomlTable whole = *document;
    lay_over(whole, overlay);
    ReadContext context{folder_of(path), Problems(path), {}};
    Config config = read_document(whole, options, context);
    for (ConfigProblem& problem : context.problems.take()) {
      // The configuration alone is good, so that the policy is to blame wherever the problem is.
      if (problem.file != overlay.source)
        problem.message += fmt::format(" (under the policy `{}`)", overlay.name);
      // A rule for all models is read once for each of them.
      const bool is_told = std::ranges::any_of(problems, [&](const ConfigProblem& other) {
        return std::tie(other.file, other.line, other.column, other.message) ==
               std::tie(problem.file, problem.line, problem.column, problem.message);
      });
      if (!is_told) problems.push_back(std::move(problem));
    }
    loaded.push_back({std::move(overlay.name), std::move(config.models)});
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return loaded;
}

}  // namespace driftd
