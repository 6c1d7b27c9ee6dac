#include "sinks/store_schema.h"
#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "sinks/json_writer.h"
#include "sinks/utf8_text.h"

namespace driftd {
namespace {

// `window_index` tells windows by count apart that begin and end at the same times.
constexpr std::string_view kFirstSchema = R"(
CREATE TABLE findings (
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  segment TEXT NOT NULL,
  series TEXT NOT NULL,
  detector TEXT NOT NULL,
  window_start {integer} NOT NULL,
  window_end {integer} NOT NULL,
  revision INTEGER NOT NULL,
  n {integer} NOT NULL,
  statistic {real},
  p_value {real},
  threshold {real},
  level TEXT NOT NULL,
  window_index {integer} NOT NULL,
  PRIMARY KEY (model, version, segment, series, detector, window_start, window_end, window_index,
               revision)
);
CREATE INDEX findings_by_time ON findings (window_end);

CREATE TABLE metrics (
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  segment TEXT NOT NULL,
  metric TEXT NOT NULL,
  window_start {integer} NOT NULL,
  window_end {integer} NOT NULL,
  revision INTEGER NOT NULL,
  n {integer} NOT NULL,
  labelled {integer} NOT NULL,
  coverage {real},
  value {real},
  low {real},
  high {real},
  level TEXT NOT NULL,
  window_index {integer} NOT NULL,
  PRIMARY KEY (model, version, segment, metric, window_start, window_end, window_index, revision)
);
CREATE INDEX metrics_by_time ON metrics (window_end);

CREATE TABLE transitions (
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  segment TEXT NOT NULL,
  at {integer} NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  reasons TEXT NOT NULL,
  PRIMARY KEY (model, version, segment, at, to_state, from_state)
);
CREATE INDEX transitions_by_time ON transitions (at);

CREATE TABLE deliveries (
  webhook TEXT NOT NULL,
  id TEXT NOT NULL,
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  segment TEXT NOT NULL,
  at {integer} NOT NULL,
  status TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  delivered_at {integer},
  PRIMARY KEY (webhook, id)
);

CREATE VIEW findings_latest AS
SELECT model, version, segment, series, detector, window_start, window_end, revision, n, statistic,
       p_value, threshold, level, window_index
FROM findings AS f
WHERE NOT EXISTS (
  SELECT 1 FROM findings AS g
  WHERE g.model = f.model AND g.version = f.version AND g.segment = f.segment
    AND g.series = f.series AND g.detector = f.detector AND g.window_start = f.window_start
    AND g.window_end = f.window_end AND g.window_index = f.window_index AND g.revision > f.revision);

CREATE VIEW metrics_latest AS
SELECT model, version, segment, metric, window_start, window_end, revision, n, labelled, coverage,
       value, low, high, level, window_index
FROM metrics AS f
WHERE NOT EXISTS (
  SELECT 1 FROM metrics AS g
  WHERE g.model = f.model AND g.version = f.version AND g.segment = f.segment
    AND g.metric = f.metric AND g.window_start = f.window_start AND g.window_end = f.window_end
    AND g.window_index = f.window_index AND g.revision > f.revision);
)";

// What the false-alarm budget says beyond its numbers. SQLite adds one column at a time.
constexpr std::string_view kBudgetSchema = R"(
ALTER TABLE findings ADD COLUMN baseline TEXT;
ALTER TABLE findings ADD COLUMN reason TEXT;
ALTER TABLE transitions ADD COLUMN performance TEXT;
ALTER TABLE transitions ADD COLUMN message TEXT;
ALTER TABLE transitions ADD COLUMN evidence TEXT;

DROP VIEW findings_latest;
CREATE VIEW findings_latest AS
SELECT model, version, segment, series, detector, window_start, window_end, revision, n, statistic,
       p_value, threshold, level, window_index, baseline, reason
FROM findings AS f
WHERE NOT EXISTS (
  SELECT 1 FROM findings AS g
  WHERE g.model = f.model AND g.version = f.version AND g.segment = f.segment
    AND g.series = f.series AND g.detector = f.detector AND g.window_start = f.window_start
    AND g.window_end = f.window_end AND g.window_index = f.window_index AND g.revision > f.revision);
)";

constexpr std::string_view kMigrations[] = {kFirstSchema, kBudgetSchema};
static_assert(std::size(kMigrations) == kSchemaVersion);

using enum ColumnType;

constexpr Column kFindings[] = {
    {"model", text, true},
    {"version", text, true},
    {"segment", text, true},
    {"series", text, true},
    {"detector", text, true},
    {"window_start", integer, true},
    {"window_end", integer, true},
    {"revision", integer, true},
    {"n", integer},
    {"statistic", real},
    {"p_value", real},
    {"threshold", real},
    {"level", text},
    {"window_index", integer, true},
    {"baseline", text},
    {"reason", text},
};
constexpr Column kMetrics[] = {
    {"model", text, true},
    {"version", text, true},
    {"segment", text, true},
    {"metric", text, true},
    {"window_start", integer, true},
    {"window_end", integer, true},
    {"revision", integer, true},
    {"n", integer},
    {"labelled", integer},
    {"coverage", real},
    {"value", real},
    {"low", real},
    {"high", real},
    {"level", text},
    {"window_index", integer, true},
};
constexpr Column kTransitions[] = {
    {"model", text, true}, {"version", text, true},    {"segment", text, true},
    {"at", integer, true}, {"from_state", text, true}, {"to_state", text, true},
    {"reasons", text},     {"performance", text},      {"message", text},
    {"evidence", text},
};
constexpr Column kDeliveries[] = {
    {"webhook", text, true}, {"id", text, true},    {"model", text},
    {"version", text},       {"segment", text},     {"at", integer},
    {"status", text},        {"attempts", integer}, {"delivered_at", integer},
};
constexpr Table kTables[kTableCount] = {{"findings", kFindings},
                                        {"metrics", kMetrics},
                                        {"transitions", kTransitions},
                                        {"deliveries", kDeliveries}};

