#include <sqlite3.h>

#include <cstring>
#include <map>

#include "bench/join_store.h"

namespace driftd {
namespace {

// Pages of the write-ahead log before they are copied into the database: 1 GiB, so that a page
// which several commits change is copied once. The default of 1,000 would copy after each commit.
constexpr int kPagesBeforeCopy = 262'144;

struct StatementCloser {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, StatementCloser>;

struct RangeStatements {
  Statement select;
  Statement insert;
  Statement update;
};

class SqliteStore final : public JoinStore {
 public:
  explicit SqliteStore(bool by_arrival) : by_arrival_(by_arrival) {}
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;
  ~SqliteStore() override {
    ranges_.clear();
    sqlite3_close(database_);
  }

  Result<> open(const JoinStoreOptions& options) {
    if (sqlite3_open((options.folder + "/join.db").c_str(), &database_) != SQLITE_OK) {
      return failed("open");
    }
    auto done = execute(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
        "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
        "PRAGMA wal_autocheckpoint = " +
        std::to_string(kPagesBeforeCopy) +
        ";"
        // Negative: KiB.
        "PRAGMA cache_size = -" +
        std::to_string(options.cache_bytes / 1'024));
    return done ? begin() : done;
  }

  Result<> begin_range(std::uint32_t range) override {
    const std::string table = table_of(range);
    auto done = by_arrival_
                    ? execute("CREATE TABLE " + table +
                              " (id INTEGER PRIMARY KEY, key BLOB NOT NULL, row BLOB NOT NULL);"
                              "CREATE UNIQUE INDEX " +
                              table + "_key ON " + table + " (key)")
                    : execute("CREATE TABLE " + table +
                              " (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID");
    return done ? prepare_range(range) : done;
  }

  Result<> drop_range(std::uint32_t range) override {
    ranges_.erase(range);
    return execute("DROP TABLE " + table_of(range));
  }

  Result<std::optional<JoinFound>> find(const JoinKey& key) override {
    for (auto at = ranges_.rbegin(); at != ranges_.rend(); ++at) {
      sqlite3_stmt* select = at->second.select.get();
      sqlite3_bind_blob(select, 1, &key, sizeof key, SQLITE_STATIC);
      const int status = sqlite3_step(select);
      if (status == SQLITE_ROW) {
        JoinFound found{.range = at->first,
                        .place = static_cast<std::uint64_t>(sqlite3_column_int64(select, 1))};
        if (sqlite3_column_bytes(select, 0) != sizeof found.row) {
          return fail(ErrorCode::corrupted, "a row of another size");
        }
        std::memcpy(&found.row, sqlite3_column_blob(select, 0), sizeof found.row);
        sqlite3_reset(select);
        return found;
      }
      if (status != SQLITE_DONE) return failed("select");
      sqlite3_reset(select);
    }
    return std::nullopt;
  }

  Result<> insert(std::uint32_t range, const JoinKey& key, const JoinRow& row) override {
    sqlite3_stmt* insert = ranges_.at(range).insert.get();
    sqlite3_bind_blob(insert, 1, &key, sizeof key, SQLITE_STATIC);
    sqlite3_bind_blob(insert, 2, &row, sizeof row, SQLITE_STATIC);
    return run(insert, "insert");
  }

  Result<> replace(const JoinFound& found, const JoinKey& key, const JoinRow& row) override {
    sqlite3_stmt* update = ranges_.at(found.range).update.get();
    sqlite3_bind_blob(update, 1, &row, sizeof row, SQLITE_STATIC);
    if (by_arrival_) {
      sqlite3_bind_int64(update, 2, static_cast<sqlite3_int64>(found.place));
    } else {
      sqlite3_bind_blob(update, 2, &key, sizeof key, SQLITE_STATIC);
    }
    return run(update, "update");
  }

  Result<> commit() override { return execute("COMMIT; BEGIN IMMEDIATE"); }

  Result<> rollback() override {
    ranges_.clear();
    // Some errors end the transaction by themselves.
    if (sqlite3_get_autocommit(database_) == 0) {
      if (auto done = execute("ROLLBACK"); !done) return done;
    }
    return begin();
  }

 private:
  static std::string table_of(std::uint32_t range) { return "range_" + std::to_string(range); }

  std::unexpected<Error> failed(const char* what) {
    return fail(ErrorCode::io, std::string(what) + ": " + sqlite3_errmsg(database_));
  }

  Result<> execute(const std::string& sql) {
    if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      return failed(sql.substr(0, sql.find_first_of(" ;")).c_str());
    }
    return {};
  }

  Result<> run(sqlite3_stmt* statement, const char* what) {
    if (sqlite3_step(statement) != SQLITE_DONE) return failed(what);
    sqlite3_reset(statement);
    return {};
  }

  Result<> prepare(Statement& statement, const std::string& sql) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v3(database_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr) !=
        SQLITE_OK) {
      return failed("prepare");
    }
    statement.reset(made);
    return {};
  }

  Result<> prepare_range(std::uint32_t range) {
    const std::string table = table_of(range);
    RangeStatements& made = ranges_[range];
    auto done = prepare(made.select, std::string("SELECT row, ") + (by_arrival_ ? "id" : "0") +
                                         " FROM " + table + " WHERE key = ?");
    if (done) done = prepare(made.insert, "INSERT INTO " + table + " (key, row) VALUES (?, ?)");
    if (done) {
      done = prepare(made.update, "UPDATE " + table + " SET row = ? WHERE " +
                                      (by_arrival_ ? "id" : "key") + " = ?");
    }
    return done;
  }

  Result<> begin() {
    if (auto done = execute("BEGIN IMMEDIATE"); !done) return done;
    Statement tables;
    auto done = prepare(tables, "SELECT substr(name, 7) FROM sqlite_schema WHERE type = 'table'");
    while (done && sqlite3_step(tables.get()) == SQLITE_ROW) {
      done = prepare_range(static_cast<std::uint32_t>(sqlite3_column_int64(tables.get(), 0)));
    }
    return done;
  }

  bool by_arrival_;
  sqlite3* database_ = nullptr;
  std::map<std::uint32_t, RangeStatements> ranges_;
};

}  // namespace

JoinStoreResult open_sqlite_store(const JoinStoreOptions& options, bool by_arrival) {
  auto store = std::make_unique<SqliteStore>(by_arrival);
  if (auto opened = store->open(options); !opened) return std::unexpected(opened.error());
  return store;
}

}  // namespace driftd
