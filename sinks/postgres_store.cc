#include "sinks/postgres_store.h"
#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <pqxx/pqxx>

#include "sinks/json_writer.h"
#include "sinks/store_schema.h"

namespace driftd {
namespace {

// Serialises the migrations of all instances; the number is "driftd" in ASCII, so that no other
// program uses it.
constexpr std::int64_t kMigrationLock = 0x647269667464;
// A statement that takes longer hangs on a lock or on a dying server: give up, and retry later.
constexpr std::string_view kStatementTimeout = "30s";

// What is added to the URL where its owner has not written it: a vanished server is noticed within
// seconds.
struct UrlOption {
  std::string_view name, value;
};
constexpr UrlOption kUrlOptions[] = {{"connect_timeout", "10"},
                                     {"tcp_user_timeout", "20000"},
                                     {"client_encoding", "UTF8"},
                                     {"fallback_application_name", "driftd"}};

std::string percent_encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      result += c;
    } else {
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

std::string connection_url(const std::string& url, const std::string& password) {
  std::string result = url;
  const auto add = [&result](std::string_view name, std::string_view value) {
    result += result.find('?') == std::string::npos ? '?' : '&';
    result += fmt::format("{}={}", name, value);
  };
  for (const auto& [name, value] : kUrlOptions) {
    if (url.find(fmt::format("{}=", name)) == std::string::npos) add(name, value);
  }
  if (!password.empty()) add("password", percent_encoded(password));
  return result;
}

// The URL as it may be shown: the configuration takes no password in it, but one may have been put
// there.
std::string without_password(const std::string& url) {
  std::string shown = url.substr(0, url.find('?'));
  const auto authority = shown.find("://");
  const auto at = shown.rfind('@');
  if (authority == std::string::npos || at == std::string::npos) return shown;
  const auto colon = shown.find(':', authority + 3);
  if (colon < at) shown.erase(colon, at - colon);
  return shown;
}

// libpq's messages have several lines and end with a line end.
std::string one_line(std::string_view message) {
  std::string result;
  for (const char c : message) {
    const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!space) result += c;
    if (space && !result.empty() && result.back() != ' ') result += ' ';
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

// libpq gives no code for a connection that was refused by the server's own word, only the text.
bool is_refusal(std::string_view message) {
  constexpr std::string_view kRefusals[] = {"authentication failed", "no password supplied",
                                            "pg_hba.conf",           "does not exist",
                                            "permission denied",     "invalid "};
  return std::ranges::any_of(
      kRefusals, [&](std::string_view refusal) { return message.find(refusal) != message.npos; });
}

// libpqxx 6.4 makes some errors' types from their codes, and then loses the codes.
std::string sqlstate_of(const pqxx::sql_error& error) {
  if (!error.sqlstate().empty()) return error.sqlstate();
  if (dynamic_cast<const pqxx::insufficient_privilege*>(&error) != nullptr) return "42501";
  if (dynamic_cast<const pqxx::insufficient_resources*>(&error) != nullptr) return "53000";
  return "";
}

// Codes and classes: appendix A of the PostgreSQL manual. Only what is wrong with the rows
// themselves is rejected; whatever somebody can mend (rights, a changed table, a standby) is tried
// again, so that no row is lost to it.
ErrorCode code_of(std::string_view sqlstate) {
  constexpr std::string_view kBadRows[] = {"0A", "21", "22", "23", "P0"};
  const bool bad_rows = std::ranges::find(kBadRows, sqlstate.substr(0, 2)) != std::end(kBadRows);
  return bad_rows ? ErrorCode::rejected : ErrorCode::unavailable;
}

std::string_view advice(std::string_view sqlstate) {
  if (sqlstate == "42501") {
    return "; GRANT driftd's user CREATE on the schema, or INSERT, SELECT and UPDATE on its tables";
  }
  if (sqlstate == "25006") return "; this server is read-only, point [store] url to the primary";
  if (sqlstate.starts_with("42")) {
    return "; the tables are not as driftd made them: undo the change, or use another schema";
  }
  if (sqlstate.starts_with("53")) return "; what was not written yet is kept";
  return "";
}

std::string_view postgres_type(ColumnType type) {
  switch (type) {
    case ColumnType::text: return "TEXT";
    case ColumnType::integer: return "BIGINT";
    case ColumnType::real: return "DOUBLE PRECISION";
  }
  return "TEXT";
}

// One statement may not touch a row twice, so of rows with the same key only the last is taken.
std::string batch_upsert(const Table& table) {
  std::string typed;
  for (const Column& column : table.columns) {
    if (!typed.empty()) typed += ", ";
    typed += fmt::format("{} {}", column.name, postgres_type(column.type));
  }
  const std::string key = column_list(table, true);
  return upsert(table, fmt::format("SELECT DISTINCT ON ({0}) {1} FROM ROWS FROM "
                                   "(json_to_recordset($1::json) AS ({2})) WITH ORDINALITY "
                                   "ORDER BY {0}, ordinality DESC",
                                   key, column_list(table), typed));
}

void write_cell(JsonWriter& json, const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) {
    json.value(*text);
  } else if (const auto* whole = std::get_if<std::int64_t>(&cell)) {
    json.value(*whole);
  } else if (const auto* real = std::get_if<double>(&cell)) {
    json.value(*real);
  } else {
    json.null();
  }
}

}  // namespace

// Rows as one JSON array of objects per table.
class PostgresStore::Rows {
 public:
  void add(TableIndex index, const Row& row) {
    std::string& array = arrays_[static_cast<std::size_t>(index)];
    array += array.empty() ? '[' : ',';
    const std::span<const Column> columns = table(index).columns;
    JsonWriter json(array);
    json.begin_object();
    for (std::size_t i = 0; i < row.size(); ++i) {
      json.key(columns[i].name);
      write_cell(json, row[i]);
    }
    json.end_object();
  }
  // The table's array; empty where it has no rows.
  std::string array(TableIndex index) const {
    const std::string& open = arrays_[static_cast<std::size_t>(index)];
    return open.empty() ? "" : open + ']';
  }

