#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "config/duration.h"
#include "config/files.h"
#include "config/read_features.h"
#include "config/read_sequential.h"
#include "config/sections.h"

namespace driftd {
namespace {

// A name becomes a label in Prometheus and a key in the store.
constexpr std::size_t kLongestName = 200;
constexpr DurationMs kLongestWindow = 366 * kDayMs;
constexpr DurationMs kLongestHorizon = 3'660 * kDayMs;
constexpr DurationMs kMostPanesPerWindow = 1'000;
constexpr std::int64_t kMostPerWindow = 1'000'000'000;
// The counters of a series take memory in proportion to this.
constexpr std::int64_t kMostDistinct = 10'000'000;
constexpr double kMostAlerts = 1'000;
// Windows that are learnt from; as daemon/budget_watch.h keeps them.
constexpr std::int64_t kLeastLearnt = 10;
constexpr std::int64_t kMostLearnt = 2'016;
// In standard deviations, or shares: beyond it nothing would ever alert.
constexpr double kLargestLeastEffect = 10;

void read_name(TableReader& table, std::string& name) {
  table.require("name", "add name = \"fraud\"; events carry it as `model`");
  if (!table.text("name", name, "\"fraud\"")) return;
  const bool odd = std::ranges::any_of(
      name, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
  if (odd || name.size() > kLongestName) {
    table.problem("name", fmt::format("`name` must have at most {} bytes and no control characters",
                                      kLongestName));
  }
}

// Empty where the file's task is wrong.
[[nodiscard]] std::optional<Task> read_task(TableReader& table, ModelConfig& model) {
  if (!table.given("task")) {
    (void)table.find("task");
    table.context().notes.push_back(
        fmt::format("model `{}`: no `task` is given, taken as binary", model.name));
    return model.task;
  }
  if (!table.choice<Task>("task", model.task,
                          {{"binary", Task::binary},
                           {"multiclass", Task::multiclass},
                           {"regression", Task::regression}})) {
    return std::nullopt;
  }
  return model.task;
}

// A number as JSON writes it, so that `canonical_category` knows it for one.
[[nodiscard]] std::string number_text(double value) {
  char buffer[32];
  const auto written = std::to_chars(std::begin(buffer), std::end(buffer), value);
  return {std::begin(buffer), written.ptr};
}

void read_positive_class(TableReader& table, ModelConfig& model) {
  const TomlNode* const node = table.find("positive_class");
  if (node == nullptr) return;
  std::string text;
  if (const auto* string = node->as<std::string>()) text = *string;
  if (const auto* whole = node->as<std::int64_t>()) text = std::to_string(*whole);
  if (const auto* truth = node->as<bool>()) text = *truth ? "true" : "false";
  if (const auto* number = node->as<double>(); number != nullptr && std::isfinite(*number)) {
    text = number_text(*number);
  }
  if (text.empty()) {
    return table.problem(
        "positive_class",
        fmt::format("`positive_class` cannot be {}", table.quoted("positive_class")),
        "write the label as the events have it, e.g. 1, \"yes\" or true");
  }
  std::string buffer;
  model.positive_class = std::string(canonical_category(text, buffer));
  if (model.task != Task::binary) {
    table.context().notes.push_back(
        fmt::format("model `{}`: `positive_class` means nothing for the task {}", model.name,
                    to_string(model.task)));
  }
}

void read_reference(TableReader& table, ModelConfig& model) {
  const bool is_needed = table.context().needs_references;
  if (is_needed) {
    table.require(
        "reference",
        "add reference = \"reference.csv.gz\": known-good traffic as CSV or NDJSON, plain "
        "or gzipped, or a baseline made by `driftd baseline make`");
  }
  std::string written;
  if (!table.text("reference", written, "\"reference.csv.gz\"")) return;
  model.reference = resolve_path(table.context().folder, written);
  if (!is_needed) return;
  if (const auto reason = why_unreadable(model.reference)) {
    table.problem("reference",
                  fmt::format("the reference {} cannot be read: {}", model.reference, *reason),
                  "a relative path starts at the configuration file's folder; the file holds "
                  "known-good traffic as "
                  "CSV or NDJSON, plain or gzipped, or is a baseline");
  }
}

// `size` or `count`: one from the command line takes the place of the other one in the file.
void read_extent(TableReader& table, WindowConfig& window) {
  const bool both = table.given("size") && table.given("count");
  if (both && table.overridden("size") == table.overridden("count")) {
    table.problem("count", "`window` takes `size` or `count`, not both", "keep one of them");
  }
  table.duration("size", window.size, {1, kLongestWindow});
  table.integer("count", window.count, 1, kMostPerWindow);
  if (both && table.overridden("size")) {
    window.count = 0;
  } else if (table.given("count")) {
    window.size = 0;
  }
}

// Every window is a sum of panes of the largest common divisor of `size` and `slide`.
void read_slide(TableReader& table, WindowConfig& window) {
  if (!table.duration("slide", window.slide, {1, kLongestWindow})) return;
  if (window.count > 0) {
    table.problem("slide", "windows by `count` follow one another without overlap",
                  "leave `slide` out, or use `size`");
  } else if (window.slide > window.size) {
    table.problem("slide", "`slide` is longer than `size`: events between windows would not count",
                  "make it at most as long as `size`");
  } else if (window.size / std::gcd(window.size, window.slide) > kMostPanesPerWindow) {
    table.problem("slide",
                  fmt::format("a window would be a sum of more than {} panes", kMostPanesPerWindow),
                  "choose `size` and `slide` with a larger common divisor, e.g. \"1h\" and \"5m\"");
  }
}

void read_window(TableReader& table, WindowConfig& window) {
  read_extent(table, window);
  read_slide(table, window);
  if (window.slide == window.size) window.slide = 0;
  table.duration("lateness", window.lateness, {0, kLongestWindow});
  table.duration("out_of_orderness", window.out_of_orderness, {0, kLongestWindow});
  table.duration("skew", window.skew, {0, kLongestWindow});
  table.duration("idle_timeout", window.idle_timeout, {1, kLongestWindow});
  const TomlNode* const close = table.find("idle_close");
  const auto* text = close == nullptr ? nullptr : close->as<std::string>();
  DurationMs idle_close = 0;
  if (text != nullptr && *text == "never") {
    window.idle_close.reset();
  } else if (table.duration("idle_close", idle_close, {1, kLongestWindow})) {
    window.idle_close = idle_close;
  }
}

// "1 per 30d": a number of alerts and a stretch of time.
[[nodiscard]] bool parse_budget(std::string_view text, AlertsConfig& alerts) {
  static constexpr std::string_view kPer = " per ";
  const std::size_t per = text.find(kPer);
  if (per == std::string_view::npos) return false;
  double count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + per, count);
  const std::optional<DurationMs> period = parse_duration(text.substr(per + kPer.size()));
  if (error != std::errc{} || end != text.data() + per || !period) return false;
  if (!(count > 0 && count <= kMostAlerts) || *period < kHourMs || *period > kLongestHorizon)
    return false;
  alerts.budget_alerts = count;
  alerts.budget_period = *period;
  return true;
}

void read_budget(TableReader& table, AlertsConfig& alerts) {
  std::string text;
  if (!table.text("budget", text, "\"1 per 30d\"")) return;
  if (!parse_budget(text, alerts)) {
    table.problem("budget", fmt::format("`budget` cannot be {}", table.quoted("budget")),
                  "write how many false alerts you accept in how long, e.g. \"1 per 30d\"");
  }
  if (alerts.policy == AlertPolicy::budget) return;
  table.problem("budget", "a `budget` is kept under the policy \"budget\" only",
                "leave `policy` out, or leave `budget` out");
}

void read_least_effects(TableReader& table, AlertsConfig& alerts) {
  if (table.given("min_effect") && alerts.policy != AlertPolicy::budget) {
    table.problem("min_effect", "`min_effect` belongs to the policy \"budget\"",
                  "leave it out; detectors have limits of their own, see [model.features]");
  }
  TableReader effects = table.table("min_effect", "{ location = 0.05, share = 0.01 }");
  const auto read = [&](std::string_view key, double& least) {
    std::optional<double> value;
    if (effects.number(key, value, {0, kLargestLeastEffect, false})) least = *value;
  };
  read("location", alerts.min_location_effect);
  read("spread", alerts.min_spread_effect);
  read("share", alerts.min_share_effect);
}

void read_alerts(TableReader& table, ModelConfig& model) {
  AlertsConfig& alerts = model.alerts;
  TableReader reader = table.table("alerts", "{ budget = \"1 per 30d\" }");
  reader.choice<AlertPolicy>("policy", alerts.policy,
                             {{"budget", AlertPolicy::budget},
                              {"fixed", AlertPolicy::fixed},
                              {"p_value", AlertPolicy::p_value}});
  read_budget(reader, alerts);
  read_least_effects(reader, alerts);
  if (reader.integer("learn", alerts.learn, kLeastLearnt, kMostLearnt) &&
      alerts.policy != AlertPolicy::budget) {
    reader.problem("learn", "`learn` belongs to the policy \"budget\"", "leave it out");
  }
  reader.choice<AlertOn>(
      "on", alerts.on,
      {{"both", AlertOn::both}, {"drift", AlertOn::drift}, {"performance", AlertOn::performance}});
  std::optional<double> alpha;
  if (!reader.number("alpha", alpha, {0, 1, true})) return;
  alerts.alpha = *alpha;
  if (alerts.policy != AlertPolicy::p_value) {
    table.context().notes.push_back(
        fmt::format("model `{}`: `alpha` means nothing without policy = \"p_value\"", model.name));
  }
}

void read_quality(TableReader& table, QualityConfig& quality) {
  table.number("max_duplicate", quality.max_duplicate, {0, 1, false});
  table.number("max_missing_columns", quality.max_missing_columns, {0, 1, false});
  table.number("min_volume", quality.min_volume, {0, kMostPerWindow, false});
  table.number("max_volume", quality.max_volume, {0, kMostPerWindow, false});
  if (quality.min_volume && quality.max_volume && *quality.min_volume > *quality.max_volume) {
    table.problem("min_volume", fmt::format("`min_volume` ({}) is above `max_volume` ({})",
                                            *quality.min_volume, *quality.max_volume));
  }
}

}  // namespace

ModelConfig read_model(TableReader& table) {
  ModelConfig model;
  read_name(table, model.name);
  const std::optional<Task> task = read_task(table, model);
  read_positive_class(table, model);
  read_reference(table, model);
  table.integer("reference_max_distinct", model.reference_max_distinct, 10, kMostDistinct);
  {
    TableReader window = table.table("window", "{ size = \"1h\" }");
    read_window(window, model.window);
  }
  table.duration("label_horizon", model.label_horizon, {0, kLongestHorizon});
  read_alerts(table, model);
  table.integer("min_samples", model.min_samples, 1, kMostPerWindow);
  table.flag("estimate", model.estimate);
  std::optional<double> coverage;
  if (table.number("min_coverage", coverage, {0, 1, false})) model.min_coverage = *coverage;
  table.duration("amend_interval", model.amend_interval, {0, kDayMs});
  if (table.text("champion", model.champion, "\"v1\"") && model.champion.empty())
    table.problem("champion", "`champion` names no version", "leave it out to compare none");
  table.refuse_planned_key("segments", "leave it out: all traffic of a model is the segment `all`");
  {
    TableReader quality = table.table("quality", "{ max_duplicate = 0.01 }");
    read_quality(quality, model.quality);
    if (model.window.count > 0 && (quality.given("min_volume") || quality.given("max_volume"))) {
      table.context().notes.push_back(fmt::format(
          "model `{}`: `min_volume` and `max_volume` mean nothing for windows by `count`",
          model.name));
    }
  }
  TableReader features = table.table("features", "{ amount = { type = \"numeric\" } }");
  model.features = read_features(features, task);
  TableReader metrics = table.table("metrics", "{ accuracy = { min = 0.8 } }");
  model.metrics = read_metrics(metrics, task, !model.champion.empty());
  model.sequential = read_sequential(table, task);
  return model;
}

}  // namespace driftd
