#include "state/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <system_error>

#include "core/check.h"
#include "state/checked_vfs.h"
#include "state/database_check.h"

namespace driftd {

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

SqliteStatement& SqliteStatement::bind(int at, std::int64_t value) {
  DRIFTD_CHECK(statement_ == nullptr || sqlite3_bind_int64(statement_, at, value) == SQLITE_OK);
  return *this;
}

SqliteStatement& SqliteStatement::bind_text(int at, std::string_view value) {
  DRIFTD_CHECK(statement_ == nullptr ||
               sqlite3_bind_text64(statement_, at, value.data() == nullptr ? "" : value.data(),
                                   value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_OK);
  return *this;
}

SqliteStatement& SqliteStatement::bind_blob(int at, std::string_view value) {
  DRIFTD_CHECK(statement_ == nullptr ||
               sqlite3_bind_blob64(statement_, at, value.data() == nullptr ? "" : value.data(),
                                   value.size(), SQLITE_TRANSIENT) == SQLITE_OK);
  return *this;
}

bool SqliteStatement::run() {
  if (statement_ == nullptr) return false;
  const bool done = sqlite3_step(statement_) == SQLITE_DONE;
  sqlite3_reset(statement_);
  return done;
}

bool SqliteStatement::step() {
  return statement_ != nullptr && sqlite3_step(statement_) == SQLITE_ROW;
}

void SqliteStatement::reset() { sqlite3_reset(statement_); }

std::int64_t SqliteStatement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string SqliteStatement::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr
             ? std::string()
             : std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection);
  connection->path_ = path;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(path.c_str(), &connection->handle_, kFlags, checked_vfs()) != SQLITE_OK) {
    return std::unexpected(connection->error("open it"));
  }
  reserve_checksum_bytes(connection->handle_);
  sqlite3_busy_timeout(connection->handle_, 10'000);
  return connection;
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open_to_look(const std::string& path,
                                                                         Beside beside) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection);
  connection->path_ = path;
  const char* vfs = beside == Beside::nobody ? untouching_vfs() : checked_vfs();
  if (sqlite3_open_v2(path.c_str(), &connection->handle_, SQLITE_OPEN_READONLY, vfs) != SQLITE_OK)
    return std::unexpected(connection->error("open it"));
  sqlite3_db_config(connection->handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_busy_timeout(connection->handle_, 10'000);
  return connection;
}

SqliteConnection::~SqliteConnection() { sqlite3_close(handle_); }

Result<> SqliteConnection::execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return std::unexpected(error("run a statement"));
  return {};
}

SqliteStatement SqliteConnection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  // Where it fails (a table is gone, the file is damaged) `statement` is null and `error` says why.
  sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  return SqliteStatement(statement);
}

bool SqliteConnection::failed() const {
  const int code = sqlite3_errcode(handle_);
  return code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE;
}

Error SqliteConnection::error(std::string_view doing) const {
  const int code = sqlite3_errcode(handle_);
  const std::string message = sqlite3_errmsg(handle_);
  if (const auto page = damaged_page(handle_)) {
    return damage_error(path_, page->missing
                                   ? fmt::format("page {} is missing, it was cut off", page->number)
                                   : describe_page(page->number));
  }
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    return damage_error(path_, fmt::format("{}; it is damaged", message));
  std::string help;
  if (code == SQLITE_FULL) help = ": free some space; driftd goes on by itself";
  if (code == SQLITE_IOERR) {
    const std::error_code reason(sqlite3_system_errno(handle_), std::generic_category());
    help = fmt::format(" ({}): look at the disk", reason.message());
  }
  if (code == SQLITE_CANTOPEN) help = ": check that the folder exists and may be written";
  return {ErrorCode::io,
          fmt::format("the state database {}: cannot {}: {}{}", path_, doing, message, help)};
}

}  // namespace driftd