 private:
  std::array<std::string, kTableCount> arrays_;
};

// One live connection. Its functions throw what libpqxx throws.
class PostgresStore::Session {
 public:
  explicit Session(const std::string& url) : connection_(url), quiet_(connection_) {}

  Result<void> migrate(const std::string& where) {
    pqxx::work work(connection_, "migrate");
    begin(work);
    work.exec(fmt::format("SELECT pg_advisory_xact_lock({})", kMigrationLock));
    // Asked first, because CREATE TABLE IF NOT EXISTS needs a right that is not needed once the
    // tables are there.
    if (work.exec1(fmt::format("SELECT to_regclass('{}') IS NULL", kVersionTable))[0].as<bool>()) {
      work.exec(fmt::format("CREATE TABLE {} (version BIGINT PRIMARY KEY)", kVersionTable));
    }
    const auto found =
        work.exec1(fmt::format("SELECT coalesce(max(version), 0) FROM {}", kVersionTable))[0]
            .as<std::int64_t>();
    if (found > kSchemaVersion) {
      return fail(ErrorCode::incompatible, newer_schema_message(where, found));
    }
    for (std::int64_t version = found + 1; version <= kSchemaVersion; ++version) {
      work.exec(migration(version, "BIGINT", "DOUBLE PRECISION"));
      work.exec(fmt::format("INSERT INTO {} VALUES ({})", kVersionTable, version));
    }
    work.commit();
    return {};
  }

  void write(const Rows& rows) {
    pqxx::work work(connection_, "write");
    begin(work);
    for (std::size_t i = 0; i < kTableCount; ++i) {
      const auto index = static_cast<TableIndex>(i);
      const std::string array = rows.array(index);
      if (!array.empty()) work.exec_params(batch_upsert(table(index)), array);
    }
    work.commit();
  }

 private:
  static void begin(pqxx::work& work) {
    work.exec(fmt::format("SET LOCAL statement_timeout = '{}'", kStatementTimeout));
  }

  pqxx::connection connection_;
  pqxx::quiet_errorhandler quiet_;  // notices are not for standard error
};

PostgresStore::PostgresStore(std::string url, std::string password)
    : url_(std::move(url)), password_(std::move(password)) {}
PostgresStore::~PostgresStore() = default;

std::string PostgresStore::describe() const { return without_password(url_); }

// Turns what libpqxx throws into an Error; after any, the next call begins with a new connection.
Result<void> PostgresStore::guarded(const auto& work) {
  try {
    Result<void> result = work();
    if (!result) session_.reset();
    return result;
  } catch (const pqxx::in_doubt_error& error) {
    // The rows may be there or not; written again they are the same.
    session_.reset();
    return fail(ErrorCode::unavailable, fmt::format("{}: the connection broke in a commit: {}",
                                                    describe(), one_line(error.what())));
  } catch (const pqxx::sql_error& error) {
    session_.reset();
    const std::string sqlstate = sqlstate_of(error);
    return fail(code_of(sqlstate),
                fmt::format("{}: {}{}", describe(), one_line(error.what()), advice(sqlstate)));
  } catch (const std::exception& error) {
    session_.reset();
    return fail(ErrorCode::unavailable, fmt::format("{}: {}", describe(), one_line(error.what())));
  }
}

Result<void> PostgresStore::ensure_open() {
  if (session_) return {};
  return guarded([this]() -> Result<void> {
    try {
      session_ = std::make_unique<Session>(connection_url(url_, password_));
    } catch (const pqxx::broken_connection& error) {
      if (!is_refusal(error.what())) throw;
      return fail(ErrorCode::rejected,
                  fmt::format("{}: {}; check the user, the password and the database in [store]",
                              describe(), one_line(error.what())));
    }
    return session_->migrate(describe());
  });
}

Result<void> PostgresStore::open() {
  const std::scoped_lock lock(mutex_);
  return ensure_open();
}

Result<void> PostgresStore::put(const Rows& rows) {
  const std::scoped_lock lock(mutex_);
  // Whatever keeps the database closed says nothing of the rows: they are kept.
  if (auto ready = ensure_open(); !ready) {
    return fail(ErrorCode::unavailable, std::move(ready.error().message));
  }
  return guarded([&]() -> Result<void> {
    session_->write(rows);
    return {};
  });
}

Result<void> PostgresStore::write(std::span<const Report> reports) {
  Rows rows;
  for (const Report& report : reports) rows.add(table_of(report), row_of(report));
  return put(rows);
}

Result<void> PostgresStore::write_delivery(const Delivery& delivery) {
  Rows rows;
  rows.add(TableIndex::deliveries, row_of(delivery));
  return put(rows);
}

}  // namespace driftd
