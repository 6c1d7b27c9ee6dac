#include <lmdb.h>

#include <cstring>
#include <map>
#include <utility>

#include "bench/join_store.h"

namespace driftd {
namespace {

// Address space, not memory or disk.
constexpr std::size_t kMapBytes = std::size_t{64} << 30U;
constexpr unsigned kMaxRanges = 64;

std::unexpected<Error> failed(const char* what, int status) {
  return fail(ErrorCode::io, std::string(what) + ": " + mdb_strerror(status));
}

MDB_val bytes_of(const void* data, std::size_t size) {
  // LMDB does not write through what it is given to read.
  return {.mv_size = size, .mv_data = const_cast<void*>(data)};
}

// LMDB has no cache of its own: it reads through a map of the file, and the pages that a
// transaction changes are copied to the heap, 131,072 of them (512 MiB) before it spills.
class LmdbStore final : public JoinStore {
 public:
  LmdbStore() = default;
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;
  ~LmdbStore() override {
    if (transaction_ != nullptr) mdb_txn_abort(transaction_);
    if (environment_ != nullptr) mdb_env_close(environment_);
  }

  Result<> open(const JoinStoreOptions& options) {
    int status = mdb_env_create(&environment_);
    if (status == 0) status = mdb_env_set_maxdbs(environment_, kMaxRanges);
    if (status == 0) status = mdb_env_set_mapsize(environment_, kMapBytes);
    // Read-ahead on a map is of no use to random reads.
    if (status == 0) {
      status = mdb_env_open(environment_, options.folder.c_str(), MDB_NORDAHEAD, 0644);
    }
    if (status != 0) return failed("open", status);
    return begin();
  }

  Result<> begin_range(std::uint32_t range) override {
    MDB_dbi database = 0;
    const int status = mdb_dbi_open(transaction_, name_of(range).c_str(), MDB_CREATE, &database);
    if (status != 0) return failed("create", status);
    ranges_[range] = database;
    return {};
  }

  Result<> drop_range(std::uint32_t range) override {
    const int status = mdb_drop(transaction_, ranges_.at(range), 1);
    if (status != 0) return failed("drop", status);
    ranges_.erase(range);
    return {};
  }

  Result<std::optional<JoinFound>> find(const JoinKey& key) override {
    MDB_val name = bytes_of(&key, sizeof key);
    MDB_val value;
    for (auto at = ranges_.rbegin(); at != ranges_.rend(); ++at) {
      const int status = mdb_get(transaction_, at->second, &name, &value);
      if (status == MDB_NOTFOUND) continue;
      if (status != 0) return failed("get", status);
      JoinFound found{.range = at->first};
      std::memcpy(&found.row, value.mv_data, sizeof found.row);
      return found;
    }
    return std::nullopt;
  }

  Result<> insert(std::uint32_t range, const JoinKey& key, const JoinRow& row) override {
    return put(ranges_.at(range), key, row);
  }

  Result<> replace(const JoinFound& found, const JoinKey& key, const JoinRow& row) override {
    return put(ranges_.at(found.range), key, row);
  }

  Result<> commit() override {
    // Whatever comes of it, the transaction is gone.
    const int status = mdb_txn_commit(std::exchange(transaction_, nullptr));
    if (status != 0) return failed("commit", status);
    return begin();
  }

  Result<> rollback() override {
    if (transaction_ != nullptr) mdb_txn_abort(std::exchange(transaction_, nullptr));
    return begin();
  }

 private:
  static std::string name_of(std::uint32_t range) { return "range " + std::to_string(range); }

  Result<> put(MDB_dbi database, const JoinKey& key, const JoinRow& row) {
    MDB_val name = bytes_of(&key, sizeof key);
    MDB_val value = bytes_of(&row, sizeof row);
    const int status = mdb_put(transaction_, database, &name, &value, 0);
    if (status != 0) return failed("put", status);
    return {};
  }

  // A transaction, and handles for the databases that are there in it.
  Result<> begin() {
    int status = mdb_txn_begin(environment_, nullptr, 0, &transaction_);
    MDB_dbi names = 0;
    if (status == 0) status = mdb_dbi_open(transaction_, nullptr, 0, &names);
    MDB_cursor* cursor = nullptr;
    if (status == 0) status = mdb_cursor_open(transaction_, names, &cursor);
    if (status != 0) return failed("begin", status);
    ranges_.clear();
    MDB_val name;
    MDB_val value;
    while ((status = mdb_cursor_get(cursor, &name, &value, MDB_NEXT)) == 0) {
      const std::string text(static_cast<const char*>(name.mv_data), name.mv_size);
      const auto range = static_cast<std::uint32_t>(std::stoul(text.substr(text.find(' ') + 1)));
      status = mdb_dbi_open(transaction_, text.c_str(), 0, &ranges_[range]);
      if (status != 0) break;
    }
    mdb_cursor_close(cursor);
    if (status != MDB_NOTFOUND) return failed("list", status);
    return {};
  }

  MDB_env* environment_ = nullptr;
  MDB_txn* transaction_ = nullptr;
  std::map<std::uint32_t, MDB_dbi> ranges_;
};

}  // namespace

JoinStoreResult open_lmdb_store(const JoinStoreOptions& options) {
  auto store = std::make_unique<LmdbStore>();
  if (auto opened = store->open(options); !opened) return std::unexpected(opened.error());
  return store;
}

}  // namespace driftd
