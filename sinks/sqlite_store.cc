#include "sinks/sqlite_store.h"
#include <array>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <sqlite3.h>

#include "sinks/store_schema.h"

namespace driftd {
namespace {

// How long a write waits for another process's; readers never hold it up in WAL mode.
constexpr int kBusyTimeoutMs = 5'000;

// Only what is wrong with the rows themselves is rejected; whatever somebody can mend (space,
// rights, a damaged file) is tried again, so that no row is lost to it.
ErrorCode code_of(int status) {
  switch (status & 0xFF) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG: return ErrorCode::rejected;
    default: return ErrorCode::unavailable;
  }
}

std::string_view advice(int status) {
  switch (status & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "; another program holds it locked";
    case SQLITE_FULL: return "; make room on the disk, what was not written yet is kept";
    case SQLITE_CANTOPEN: return "; check that the folder exists and can be written to";
    case SQLITE_READONLY:
    case SQLITE_PERM: return "; give driftd's user the right to write the file and its folder";
    case SQLITE_NOTADB: return "; choose another path under [store] url, or move the file away";
    case SQLITE_CORRUPT: return "; move the file away, driftd begins a new one";
    default: return "";
  }
}

}  // namespace

// One open connection with a prepared upsert per table.
class SqliteStore::Database {
 public:
  explicit Database(std::string path) : path_(std::move(path)) {}
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() {
    for (sqlite3_stmt* statement : upserts_) sqlite3_finalize(statement);
    sqlite3_close(connection_);
  }