// FNV-1a, 64 bit (Fowler, Noll, Vo): it must be the same in every build, which std::hash does not
// promise.
std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

// Postgres has no text with a NUL in it, nor one that is not UTF-8.
std::string stored_text(std::string_view text) {
  std::string result = valid_utf8(text);
  for (auto at = result.find('\0'); at != std::string::npos; at = result.find('\0', at)) {
    result.replace(at, 1, kReplacementCharacter);
  }
  return result;
}

std::string stored_name(std::string_view text) {
  std::string name = stored_text(text);
  if (name.size() <= kMaxStoredName) return name;
  const std::string mark = fmt::format("...{:016x}", stable_hash(text));
  // A cut inside a character leaves an incomplete sequence, which goes, too.
  std::size_t length = kMaxStoredName - mark.size();
  while (length > 0 && (static_cast<unsigned char>(name[length]) & 0xC0) == 0x80) --length;
  return name.substr(0, length) + mark;
}

Cell stored_number(std::optional<double> number) {
  if (!number || !std::isfinite(*number)) return std::monostate{};
  return *number;
}

Cell stored_words(std::string_view text) {
  if (text.empty()) return std::monostate{};
  return stored_text(text);
}

std::string texts_json(const std::vector<std::string>& reasons) {
  std::string text;
  JsonWriter json(text);
  json.begin_array();
  for (const std::string& reason : reasons) json.value(stored_text(reason));
  json.end_array();
  return text;
}

std::string name_of(std::string_view level_or_state) { return std::string(level_or_state); }

Row row_of_line(const Finding& finding) {
  const auto& [index, start, end, n, revision, partial] = finding.window;
  return {stored_name(finding.monitor.model), stored_name(finding.monitor.version),
          stored_name(finding.monitor.segment), stored_name(finding.series),
          stored_name(finding.detector), start, end, std::int64_t{revision}, n,
          stored_number(finding.statistic), stored_number(finding.p_value),
          stored_number(finding.threshold), name_of(to_string(finding.level)), index,
          stored_words(finding.baseline),
          // Of what does not drift the numbers are enough.
          finding.level == Level::drift && finding.budget ? stored_words(finding.budget->reason)
                                                          : Cell(std::monostate{})};
}

Row row_of_line(const MetricValue& metric) {
  const auto& [index, start, end, n, revision, partial] = metric.window;
  return {stored_name(metric.monitor.model),
          stored_name(metric.monitor.version),
          stored_name(metric.monitor.segment),
          stored_name(metric.metric),
          start,
          end,
          std::int64_t{revision},
          n,
          metric.labelled,
          stored_number(metric.coverage),
          stored_number(metric.value),
          stored_number(metric.low),
          stored_number(metric.high),
          name_of(to_string(metric.level)),
          index};
}

Row row_of_line(const Transition& transition) {
  return {stored_name(transition.monitor.model),   stored_name(transition.monitor.version),
          stored_name(transition.monitor.segment), transition.at,
          name_of(to_string(transition.from)),     name_of(to_string(transition.to)),
          texts_json(transition.reasons),          name_of(to_string(transition.performance)),
          stored_words(transition.message),        texts_json(transition.evidence)};
}

}  // namespace

const Table& table(TableIndex index) { return kTables[static_cast<std::size_t>(index)]; }

TableIndex table_of(const Report& report) {
  if (std::holds_alternative<Finding>(report)) return TableIndex::findings;
  if (std::holds_alternative<MetricValue>(report)) return TableIndex::metrics;
  return TableIndex::transitions;
}

Row row_of(const Report& report) {
  return std::visit([](const auto& line) { return row_of_line(line); }, report);
}

Row row_of(const Delivery& delivery) {
  return {stored_name(delivery.webhook),
          stored_name(delivery.id),
          stored_name(delivery.monitor.model),
          stored_name(delivery.monitor.version),
          stored_name(delivery.monitor.segment),
          delivery.at,
          stored_text(delivery.status),
          std::int64_t{delivery.attempts},
          delivery.delivered_at ? Cell(*delivery.delivered_at) : Cell()};
}

std::string column_list(const Table& table, bool key_only) {
  std::string list;
  for (const Column& column : table.columns) {
    if (key_only && !column.key) continue;
    if (!list.empty()) list += ", ";
    list += column.name;
  }
  return list;
}

std::string upsert(const Table& table, std::string_view rows) {
  std::string changes;
  for (const Column& column : table.columns) {
    if (column.key) continue;
    changes +=
        fmt::format("{}{} = excluded.{}", changes.empty() ? "" : ", ", column.name, column.name);
  }
  return fmt::format("INSERT INTO {} ({}) {} ON CONFLICT ({}) DO UPDATE SET {}", table.name,
                     column_list(table), rows, column_list(table, true), changes);
}

std::string migration(std::int64_t version, std::string_view integer_type,
                      std::string_view real_type) {
  DRIFTD_CHECK(version >= 1 && version <= kSchemaVersion);
  return fmt::format(fmt::runtime(kMigrations[version - 1]), fmt::arg("integer", integer_type),
                     fmt::arg("real", real_type));
}

std::string newer_schema_message(std::string_view where, std::int64_t found) {
  return fmt::format(
      "{} has schema {}, made by a later driftd; this one knows schemas up to {}. Run the later "
      "driftd again, or give this one a database of its own",
      where, found, kSchemaVersion);
}

}  // namespace driftd
