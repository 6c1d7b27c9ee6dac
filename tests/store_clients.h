// The databases of store_test, as a client sees them that knows nothing of driftd, and the Postgres
// server that they need. One thread; fails by exception, or by a failure of the running test.
#pragma once

#include <netinet/in.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pqxx/pqxx>

#include "sinks/store.h"

namespace driftd {

using TextRow = std::vector<std::string>;
using TextRows = std::vector<TextRow>;

inline std::filesystem::path fresh_folder() {
  std::string path = (std::filesystem::temp_directory_path() / "driftd-store-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary folder");
  return path;
}

inline int free_port() {
  const int socket_handle = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(socket_handle, generic, length) != 0 ||
      getsockname(socket_handle, generic, &length) != 0) {
    throw std::runtime_error("no free port");
  }
  close(socket_handle);
  return ntohs(address.sin_port);
}

// A server of this process's own, stopped and wiped at its end.
class PostgresServer {
 public:
  PostgresServer() { start(); }
  ~PostgresServer() {
    run("PG_WIPE=1 PG_KILL=1", "postgres-down.sh");
    std::filesystem::remove_all(folder_);
  }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  void start() {
    if (run("PG_KEEP=1", "postgres-up.sh") != 0) {
      throw std::runtime_error("postgres-up.sh failed; what it said stands above");
    }
  }
  void stop() { run("", "postgres-down.sh"); }
  std::string url(std::string_view user, std::string_view database) const {
    return fmt::format("postgresql://{}@127.0.0.1:{}/{}", user, port_, database);
  }
  std::filesystem::path data() const { return folder_ / "data"; }
  int port() const { return port_; }

 private:
  int run(std::string_view settings, std::string_view script) const {
    return std::system(fmt::format("PG_DIR='{}' PG_PORT={} {} '{}/servers/{}' >/dev/null",
                                   folder_.string(), port_, settings, DRIFTD_TEST_DATA, script)
                           .c_str());
  }

  const int port_ = free_port();
  const std::filesystem::path folder_ = fresh_folder();
};

// The database as a client sees it that knows nothing of driftd.
class Client {
 public:
  virtual ~Client() = default;
  virtual TextRows query(const std::string& sql) = 0;  // NULL is "NULL"
  virtual std::unique_ptr<Store> store() = 0;
  // Makes the table of findings refuse rows whose level is `warning`.
  virtual void refuse_warnings() = 0;
};

class SqliteClient final : public Client {
 public:
  ~SqliteClient() override { std::filesystem::remove_all(folder_); }

  TextRows query(const std::string& sql) override {
    sqlite3* connection = nullptr;
    EXPECT_EQ(sqlite3_open(path().c_str(), &connection), SQLITE_OK);
    TextRows rows;
    const auto add = [](void* target, int columns, char** values, char**) {
      TextRow row;
      for (int i = 0; i < columns; ++i) row.emplace_back(values[i] == nullptr ? "NULL" : values[i]);
      static_cast<TextRows*>(target)->push_back(std::move(row));
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), add, &rows, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection);
    sqlite3_close(connection);
    return rows;
  }
  std::unique_ptr<Store> store() override {
    return make_store({.kind = StoreKind::sqlite, .location = path(), .password = ""});
  }
  void refuse_warnings() override {
    query(
        "CREATE TRIGGER refuse BEFORE INSERT ON findings WHEN NEW.level = 'warning' "
        "BEGIN SELECT RAISE(ABORT, 'no warnings here'); END");
  }
  std::string path() const { return folder_ / "state" / "driftd.db"; }

 private:
  const std::filesystem::path folder_ = fresh_folder();
};

class PostgresClient final : public Client {
 public:
  explicit PostgresClient(PostgresServer& server) : server_(server) {
    static int count = 0;
    database_ = fmt::format("test_{}", ++count);
    execute("postgres", "CREATE DATABASE " + database_);
  }

  TextRows query(const std::string& sql) override { return execute(database_, sql); }
  std::unique_ptr<Store> store() override { return store_of("driftd", ""); }
  std::unique_ptr<Store> store_of(std::string_view user, const std::string& password) {
    return make_store({StoreKind::postgres, server_.url(user, database_), password});
  }
  void refuse_warnings() override {
    query("ALTER TABLE findings ADD CONSTRAINT no_warnings_here CHECK (level <> 'warning')");
  }

 private:
  TextRows execute(const std::string& database, const std::string& sql) {
    pqxx::connection connection(server_.url("driftd", database));
    pqxx::nontransaction work(connection);
    TextRows rows;
    for (const auto& row : work.exec(sql)) {
      TextRow texts;
      for (const auto& field : row) texts.emplace_back(field.is_null() ? "NULL" : field.c_str());
      rows.push_back(std::move(texts));
    }
    return rows;
  }

  PostgresServer& server_;
  std::string database_;
};

}  // namespace driftd