  Result<void> open() {
    const int status = sqlite3_open_v2(path_.c_str(), &connection_,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    if (status != SQLITE_OK) return failure(status);
    sqlite3_extended_result_codes(connection_, 1);
    sqlite3_busy_timeout(connection_, kBusyTimeoutMs);
    // FULL, because a row is taken off the outbox once it is here: it must survive a power failure.
    Result<void> done = execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    if (done) done = in_transaction([this] { return migrate(); });
    if (done) done = prepare();
    return done;
  }

  // Runs `work` between BEGIN and COMMIT; whatever fails, nothing of it stays.
  Result<void> in_transaction(const auto& work) {
    // IMMEDIATE takes the write lock at once: a reader's lock could not be raised without
    // SQLITE_BUSY.
    if (auto begun = execute("BEGIN IMMEDIATE"); !begun) return begun;
    Result<void> result = work();
    if (result) result = execute("COMMIT");
    if (!result && sqlite3_get_autocommit(connection_) == 0) {
      sqlite3_exec(connection_, "ROLLBACK", nullptr, nullptr, nullptr);
    }
    return result;
  }

  Result<void> put(TableIndex index, const Row& row) {
    sqlite3_stmt* statement = upserts_[static_cast<std::size_t>(index)];
    for (std::size_t i = 0; i < row.size(); ++i) {
      const int status = bind(statement, static_cast<int>(i + 1), row[i]);
      if (status != SQLITE_OK) return failure(status);
    }
    const int status = sqlite3_step(statement);
    Result<void> result;
    if (status != SQLITE_DONE) result = failure(status);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result;
  }

 private:
  Result<void> migrate() {
    auto made = execute(
        fmt::format("CREATE TABLE IF NOT EXISTS {} (version INTEGER PRIMARY KEY)", kVersionTable));
    if (!made) return made;
    const auto found = schema_version();
    if (!found) return std::unexpected(found.error());
    if (*found > kSchemaVersion) {
      return fail(ErrorCode::incompatible, newer_schema_message("sqlite:" + path_, *found));
    }
    for (std::int64_t version = *found + 1; version <= kSchemaVersion; ++version) {
      Result<void> applied = execute(migration(version, "INTEGER", "REAL"));
      if (applied)
        applied = execute(fmt::format("INSERT INTO {} VALUES ({})", kVersionTable, version));
      if (!applied) return applied;
    }
    return {};
  }

  Result<std::int64_t> schema_version() {
    auto query = statement(fmt::format("SELECT coalesce(max(version), 0) FROM {}", kVersionTable));
    if (!query) return std::unexpected(query.error());
    const int status = sqlite3_step(*query);
    const std::int64_t version = status == SQLITE_ROW ? sqlite3_column_int64(*query, 0) : 0;
    sqlite3_finalize(*query);
    if (status != SQLITE_ROW) return failure(status);
    return version;
  }

  Result<void> prepare() {
    for (std::size_t i = 0; i < kTableCount; ++i) {
      const Table& target = table(static_cast<TableIndex>(i));
      std::string values = "VALUES (?";
      for (std::size_t column = 1; column < target.columns.size(); ++column) values += ", ?";
      auto made = statement(upsert(target, values + ")"));
      if (!made) return std::unexpected(made.error());
      upserts_[i] = *made;
    }
    return {};
  }

  Result<sqlite3_stmt*> statement(const std::string& sql) {
    sqlite3_stmt* made = nullptr;
    const int status =
        sqlite3_prepare_v3(connection_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
    if (status != SQLITE_OK) return failure(status);
    return made;
  }

  Result<void> execute(const std::string& sql) {
    const int status = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
    if (status != SQLITE_OK) return failure(status);
    return {};
  }

  static int bind(sqlite3_stmt* statement, int position, const Cell& cell) {
    if (const auto* text = std::get_if<std::string>(&cell)) {
      // The row outlives the step that reads it, so that SQLite needs no copy.
      return sqlite3_bind_text64(statement, position, text->data(), text->size(), SQLITE_STATIC,
                                 SQLITE_UTF8);
    }
    if (const auto* whole = std::get_if<std::int64_t>(&cell)) {
      return sqlite3_bind_int64(statement, position, *whole);
    }
    if (const auto* real = std::get_if<double>(&cell)) {
      return sqlite3_bind_double(statement, position, *real);
    }
    return sqlite3_bind_null(statement, position);
  }

  std::unexpected<Error> failure(int status) const {
    const char* reason =
        connection_ != nullptr ? sqlite3_errmsg(connection_) : sqlite3_errstr(status);
    return fail(code_of(status), fmt::format("sqlite:{}: {}{}", path_, reason, advice(status)));
  }

  const std::string path_;
  sqlite3* connection_ = nullptr;
  std::array<sqlite3_stmt*, kTableCount> upserts_{};
};

SqliteStore::SqliteStore(std::string path) : path_(std::move(path)) {}
SqliteStore::~SqliteStore() = default;

std::string SqliteStore::describe() const { return "sqlite:" + path_; }

Result<void> SqliteStore::open() {
  const std::scoped_lock lock(mutex_);
  return ensure_open();
}

Result<void> SqliteStore::ensure_open() {
  if (database_) return {};
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) {
    return fail(ErrorCode::unavailable, fmt::format("sqlite:{}: the folder {} cannot be made: {}",
                                                    path_, folder.string(), error.message()));
  }
  auto database = std::make_unique<Database>(path_);
  if (auto opened = database->open(); !opened) return opened;
  database_ = std::move(database);
  return {};
}

Result<void> SqliteStore::transact(const auto& work) {
  const std::scoped_lock lock(mutex_);
  // Whatever keeps the database closed says nothing of the rows: they are kept.
  if (auto ready = ensure_open(); !ready) {
    return fail(ErrorCode::unavailable, std::move(ready.error().message));
  }
  Result<void> done = database_->in_transaction([&] { return work(*database_); });
  // What failed may have been moved away, replaced or filled: the next write looks afresh.
  if (!done) database_.reset();
  return done;
}

Result<void> SqliteStore::write(std::span<const Report> reports) {
  return transact([&](Database& database) -> Result<void> {
    for (const Report& report : reports) {
      if (auto put = database.put(table_of(report), row_of(report)); !put) return put;
    }
    return {};
  });
}

Result<void> SqliteStore::write_delivery(const Delivery& delivery) {
  return transact(
      [&](Database& database) { return database.put(TableIndex::deliveries, row_of(delivery)); });
}

}  // namespace driftd
