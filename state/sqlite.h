// A thin, exception-free skin over SQLite's C interface for the state store, on the file layer that
// verifies every page (checked_vfs.h).
//
// Thread rule: a connection belongs to one thread at a time. Failure rule: `error` is that of
// the connection's last call: ask after every loop over rows and every `run` that is false.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace driftd {

class SqliteStatement {
 public:
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}
  ~SqliteStatement();
  SqliteStatement(SqliteStatement&& other) noexcept : statement_(other.statement_) {
    other.statement_ = nullptr;
  }
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  SqliteStatement& bind(int at, std::int64_t value);  // parameters count from 1
  SqliteStatement& bind_text(int at, std::string_view value);
  SqliteStatement& bind_blob(int at, std::string_view value);

  // Runs to the end (no rows) and resets for the next use.
  [[nodiscard]] bool run();
  // The next row; false at the end or on an error.
  [[nodiscard]] bool step();
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const;  // columns count from 0
  [[nodiscard]] std::string text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class SqliteConnection {
 public:
  [[nodiscard]] static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path);
  // To look only: neither the database nor its log is changed, not even by the last one to close.
  enum class Beside : std::uint8_t {
    a_writer,  // somebody has it open: its shared memory is used as any reader does
    nobody,    // no file is made or changed; what is written meanwhile is not noticed
  };
  [[nodiscard]] static Result<std::unique_ptr<SqliteConnection>> open_to_look(
      const std::string& path, Beside beside);
  ~SqliteConnection();

  [[nodiscard]] Result<> execute(const char* sql);
  // Where the database cannot prepare it, the statement neither runs nor steps, and `error` says
  // why.
  [[nodiscard]] SqliteStatement prepare(std::string_view sql);
  [[nodiscard]] Error error(std::string_view doing) const;
  [[nodiscard]] bool failed() const;

 private:
  SqliteConnection() = default;
  sqlite3* handle_ = nullptr;
  std::string path_;
};

}  // namespace driftd
