#include "state/state_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include "state/sqlite.h"
#include "state/state_store.h"

namespace driftd {
namespace {

// How often something that looks damaged while a driftd writes is looked at, and the pause between
// two looks: longer than a page takes to be written, and another one than checkpoints come at.
constexpr int kLooks = 6;
constexpr std::chrono::milliseconds kPauseBetweenLooks{150};

[[nodiscard]] std::unexpected<Error> cannot_read(const std::string& path) {
  return fail(ErrorCode::unavailable,
              fmt::format("{} cannot be read: {}", path,
                          std::error_code(errno, std::generic_category()).message()));
}

[[nodiscard]] std::string database_of(const std::string& state_dir) {
  return state_dir + "/state.db";
}

// The rows of a query, one at a time, until there is an error on either side.
template <typename Row>
[[nodiscard]] Result<> each(SqliteConnection& db, std::string_view sql, const Row& row) {
  SqliteStatement rows = db.prepare(sql);
  while (rows.step()) {
    if (Result<> taken = row(rows); !taken) return taken;
  }
  if (db.failed()) return std::unexpected(db.error("read it"));
  return {};
}

[[nodiscard]] std::uint32_t code(const SqliteStatement& row, int column) {
  return static_cast<std::uint32_t>(row.integer(column));
}

}  // namespace

Result<bool> is_state_in_use(const std::string& state_dir) {
  struct stat found = {};
  if (::stat(state_dir.c_str(), &found) != 0 || ::access(state_dir.c_str(), R_OK | X_OK) != 0)
    return cannot_read("the state directory " + state_dir);
  if (!S_ISDIR(found.st_mode)) {
    return fail(ErrorCode::unavailable,
                fmt::format("the state directory {} is no directory", state_dir));
  }
  const std::string path = database_of(state_dir);
  const bool has_file = ::stat(path.c_str(), &found) == 0;
  if (!has_file && errno != ENOENT) return cannot_read("the state database " + path);
  if (!has_file && ::stat((path + "-wal").c_str(), &found) != 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("there is no state in {}: no driftd has run on it", state_dir));
  }
  if (has_file && ::access(path.c_str(), R_OK) != 0)
    return cannot_read("the state database " + path);
  const int file = ::open((state_dir + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  // A copy without it is as good.
  if (file < 0 && errno == ENOENT) return false;
  if (file < 0) return cannot_read("the lock in the state directory " + state_dir);
  const bool in_use = ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(file);
  return in_use;
}

Result<DatabaseFileCheck> verify_state_database(const std::string& state_dir, bool in_use,
                                                const CheckProgress& progress) {
  const std::string path = database_of(state_dir);
  auto check = verify_database_file(path, progress);
  for (int look = 1; look < kLooks && in_use && check && !check->is_whole(); ++look) {
    std::this_thread::sleep_for(kPauseBetweenLooks);
    check = verify_database_file(path, progress);
  }
  return check;
}

struct StateReader::Database {
  std::unique_ptr<SqliteConnection> connection;
};

// Tells whether somebody wrote to the database.
struct StateReader::FileStamp {
  struct Of {
    bool exists = false;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    bool operator==(const Of&) const = default;
  };
  std::array<Of, 2> files;
  bool operator==(const FileStamp&) const = default;

  [[nodiscard]] static FileStamp of_database(const std::string& path) {
    return {{of(path), of(path + "-wal")}};
  }
  [[nodiscard]] static Of of(const std::string& path) {
    struct stat found = {};
    if (::stat(path.c_str(), &found) != 0) return {};
    return {true, found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
  }
};

StateReader::StateReader() = default;
StateReader::~StateReader() = default;

Result<std::unique_ptr<StateReader>> StateReader::open(const std::string& state_dir) {
  const Result<bool> in_use = is_state_in_use(state_dir);
  if (!in_use) return std::unexpected(in_use.error());
  std::unique_ptr<StateReader> reader(new StateReader);
  reader->in_use_ = *in_use;
  reader->folder_ = state_dir;
  reader->path_ = database_of(state_dir);
  if (!*in_use) {
    reader->stamp_ = std::make_unique<FileStamp>(FileStamp::of_database(reader->path_));
    // Of one that is being written to this was done at its start.
    if (auto checked = check_before_open(reader->path_); !checked)
      return std::unexpected(checked.error());
  }
  using Beside = SqliteConnection::Beside;
  auto connection =
      SqliteConnection::open_to_look(reader->path_, *in_use ? Beside::a_writer : Beside::nobody);
  if (!connection) return std::unexpected(connection.error());
  reader->database_ = std::make_unique<Database>();
  reader->database_->connection = std::move(*connection);
  if (auto begun = reader->begin(); !begun) return std::unexpected(begun.error());
  return reader;
}

Result<> StateReader::begin() {
  SqliteConnection& db = *database_->connection;
  if (auto begun = db.execute("BEGIN"); !begun) return begun;
  auto read = each(db, "SELECT key, value FROM meta", [&](const SqliteStatement& row) -> Result<> {
    if (row.text(0) == "format_version") format_ = row.text(1);
    if (row.text(0) == "instance_id") instance_id_ = row.text(1);
    return {};
  });
  if (!read) return read;
  if (format_ == std::to_string(kStateFormatVersion)) return {};
  return fail(ErrorCode::incompatible,
              fmt::format("the state in {} has format {}, this driftd reads format {}: use the "
                          "driftd that made it",
                          folder_, format_, kStateFormatVersion));
}

Result<StoredState> StateReader::load_outline() {
  return load_state_outline(*database_->connection);
}

Result<> StateReader::each_open_pane(const Take<StoredOpenPane>& take) {
  return each(*database_->connection,
              "SELECT lane, model, version, pane, features, performance FROM open_panes ORDER BY "
              "lane, model, version, pane",
              [&](const SqliteStatement& row) {
                return take({code(row, 0),
                             {row.text(1), code(row, 2), row.integer(3)},
                             {row.text(4), row.text(5)}});
              });
}

Result<> StateReader::each_window(const Take<StoredWindow>& take) {
  return each(*database_->connection,
              "SELECT model, version, pane, record FROM windows ORDER BY model, version, pane",
              [&](const SqliteStatement& row) {
                return take({{row.text(0), code(row, 1), row.integer(2)}, row.text(3)});
              });
}

Result<> StateReader::each_pane(const Take<StoredPane>& take) {
  return each(
      *database_->connection,
      "SELECT model, version, pane, features, performance FROM panes ORDER BY model, "
      "version, pane",
      [&](const SqliteStatement& row) {
        return take({{row.text(0), code(row, 1), row.integer(2)}, {row.text(3), row.text(4)}});
      });
}

Result<> StateReader::each_outbox_entry(const Take<StoredOutboxEntry>& take) {
  return each(
      *database_->connection,
      "SELECT sequence, sink, id, payload, created FROM outbox ORDER BY sequence",
      [&](const SqliteStatement& row) {
        return take({row.integer(0), row.text(1), row.text(2), row.text(3), row.integer(4)});
      });
}

void StateReader::end_reading_tables() { database_.reset(); }

Result<bool> StateReader::names_segment(const std::string& model, RowNumber first) const {
  if (!in_use_) return true;
  auto newest = SqliteConnection::open_to_look(path_, SqliteConnection::Beside::a_writer);
  if (!newest) return std::unexpected(newest.error());
  SqliteStatement query =
      (*newest)->prepare("SELECT 1 FROM join_segments WHERE model = ?1 AND first = ?2");
  query.bind_text(1, model).bind(2, static_cast<std::int64_t>(first));
  const bool is_named = query.step();
  if (!is_named && (*newest)->failed()) return std::unexpected((*newest)->error("read it"));
  return is_named;
}

Result<> StateReader::check_untouched() const {
  if (in_use_ || *stamp_ == FileStamp::of_database(path_)) return {};
  return fail(
      ErrorCode::unavailable,
      fmt::format("a driftd was started on {} while it was read: do not trust what was said "
                  "of it, and run this again",
                  folder_));
}

}  // namespace driftd
