#include "config/read_features.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "config/catalog.h"
#include "config/duration.h"

namespace driftd {
namespace {

constexpr std::array<std::string_view, 5> kReservedColumns{"id", "ts", "version", "actual",
                                                           "weight"};

// The type that a series has by its role, whatever the reference says: the model's output and its
// latency.
[[nodiscard]] std::optional<SeriesType> type_by_role(std::string_view name,
                                                     std::optional<Task> task) {
  if (name == "latency_ms") return SeriesType::numeric;
  if (name == "predicted_class") return SeriesType::categorical;
  if (name != "prediction" || !task) return std::nullopt;
  return *task == Task::multiclass ? SeriesType::categorical : SeriesType::numeric;
}

void check_name(TableReader& features, const TomlEntry& entry, std::optional<Task> task) {
  Problems& problems = features.context().problems;
  if (std::ranges::find(kReservedColumns, entry.key) != kReservedColumns.end() ||
      entry.key.starts_with("score_")) {
    problems.add(entry.place, fmt::format("`{}` is a reserved column, not a feature", entry.key),
                 "leave it out; a feature of this name must be renamed in events and reference");
  } else if (entry.key == "predicted_class" && task == Task::regression) {
    problems.add(entry.place, "a regression model has no `predicted_class`", "use `prediction`");
  } else if (entry.key.empty()) {
    problems.add(entry.place, "a feature has an empty name");
  }
}

// Tells why `name` cannot be used for a series of this type; null then.
[[nodiscard]] const DetectorEntry* usable_detector(const TomlEntry& entry,
                                                   std::optional<SeriesType> type,
                                                   Problems& problems) {
  const auto available = available_detectors(type);
  const DetectorEntry* const detector = find_detector_entry(entry.key);
  if (detector == nullptr) {
    problems.add(entry.place, fmt::format("unknown detector `{}`", entry.key),
                 suggest(entry.key, available, "available"));
    return nullptr;
  }
  const std::string series = type ? fmt::format(" for {} series", to_string(*type)) : std::string();
  switch (support_of(*detector, type)) {
    case Support::now: return detector;
    case Support::never:
      problems.add(entry.place,
                   fmt::format("`{}` does not fit a {} series", entry.key, to_string(*type)),
                   fmt::format("available{}: {}", series, fmt::join(available, ", ")));
      return nullptr;
  }
  return nullptr;
}

[[nodiscard]] DetectorConfig read_detector(TableReader& table, const DetectorEntry& detector) {
  DetectorConfig config;
  config.name = detector.name;
  table.number("threshold", config.threshold, {0, detector.highest, false});
  if (table.number("warning", config.warning, {0, detector.highest, false}) && config.threshold &&
      *config.warning > *config.threshold) {
    table.problem(
        "warning",
        fmt::format("`warning` ({}) is above `threshold` ({})", *config.warning, *config.threshold),
        "a warning comes before the drift, at a smaller statistic");
  }
  if (table.number("p_value", config.p_value, {0, 1, true}) && !detector.has_p_value) {
    table.problem("p_value", fmt::format("`{}` has no p-value", detector.name), "use `threshold`");
  }
  return config;
}

[[nodiscard]] std::vector<DetectorConfig> read_detectors(TableReader& table,
                                                         std::optional<SeriesType> type) {
  std::vector<DetectorConfig> detectors;
  for (const TomlEntry& entry : table.entries()) {
    TableReader limits = table.table(entry.key, "{ threshold = 0.2 }");
    if (const auto* detector = usable_detector(entry, type, table.context().problems)) {
      detectors.push_back(read_detector(limits, *detector));
    } else {
      limits.ignore_unknown();
    }
  }
  return detectors;
}

void read_range(TableReader& table, FeatureConfig& feature) {
  std::vector<double> ends;
  if (!table.numbers("range", ends, "[0, 150]")) return;
  if (ends.size() != 2 || !(ends[0] < ends[1])) {
    table.problem("range", "`range` must be two numbers, the smaller one first",
                  "for example range = [0, 150], or range = [0, inf]");
    return;
  }
  feature.range = {ends[0], ends[1]};
}

void read_quality(TableReader& table, FeatureConfig& feature) {
  constexpr NumberRange kShares{0, 1, false};
  table.number("max_missing", feature.max_missing, kShares);
  table.number("max_type_error", feature.max_type_error, kShares);
  table.number("max_unseen", feature.max_unseen, kShares);
  table.number("max_out_of_range", feature.max_out_of_range, kShares);
  table.number("max_outliers", feature.max_outliers, kShares);
  table.flag("may_be_constant", feature.may_be_constant);
  read_range(table, feature);
  if (!feature.type) return;
  // Where the type is inferred, the model's set-up tells.
  for (const auto key : keys_of_other_types(feature, *feature.type)) {
    table.problem(key, fmt::format("`{}` does not fit a {} series", key, to_string(*feature.type)));
  }
}

[[nodiscard]] FeatureConfig read_feature(TableReader& table, const TomlEntry& entry,
                                         std::optional<Task> task) {
  FeatureConfig feature;
  feature.name = entry.key;
  SeriesType type = SeriesType::numeric;
  if (table.choice<SeriesType>(
          "type", type,
          {{"numeric", SeriesType::numeric}, {"categorical", SeriesType::categorical}})) {
    feature.type = type;
  }
  const auto role_type = type_by_role(entry.key, task);
  if (feature.type && role_type && *feature.type != *role_type) {
    table.problem(
        "type",
        fmt::format(
            "the series `{}` is always {}{}", entry.key, to_string(*role_type),
            entry.key == "prediction" ? fmt::format(" in a {} model", to_string(*task)) : ""),
        "leave `type` out");
  }
  if (role_type) feature.type = role_type;
  const bool replaced = table.given("detectors");
  TableReader detectors = table.table("detectors", "{ psi = { threshold = 0.2 } }");
  auto read = read_detectors(detectors, feature.type);
  if (replaced) feature.detectors = std::move(read);
  read_quality(table, feature);
  return feature;
}

// A limit of a metric: a number, and for a latency a duration or a number of milliseconds.
void read_limit(TableReader& table, std::string_view key, const MetricEntry& metric,
                std::optional<double>& limit) {
  const TomlNode* const node = table.find(key);
  if (metric.duration && node != nullptr && node->as<std::string>() != nullptr) {
    DurationMs duration = 0;
    if (table.duration(key, duration)) limit = static_cast<double>(duration);
  } else {
    table.number(key, limit, {metric.lowest, metric.highest, false});
  }
}

// How much worse a metric may be, in its own unit.
void read_margin(TableReader& table, std::string_view key, const MetricEntry& metric,
                 std::optional<double>& margin) {
  MetricEntry sizes = metric;
  sizes.lowest = 0;
  sizes.highest = metric.highest - std::min(metric.lowest, 0.0);
  read_limit(table, key, sizes, margin);
}

[[nodiscard]] MetricConfig read_metric(TableReader& table, const MetricEntry& metric,
                                       bool has_champion) {
  MetricConfig config;
  config.name = metric.name;
  read_limit(table, "min", metric, config.min);
  read_limit(table, "max", metric, config.max);
  if (config.min && config.max && *config.min > *config.max) {
    table.problem("min", fmt::format("`min` ({}) is above `max` ({})", *config.min, *config.max));
  }
  read_margin(table, "max_drop", metric, config.max_drop);
  read_margin(table, "max_deficit", metric, config.max_deficit);
  if (config.max_deficit && !has_champion) {
    table.problem("max_deficit", "`max_deficit` needs a version to compare with",
                  "add champion = \"v1\" to the [[model]]");
  }
  return config;
}

}  // namespace

std::vector<std::string_view> keys_of_other_types(const FeatureConfig& feature, SeriesType type) {
  std::vector<std::string_view> keys;
  if (type == SeriesType::numeric) {
    if (feature.max_unseen) keys.emplace_back("max_unseen");
    return keys;
  }
  if (feature.max_out_of_range) keys.emplace_back("max_out_of_range");
  if (feature.max_outliers) keys.emplace_back("max_outliers");
  if (feature.range) keys.emplace_back("range");
  return keys;
}

std::vector<FeatureConfig> read_features(TableReader& features, std::optional<Task> task) {
  std::vector<FeatureConfig> read;
  for (const TomlEntry& entry : features.entries()) {
    check_name(features, entry, task);
    TableReader feature = features.table(entry.key, "{ type = \"numeric\" }");
    read.push_back(read_feature(feature, entry, task));
  }
  return read;
}

std::vector<MetricConfig> read_metrics(TableReader& metrics, std::optional<Task> task,
                                       bool has_champion) {
  std::vector<MetricConfig> read;
  for (const TomlEntry& entry : metrics.entries()) {
    const MetricEntry* const metric = find_metric_entry(entry.key, task);
    TableReader limits = metrics.table(entry.key, "{ min = 0.8 }");
    if (metric != nullptr) {
      read.push_back(read_metric(limits, *metric, has_champion));
      continue;
    }
    limits.ignore_unknown();
    const std::string wanted =
        task && find_metric_entry(entry.key, std::nullopt) != nullptr
            ? fmt::format("a {} model has no metric `{}`", to_string(*task), entry.key)
            : fmt::format("unknown metric `{}`", entry.key);
    metrics.context().problems.add(entry.place, wanted,
                                   suggest(entry.key, metrics_of(task), "the metrics are"));
  }
  return read;
}

}  // namespace driftd
