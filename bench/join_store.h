// What the label join asks of a store, and nothing more: the stores that bench/join_stores.cc
// compares stand behind it.
//
// A row belongs to the range of time that its prediction arrived in. Everything since the last
// commit is one transaction: it is there after a crash as a whole or not at all.
// Thread rule: one thread. Allocation rule: free. Failure rule: every call may fail with `io` or
// `corrupted`; after that only rollback() may be called, and the work be repeated.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace driftd {

struct JoinKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const JoinKey&) const = default;
};

struct JoinRow {
  std::array<std::uint64_t, 8> words{};
  bool operator==(const JoinRow&) const = default;
};
static_assert(sizeof(JoinKey) == 16 && sizeof(JoinRow) == 64);

struct JoinFound {
  std::uint32_t range = 0;
  std::uint64_t place = 0;  // the store's own: valid until the next call that changes something
  JoinRow row{};
};

struct JoinStoreOptions {
  std::string folder;
  std::uint64_t rows = 0;  // that are pending at once
  std::size_t cache_bytes = 0;
};

class JoinStore {
 public:
  JoinStore() = default;
  JoinStore(const JoinStore&) = delete;
  JoinStore& operator=(const JoinStore&) = delete;
  virtual ~JoinStore() = default;

  // Before its first row; each is one more than the one before.
  [[nodiscard]] virtual Result<> begin_range(std::uint32_t range) = 0;
  // The oldest range, with all its rows.
  [[nodiscard]] virtual Result<> drop_range(std::uint32_t range) = 0;

  [[nodiscard]] virtual Result<std::optional<JoinFound>> find(const JoinKey& key) = 0;
  // A key that find() has just not found, into the newest range.
  [[nodiscard]] virtual Result<> insert(std::uint32_t range, const JoinKey& key,
                                        const JoinRow& row) = 0;
  // A row that find() has just found.
  [[nodiscard]] virtual Result<> replace(const JoinFound& found, const JoinKey& key,
                                         const JoinRow& row) = 0;

  // Durable when it returns: the device has been told to write it out.
  [[nodiscard]] virtual Result<> commit() = 0;
  // Back to the last commit.
  [[nodiscard]] virtual Result<> rollback() = 0;
};

using JoinStoreResult = Result<std::unique_ptr<JoinStore>>;

// A column family for each range, or (`one_family`) one of all rows, of which a compaction filter
// takes those of dropped ranges.
[[nodiscard]] JoinStoreResult open_rocksdb_store(const JoinStoreOptions& options, bool one_family);
// A named database for each range.
[[nodiscard]] JoinStoreResult open_lmdb_store(const JoinStoreOptions& options);
// A table for each range: WITHOUT ROWID by key, or (`by_arrival`) by row number with an index.
[[nodiscard]] JoinStoreResult open_sqlite_store(const JoinStoreOptions& options, bool by_arrival);
// A file for each range, whole rows appended, and an index in memory.
[[nodiscard]] JoinStoreResult open_log_store(const JoinStoreOptions& options);

// One of kJoinStores; makes the folder if it is missing.
inline constexpr std::array<std::string_view, 6> kJoinStores = {
    "log", "rocksdb", "rocksdb_one", "lmdb", "sqlite", "sqlite_arrival"};
[[nodiscard]] JoinStoreResult open_join_store(std::string_view name,
                                              const JoinStoreOptions& options);

// Prediction number i and its row are pure functions of i: what was read can be checked without
// a copy of what was written.
[[nodiscard]] JoinKey join_key_of(std::uint64_t number);
[[nodiscard]] JoinRow join_row_of(std::uint64_t number, std::uint64_t label);
// Whether `row` is the row of prediction `number`, with whatever label.
[[nodiscard]] bool is_join_row_of(std::uint64_t number, const JoinRow& row);

}  // namespace driftd
