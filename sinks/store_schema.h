// The tables of the store, once for both databases, and the rows that reports become.
//
// A migration, once released, is never changed: a later schema is a further migration. `{integer}`
// and `{real}` stand for the database's own 64-bit types. Thread rule: pure functions. Allocation
// rule: may allocate. Failure rule: cannot fail.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/report.h"
#include "sinks/store.h"

namespace driftd {

enum class ColumnType : std::uint8_t { text, integer, real };

struct Column {
  std::string_view name;
  ColumnType type = ColumnType::text;
  bool key = false;  // part of the unique key, by which a row is written again
};

struct Table {
  std::string_view name;
  std::span<const Column> columns;
};

// One cell; empty is NULL.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;
using Row = std::vector<Cell>;

enum class TableIndex : std::uint8_t { findings, metrics, transitions, deliveries };
inline constexpr std::size_t kTableCount = 4;

[[nodiscard]] const Table& table(TableIndex index);
[[nodiscard]] TableIndex table_of(const Report& report);
// The cells in the order of the table's columns.
[[nodiscard]] Row row_of(const Report& report);
[[nodiscard]] Row row_of(const Delivery& delivery);

// "INSERT INTO t (...) <rows> ON CONFLICT (key) DO UPDATE SET ...", where `rows` is VALUES or a
// SELECT.
[[nodiscard]] std::string upsert(const Table& table, std::string_view rows);
// The names of the table's columns, or of its key alone, with commas.
[[nodiscard]] std::string column_list(const Table& table, bool key_only = false);

// The SQL that leads from schema `version - 1` to `version`; versions count from 1.
inline constexpr std::int64_t kSchemaVersion = 2;
[[nodiscard]] std::string migration(std::int64_t version, std::string_view integer_type,
                                    std::string_view real_type);

// The table that says which schema there is; its newest row holds.
inline constexpr std::string_view kVersionTable = "driftd_schema";
// What to say of a database that a later driftd has migrated already.
[[nodiscard]] std::string newer_schema_message(std::string_view where, std::int64_t found);

// Names come from events and may have any length, where Postgres refuses index rows above 2,704
// bytes. A longer name is cut, and a hash of the whole keeps it apart from its neighbours.
inline constexpr std::size_t kMaxStoredName = 500;

}  // namespace driftd
