// A baseline for people, and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "config/duration.h"
#include "daemon/baseline/baseline_view.h"
#include "daemon/shown_text.h"
#include "sinks/json_writer.h"
#include "sinks/webhook_body.h"
#include "state/column_survey.h"

namespace driftd {
namespace {

constexpr std::size_t kNameWidth = 24;

[[nodiscard]] std::string span_text(TimeMs from, TimeMs to) {
  const double days = static_cast<double>(to - from) / static_cast<double>(kDayMs);
  return fmt::format(
      "{} to {} ({})", minute_text(from), minute_text(to),
      days >= 2 ? fmt::format("{:.1f} days", days) : fmt::format("{:.1f} hours", 24 * days));
}

[[nodiscard]] std::string window_text(const BaselineTerms& terms) {
  if (terms.count > 0)
    return fmt::format("of {} predictions", grouped(static_cast<std::uint64_t>(terms.count)));
  std::string text = "of " + format_duration(terms.size);
  if (terms.slide > 0) text += ", every " + format_duration(terms.slide);
  return text;
}

[[nodiscard]] std::string percent(double share) {
  const double percent = 100 * share;
  if (percent == 0) return "0 %";
  return percent < 0.1 ? fmt::format("{:.2g} %", percent) : fmt::format("{:.1f} %", percent);
}

[[nodiscard]] std::string values_text(const BaselineColumn& column) {
  if (column.present == 0) return "no value";
  if (column.type == SeriesType::numeric) {
    return fmt::format("{} to {}, median {}, sd {}", number_text(column.lowest),
                       number_text(column.highest), number_text(column.median),
                       number_text(column.deviation));
  }
  std::string text;
  for (const auto& [category, share] : column.frequent)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", shown(category, 20), percent(share));
  if (column.distinct > column.frequent.size()) text += ", ...";
  return text;
}

// Beyond what a survey tells apart only a lower bound is known.
[[nodiscard]] std::string distinct_text(const BaselineColumn& column) {
  return grouped(column.distinct) + (column.distinct > ColumnSurvey::kDistinctValues ? "+" : "");
}

void print_columns(const BaselineView& view) {
  fmt::print("\nColumns\n  {:<{}}  {:<11}  {:>9}  {:>8}  values\n", "name", kNameWidth, "type",
             "distinct", "missing");
  for (const BaselineColumn& column : view.columns) {
    fmt::print("  {}  {:<11}  {:>9}  {:>8}  {}\n", padded(column.name, kNameWidth),
               to_string(column.type), distinct_text(column), percent(column.missing_share()),
               values_text(column));
  }
}

void print_metrics(const BaselineView& view) {
  if (view.metrics.empty()) return;
  fmt::print("\nThe model on these rows ({} labelled; 95 % intervals)\n", grouped(view.labelled));
  for (const NamedMetric& metric : view.metrics) {
    if (!metric.value) continue;
    fmt::print("  {:<{}}  {:>10}", metric.name, kNameWidth, number_text(*metric.value));
    if (metric.interval)
      fmt::print("  {} to {}", number_text(metric.interval->low),
                 number_text(metric.interval->high));
    fmt::print("\n");
  }
  if (!view.estimates.empty())
    fmt::print("  {}\n",
               wrapped("Before labels come performance is estimated " + view.estimates + ".", 2));
}

void write_column(JsonWriter& json, const BaselineColumn& column) {
  json.begin_object();
  json.field("name", column.name);
  json.field("type", to_string(column.type));
  json.field("rows", column.present);
  json.field("missing", column.missing);
  json.field("distinct", column.distinct);
  json.field("thinning_error", column.thinning_error);
  if (column.type == SeriesType::numeric) {
    json.field("lowest", column.lowest);
    json.field("median", column.median);
    json.field("highest", column.highest);
    json.field("mean", column.mean);
    json.field("deviation", column.deviation);
  } else {
    json.key("most_frequent");
    json.begin_object();
    for (const auto& [category, share] : column.frequent) json.field(category, share);
    json.end_object();
  }
  json.end_object();
}

void write_metric(JsonWriter& json, const NamedMetric& metric) {
  json.begin_object();
  json.field("name", metric.name);
  json.field("value", metric.value);
  json.field("low", metric.interval ? std::optional(metric.interval->low) : std::nullopt);
  json.field("high", metric.interval ? std::optional(metric.interval->high) : std::nullopt);
  json.end_object();
}

void write_time(JsonWriter& json, std::string_view key, TimeMs time) {
  json.key(key);
  if (time == kNoTime) {
    json.null();
  } else {
    json.value(rfc3339(time));
  }
}

}  // namespace

void print_baseline(const BaselineView& view) {
  const BaselineNote& note = view.note;
  fmt::print("baseline {} of model {} ({}{})\n", view.hash.substr(0, kShortHash), shown(note.model),
             to_string(view.terms.task),
             view.terms.task == Task::binary
                 ? ", positive class " + shown(view.terms.positive_class)
                 : "");
  fmt::print("  file     {}, {} bytes\n", view.file, grouped(view.bytes));
  fmt::print("  made     {} by {}\n", minute_text(note.made_at), shown(note.made_by));
  for (const std::string& input : note.inputs) fmt::print("  from     {}\n", shown(input));
  fmt::print("  rows     {}{}\n", grouped(view.rows),
             note.from == kNoTime ? ", without times" : ", " + span_text(note.from, note.to));
  if (view.duplicates > 0)
    fmt::print("           {} of them repeat an earlier id\n", grouped(view.duplicates));
  fmt::print("  windows  {}\n", window_text(view.terms));
  if (view.volume) {
    fmt::print("           {} to {} rows in each, {} in the usual one\n",
               grouped(view.volume->lowest), grouped(view.volume->highest),
               grouped(view.volume->median));
  }
  fmt::print("  hash     {}\n", view.hash);
  print_columns(view);
  print_metrics(view);
  print_budget(view.budget);
  fmt::print("\nWhat it could not learn, and what that costs\n");
  if (view.limits.empty()) fmt::print("  Nothing is missing.\n");
  for (const std::string& limit : view.limits) fmt::print("  - {}\n", wrapped(limit, 4));
}

std::string baseline_json(const BaselineView& view) {
  std::string line;
  JsonWriter json(line);
  json.begin_object();
  json.field("type", "baseline");
  json.field("file", view.file);
  json.field("hash", view.hash);
  json.field("bytes", view.bytes);
  json.field("model", view.note.model);
  json.field("task", to_string(view.terms.task));
  if (view.terms.task == Task::binary) json.field("positive_class", view.terms.positive_class);
  write_time(json, "made_at", view.note.made_at);
  json.field("made_by", view.note.made_by);
  json.field("inputs", view.note.inputs);
  json.field("rows", view.rows);
  json.field("duplicates", view.duplicates);
  write_time(json, "from", view.note.from);
  write_time(json, "to", view.note.to);
  json.key("window");
  json.begin_object();
  if (view.terms.count > 0) {
    json.field("count", view.terms.count);
  } else {
    json.field("size_ms", view.terms.size);
    json.field("slide_ms", view.terms.slide > 0 ? view.terms.slide : view.terms.size);
  }
  json.end_object();
  json.key("columns");
  json.begin_array();
  for (const BaselineColumn& column : view.columns) write_column(json, column);
  json.end_array();
  json.field("labelled", view.labelled);
  json.key("metrics");
  json.begin_array();
  for (const NamedMetric& metric : view.metrics) write_metric(json, metric);
  json.end_array();
  json.key("budget");
  write_budget(json, view.budget);
  json.field("limitations", view.limits);
  json.field("notes", view.note.notes);
  json.end_object();
  return line;
}

}  // namespace driftd
