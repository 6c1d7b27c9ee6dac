#include "config/read_sequential.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/catalog.h"

namespace driftd {
namespace {

constexpr const char* kOnHelp =
    "write \"score\", \"metric:NAME\", e.g. \"metric:accuracy\", or \"statistic:SERIES.DETECTOR\", "
    "e.g. \"statistic:amount.ks\"";

[[nodiscard]] std::vector<std::string_view> names_for_windows() {
  std::vector<std::string_view> names;
  for (const SequentialKind& kind : sequential_kinds()) {
    if (!kind.binary) names.push_back(kind.name);
  }
  return names;
}

[[nodiscard]] const SequentialKind* read_kind(TableReader& table) {
  table.require("detector", "add detector = \"page_hinkley\"");
  std::string name;
  if (!table.text("detector", name, "\"page_hinkley\"")) return nullptr;
  const auto kind = require_sequential_kind(name);
  if (!kind) {
    table.problem("detector", fmt::format("unknown sequential detector `{}`", name),
                  suggest(name, names_for_windows(), "available"));
    return nullptr;
  }
  if ((*kind)->binary) {
    table.problem("detector",
                  fmt::format("`{}` takes errors, 0 or 1, and a window gives a number", name),
                  fmt::format("available: {}", fmt::join(names_for_windows(), ", ")));
    return nullptr;
  }
  return *kind;
}

[[nodiscard]] bool read_metric_name(TableReader& table, std::string_view name,
                                    std::optional<Task> task, SequentialConfig& config) {
  const MetricEntry* const metric = find_metric_entry(name, task);
  if (metric == nullptr) {
    table.problem("on",
                  task ? fmt::format("a {} model has no metric `{}`", to_string(*task), name)
                       : fmt::format("unknown metric `{}`", name),
                  suggest(name, metrics_of(task), "the metrics are"));
    return false;
  }
  config.source = SequentialSource::metric;
  config.name = name;
  config.waits_for_labels = !metric->duration && !name.ends_with("_estimated");
  return true;
}

// What `on` means; whether the series is there is known when the reference has been read.
[[nodiscard]] bool read_on(TableReader& table, std::optional<Task> task, SequentialConfig& config) {
  table.require("on", kOnHelp);
  if (!table.text("on", config.on, "\"metric:accuracy\"")) return false;
  constexpr std::string_view kMetric = "metric:";
  constexpr std::string_view kStatistic = "statistic:";
  const std::string_view on = config.on;
  if (on == "score") {
    config.source = SequentialSource::score;
    if (task != Task::multiclass) return true;
    table.problem("on", "the prediction of a multiclass model is a class and has no mean", kOnHelp);
    return false;
  }
  if (on.starts_with(kMetric)) {
    return read_metric_name(table, on.substr(kMetric.size()), task, config);
  }
  const std::size_t dot = on.rfind('.');
  if (on.starts_with(kStatistic) && dot != std::string_view::npos && dot > kStatistic.size() &&
      dot + 1 < on.size()) {
    config.source = SequentialSource::statistic;
    config.series = on.substr(kStatistic.size(), dot - kStatistic.size());
    config.name = on.substr(dot + 1);
    return true;
  }
  table.problem("on", fmt::format("`on` names no series: {}", table.quoted("on")), kOnHelp);
  return false;
}

[[nodiscard]] std::optional<std::string> text_of(const TomlNode& node) {
  if (const auto* text = node.as<std::string>()) return *text;
  if (const auto* whole = node.as<std::int64_t>()) return std::to_string(*whole);
  if (const auto* number = node.as<double>()) return fmt::format("{}", *number);
  if (const auto* truth = node.as<bool>()) return *truth ? "true" : "false";
  return std::nullopt;
}

void read_settings(TableReader& table, SequentialSettings& settings) {
  Problems& problems = table.context().problems;
  bool good = true;
  TableReader set = table.table("set", "{ threshold = 20 }");
  for (const TomlEntry& entry : set.entries()) {
    // `find` makes the key a known one; which keys there are is said by `settings`.
    const TomlNode* const node = set.find(entry.key);
    if (node == nullptr) continue;
    const auto text = text_of(*node);
    if (!text) {
      problems.add(node->place, fmt::format("`{}` must be a number, a string, true or false, "
                                            "got {}",
                                            entry.key, kind_of(*node)));
      good = false;
    } else if (const auto taken = settings.set(entry.key, *text); !taken) {
      problems.add(entry.place, taken.error().message, taken.error().help);
      good = false;
    }
  }
  if (!good) return;
  if (const auto checked = settings.check(); !checked) {
    table.problem("set", checked.error().message, checked.error().help);
  }
}

}  // namespace

std::vector<SequentialConfig> read_sequential(TableReader& model, std::optional<Task> task) {
  std::vector<SequentialConfig> watches;
  model.each_table("sequential", ReadMode::full, [&](TableReader& table, std::size_t) {
    const SequentialKind* const kind = read_kind(table);
    SequentialConfig config;
    const bool has_series = read_on(table, task, config);
    if (kind == nullptr) {
      // Parameters belong to a detector, so that without one none is known to be wrong.
      (void)table.find("set");
      return;
    }
    config.settings = SequentialSettings(*kind);
    read_settings(table, *config.settings);
    if (!has_series) return;
    const bool twice = std::ranges::any_of(watches, [&](const SequentialConfig& other) {
      return other.on == config.on && &other.settings->kind() == kind;
    });
    if (twice) {
      table.problem("detector", fmt::format("`{}` watches \"{}\" twice", kind->name, config.on),
                    "their findings could not be told apart: keep one of them");
      return;
    }
    watches.push_back(std::move(config));
  });
  return watches;
}

}  // namespace driftd
