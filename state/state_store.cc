#include "state/state_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <system_error>
#include <thread>

#include "state/checkpoint_rows.h"
#include "state/database_check.h"
#include "state/fault_points.h"
#include "state/join_log.h"
#include "state/sqlite.h"
#include "state/write_ahead_log.h"

namespace driftd {
namespace {

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fingerprints(model TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS partitions(source TEXT, topic TEXT, partition INTEGER, kind INTEGER NOT NULL,
  next_offset INTEGER NOT NULL, max_event_time INTEGER NOT NULL, last_offset INTEGER NOT NULL,
  last_fingerprint INTEGER NOT NULL, PRIMARY KEY(source, topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS names(model TEXT, kind TEXT, code INTEGER, text TEXT NOT NULL,
  PRIMARY KEY(model, kind, code)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS open_panes(lane INTEGER, model TEXT, version INTEGER, pane INTEGER,
  features BLOB NOT NULL, performance BLOB NOT NULL, PRIMARY KEY(lane, model, version, pane));
CREATE TABLE IF NOT EXISTS windows(model TEXT, version INTEGER, pane INTEGER, record BLOB,
  PRIMARY KEY(model, version, pane)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS panes(model TEXT, version INTEGER, pane INTEGER, features BLOB NOT NULL,
  performance BLOB NOT NULL, PRIMARY KEY(model, version, pane));
CREATE TABLE IF NOT EXISTS monitors(model TEXT, version INTEGER, windows INTEGER NOT NULL,
  predictions INTEGER NOT NULL, health BLOB NOT NULL, PRIMARY KEY(model, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS joins(model TEXT PRIMARY KEY, predictions_until INTEGER NOT NULL,
  until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS join_segments(model TEXT, first INTEGER, rows INTEGER NOT NULL,
  PRIMARY KEY(model, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox(sequence INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, id TEXT NOT NULL,
  payload TEXT NOT NULL, created INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_by_sink ON outbox(sink, sequence);
)sql";

// A checkpoint is on the disk when its commit returns (FULL). Its seal need not wait for the disk,
// because what it seals is there; only after it may SQLite copy its log, once it has 1,000 pages.
constexpr const char* kBegin =
    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; BEGIN IMMEDIATE";
constexpr const char* kBeginSeal =
    "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 1000; BEGIN IMMEDIATE";

constexpr int kLockTries = 5;
constexpr std::chrono::milliseconds kPauseBetweenLockTries{10};

[[nodiscard]] std::string random_id() {
  std::random_device device;
  return fmt::format("driftd-{:08x}{:08x}", device(), device());
}

[[nodiscard]] Result<int> lock_folder(const std::string& folder) {
  const std::string path = folder + "/lock";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    return fail(ErrorCode::io,
                fmt::format("the state directory {} cannot be written ({}): choose another with "
                            "[daemon] state_dir, or change its permissions",
                            folder, std::error_code(errno, std::generic_category()).message()));
  }
  bool is_locked = ::flock(file, LOCK_EX | LOCK_NB) == 0;
  // Whoever only asks whether it is held (state_reader.h) holds it for some microseconds.
  for (int tries = 1; !is_locked && tries < kLockTries; ++tries) {
    std::this_thread::sleep_for(kPauseBetweenLockTries);
    is_locked = ::flock(file, LOCK_EX | LOCK_NB) == 0;
  }
  if (!is_locked) {
    ::close(file);
    return fail(ErrorCode::unavailable, fmt::format("the state directory {} is in use by another "
                                                    "driftd: stop that one first, or give this one "
                                                    "its own [daemon] state_dir and group_id",
                                                    folder));
  }
  return file;
}

[[nodiscard]] std::uint32_t code(const SqliteStatement& row, int column) {
  return static_cast<std::uint32_t>(row.integer(column));
}

// False where the rows could not all be read.
[[nodiscard]] bool take_each(SqliteConnection& db, std::string_view sql, const auto& take) {
  SqliteStatement rows = db.prepare(sql);
  while (rows.step()) take(rows);
  return !db.failed();
}

// Durably: a first checkpoint must not outlive the database that it belongs to.
[[nodiscard]] Result<> put_in_place(const std::string& folder, const std::string& from,
                                    const std::string& to) {
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done =
      directory >= 0 && std::rename(from.c_str(), to.c_str()) == 0 && ::fsync(directory) == 0;
  const int error = errno;
  if (directory >= 0) ::close(directory);
  if (done) return {};
  return fail(ErrorCode::io,
              fmt::format("the state database {} cannot be made: {}", to,
                          std::error_code(error, std::generic_category()).message()));
}

void remove_database(const std::string& path) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
    std::error_code error;
    std::filesystem::remove(path + suffix, error);
  }
}

}  // namespace

struct StateStore::Database {
  std::unique_ptr<SqliteConnection> connection;
  std::string path;

  [[nodiscard]] Result<std::string> meta(const std::string& key) {
    SqliteStatement query = connection->prepare("SELECT value FROM meta WHERE key = ?1");
    query.bind_text(1, key);
    if (query.step()) return query.text(0);
    if (connection->failed()) return std::unexpected(connection->error("read it"));
    return std::string();
  }
  [[nodiscard]] Result<> set_meta(const std::string& key, const std::string& value) {
    SqliteStatement insert = connection->prepare("INSERT OR REPLACE INTO meta VALUES(?1, ?2)");
    if (!insert.bind_text(1, key).bind_text(2, value).run())
      return std::unexpected(connection->error("write it"));
    return {};
  }
  [[nodiscard]] Result<CommitNumber> commit_number();
  // Begins a transaction, by kBegin or kBeginSeal, and gives it the next commit number.
  [[nodiscard]] Result<> begin(const char* sql);
  // The transaction has failed: nothing of it is kept, whether or not the roll-back itself
  // succeeds.
  void roll_back();
  // A small transaction after every other one; the log is copied to the main file only then
  // (write_ahead_log.h). Where it fails, it is made good before the next checkpoint.
  [[nodiscard]] Result<> seal();
  // Makes the tables of a new database, checks the format of another.
  [[nodiscard]] Result<> begin_or_check(const std::string& state_dir, std::string& instance_id);
};

Result<> StateStore::make_database(const std::string& state_dir, const std::string& path) {
  const std::string made = path + ".new";
  remove_database(made);
  Result<> done;
  {
    auto connection = SqliteConnection::open(made);
    if (!connection) return std::unexpected(connection.error());
    Database database{std::move(*connection), made};
    std::string instance_id;
    done = database.begin_or_check(state_dir, instance_id);
    if (done) done = database.connection->execute("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  if (done) done = put_in_place(state_dir, made, path);
  remove_database(made);
  return done;
}

StateStore::~StateStore() {
  database_.reset();
  if (lock_ >= 0) ::close(lock_);
}

Result<std::unique_ptr<StateStore>> StateStore::open(const std::string& state_dir) {
  std::error_code error;
  std::filesystem::create_directories(state_dir, error);
  if (error) {
    return fail(
        ErrorCode::io,
        fmt::format("the state directory {} cannot be made ({}): choose another with [daemon] "
                    "state_dir",
                    state_dir, error.message()));
  }
  std::unique_ptr<StateStore> store(new StateStore);
  const Result<int> lock = lock_folder(state_dir);
  if (!lock) return std::unexpected(lock.error());
  store->lock_ = *lock;
  store->folder_ = state_dir;
  store->path_ = state_dir + "/state.db";
  if (auto checked = check_before_open(store->path_); !checked)
    return std::unexpected(checked.error());
  if (!std::filesystem::exists(store->path_, error)) {
    if (auto made = make_database(state_dir, store->path_); !made)
      return std::unexpected(made.error());
  }
  auto connection = SqliteConnection::open(store->path_);
  if (!connection) return std::unexpected(connection.error());
  store->database_ = std::make_unique<Database>();
  store->database_->connection = std::move(*connection);
  store->database_->path = store->path_;
  if (auto begun = store->database_->begin_or_check(state_dir, store->instance_id_); !begun) {
    store->database_.reset();
    return std::unexpected(begun.error());
  }
  return store;
}

Result<> StateStore::Database::begin_or_check(const std::string& state_dir,
                                              std::string& instance_id) {
  // Sinks read while a checkpoint is written (WAL).
  for (const char* sql : {"PRAGMA journal_mode = WAL", kBegin, kSchema}) {
    if (auto done = connection->execute(sql); !done) return done;
  }
  const Result<std::string> version = meta("format_version");
  if (!version) return std::unexpected(version.error());
  if (!version->empty() && *version != std::to_string(kStateFormatVersion)) {
    return fail(ErrorCode::incompatible,
                fmt::format("the state in {} has format {}, this driftd writes format {}: use the "
                            "driftd that made it, "
                            "or begin anew with another [daemon] state_dir",
                            state_dir, *version, kStateFormatVersion));
  }
  if (!version->empty()) {
    Result<std::string> id = meta("instance_id");
    if (!id) return std::unexpected(id.error());
    instance_id = std::move(*id);
    return connection->execute("COMMIT");
  }
  instance_id = random_id();
  for (const auto& [key, value] : {std::pair("format_version", std::to_string(kStateFormatVersion)),
                                   std::pair("instance_id", instance_id)}) {
    if (auto done = set_meta(key, value); !done) return done;
  }
  for (const char* sql : {"PRAGMA user_version = 1", "COMMIT"}) {
    if (auto done = connection->execute(sql); !done) return done;
  }
  return seal();
}

Result<CommitNumber> StateStore::Database::commit_number() {
  SqliteStatement query = connection->prepare("PRAGMA user_version");
  if (query.step()) return static_cast<CommitNumber>(query.integer(0));
  return std::unexpected(connection->error("read it"));
}

Result<> StateStore::Database::begin(const char* sql) {
  if (auto begun = connection->execute(sql); !begun) return begun;
  const Result<CommitNumber> last = commit_number();
  if (!last) {
    roll_back();
    return std::unexpected(last.error());
  }
  // First of all, so that page 1 is never in the log with an older number than its transaction's.
  const auto next = static_cast<std::int32_t>(*last + 1);
  auto numbered = connection->execute(fmt::format("PRAGMA user_version = {}", next).c_str());
  if (!numbered) roll_back();
  return numbered;
}

void StateStore::Database::roll_back() {
  [[maybe_unused]] const Result<> rolled_back = connection->execute("ROLLBACK");
}

Result<> StateStore::Database::seal() {
  const Result<CommitNumber> last = commit_number();
  if (!last) return std::unexpected(last.error());
  if (is_sealed(*last)) return {};
  if (auto begun = begin(kBeginSeal); !begun) return begun;
  Result<> sealed = connection->execute("COMMIT");
  if (!sealed) roll_back();
  return sealed;
}

Result<StoredState> load_state_outline(SqliteConnection& db) {
  StoredState state;
  // A damaged page may lie in any table: the first error ends it, so that a part is never taken for
  // the whole.
  bool good = true;
  const auto each = [&](std::string_view sql, const auto& take) {
    if (good) good = take_each(db, sql, take);
  };
  each(
      "SELECT source, topic, partition, kind, next_offset, max_event_time, last_offset, "
      "last_fingerprint FROM partitions",
      [&](const auto& row) {
        state.partitions.push_back(
            {row.text(0), row.text(1), static_cast<std::int32_t>(row.integer(2)),
             static_cast<int>(row.integer(3)), row.integer(4), row.integer(5), row.integer(6),
             std::bit_cast<std::uint64_t>(row.integer(7))});
      });
  each("SELECT model, kind, code, text FROM names ORDER BY model, kind, code",
       [&](const auto& row) {
         state.names.push_back({row.text(0), row.text(1), code(row, 2), row.text(3)});
       });
  each("SELECT model, version, windows, predictions, health FROM monitors", [&](const auto& row) {
    state.monitors.push_back(
        {row.text(0), code(row, 1), row.integer(2), row.integer(3), row.text(4)});
  });
  each("SELECT model, predictions_until, until FROM joins ORDER BY model", [&](const auto& row) {
    state.joins.push_back({row.text(0), {}, row.integer(1), row.integer(2)});
  });
  each("SELECT model, first, rows FROM join_segments ORDER BY model, first", [&](const auto& row) {
    const auto join = std::ranges::find(state.joins, row.text(0), &StoredJoin::model);
    if (join == state.joins.end()) return;
    join->segments.push_back(
        {static_cast<RowNumber>(row.integer(1)), static_cast<std::uint64_t>(row.integer(2))});
  });
  each("SELECT model, fingerprint FROM fingerprints",
       [&](const auto& row) { state.fingerprints.push_back({row.text(0), row.text(1)}); });
  if (!good) return std::unexpected(db.error("read it"));
  return state;
}

Result<StoredState> StateStore::load() {
  SqliteConnection& db = *database_->connection;
  Result<StoredState> state = load_state_outline(db);
  if (!state) return state;
  const auto take_pane = [&](const SqliteStatement& row) {
    state->open_panes.push_back(
        {code(row, 0), {row.text(1), code(row, 2), row.integer(3)}, {row.text(4), row.text(5)}});
  };
  const auto take_window = [&](const SqliteStatement& row) {
    const WindowId id{row.text(0), code(row, 1), row.integer(2)};
    std::string record = row.text(3);
    if (record.empty()) {
      state->forgotten_windows.push_back(id);
    } else {
      state->windows.push_back({id, std::move(record)});
    }
  };
  const auto take_complete_pane = [&](const SqliteStatement& row) {
    state->panes.push_back({row.text(0), code(row, 1), row.integer(2)});
  };
  if (!take_each(db, "SELECT lane, model, version, pane, features, performance FROM open_panes",
                 take_pane) ||
      !take_each(db, "SELECT model, version, pane, record FROM windows", take_window) ||
      !take_each(db, "SELECT model, version, pane FROM panes", take_complete_pane))
    return std::unexpected(db.error("read it"));
  return state;
}

Result<> StateStore::write(const Checkpoint& checkpoint) {
  if (auto good = checkpoint_fault(FaultPoint::checkpoint_begin, path_); !good) return good;
  if (auto sealed = database_->seal(); !sealed) return sealed;
  if (auto begun = database_->begin(kBegin); !begun) return begun;
  Result<> written = write_rows(*database_->connection, path_, checkpoint);
  if (written) written = checkpoint_fault(FaultPoint::checkpoint_commit, path_);
  if (written) written = database_->connection->execute("COMMIT");
  if (!written) {
    database_->roll_back();
    return written;
  }
  // It is durable, whatever happens from here on.
  [[maybe_unused]] const int nothing_to_fail = fault(FaultPoint::checkpoint_committed);
  [[maybe_unused]] const Result<> sealed = database_->seal();
  return {};
}

Result<std::string> StateStore::set_aside(std::span<const std::string> models,
                                          std::string_view name) {
  namespace fs = std::filesystem;
  const fs::path copy = fs::path(folder_) / "set-aside" / name;
  std::error_code error;
  fs::create_directories(copy, error);
  // The lock is held and nobody writes, so the files are of one moment.
  for (const char* suffix : {"", "-wal"}) {
    const fs::path file = path_ + suffix;
    if (!error && fs::exists(file, error))
      fs::copy_file(file, copy / file.filename(), fs::copy_options::overwrite_existing, error);
  }
  for (const std::string& model : models) {
    const fs::path rows = join_folder(folder_, model);
    const fs::path target = join_folder(copy, model);
    if (error || !fs::exists(rows, error)) continue;
    fs::create_directories(target.parent_path(), error);
    if (!error) fs::rename(rows, target, error);
  }
  if (error) {
    return fail(ErrorCode::io, fmt::format("the state cannot be set aside in {}: {}", copy.string(),
                                           error.message()));
  }
  if (auto begun = database_->begin(kBegin); !begun) return std::unexpected(begun.error());
  for (const char* table : {"fingerprints", "names", "open_panes", "windows", "panes", "monitors",
                            "joins", "join_segments"}) {
    SqliteStatement erase =
        database_->connection->prepare(fmt::format("DELETE FROM {} WHERE model = ?1", table));
    for (const std::string& model : models) {
      if (erase.bind_text(1, model).run()) continue;
      Error failed = database_->connection->error("forget a model");
      database_->roll_back();
      return std::unexpected(std::move(failed));
    }
  }
  if (auto done = database_->connection->execute("COMMIT"); !done) {
    database_->roll_back();
    return std::unexpected(done.error());
  }
  return copy.string();
}

Result<StoredSummaries> StateStore::load_summaries(const WindowId& window) {
  SqliteConnection& db = *database_->connection;
  SqliteStatement query = db.prepare(
      "SELECT features, performance FROM panes WHERE model = ?1 AND version = ?2 AND pane = ?3");
  query.bind_text(1, window.model).bind(2, window.version).bind(3, window.pane);
  if (query.step()) return StoredSummaries{query.text(0), query.text(1)};
  if (db.failed()) return std::unexpected(db.error("read a closed window"));
  return fail(ErrorCode::not_found,
              fmt::format("the state database {} has no window {} of model {}", path_, window.pane,
                          window.model));
}

Result<std::map<std::string, std::uint64_t>> StateStore::outbox_sizes() {
  SqliteConnection& db = *database_->connection;
  SqliteStatement query = db.prepare("SELECT sink, count(*) FROM outbox GROUP BY sink");
  std::map<std::string, std::uint64_t> sizes;
  while (query.step()) sizes[query.text(0)] = static_cast<std::uint64_t>(query.integer(1));
  if (db.failed()) return std::unexpected(db.error("count the outbox"));
  return sizes;
}

}  // namespace driftd
