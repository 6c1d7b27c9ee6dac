#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <atomic>
#include <cstring>
#include <map>
#include <unordered_map>

#include "bench/join_store.h"

namespace driftd {
namespace {

struct StoredRow {
  JoinRow row;
  std::uint32_t range = 0;
};
constexpr std::size_t kStoredBytes = sizeof(JoinRow) + sizeof(std::uint32_t);

struct KeyHash {
  std::size_t operator()(const JoinKey& key) const { return key.low; }
};

rocksdb::Slice slice_of(const JoinKey& key) {
  return {reinterpret_cast<const char*>(&key), sizeof key};
}

std::unexpected<Error> failed(const char* what, const rocksdb::Status& status) {
  return fail(status.IsCorruption() ? ErrorCode::corrupted : ErrorCode::io,
              std::string(what) + ": " + status.ToString());
}

std::uint32_t range_in(const rocksdb::Slice& value) {
  std::uint32_t range = 0;
  std::memcpy(&range, value.data() + sizeof(JoinRow), sizeof range);
  return range;
}

// Takes the rows of dropped ranges whenever a compaction comes across them. Called by RocksDB's
// threads; the oldest range only ever grows, and a row that is seen too early is taken next time.
// Which range is the oldest is not kept over a restart here; a daemon's state would know it.
class DroppedRanges final : public rocksdb::CompactionFilter {
 public:
  const char* Name() const override { return "dropped ranges"; }        // NOLINT: RocksDB's name
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value,  // NOLINT: RocksDB's name
              std::string*, bool*) const override {
    return range_in(value) < oldest.load(std::memory_order_relaxed);
  }
  std::atomic<std::uint32_t> oldest{0};
};

class RocksdbStore final : public JoinStore {
 public:
  explicit RocksdbStore(bool one_family) : one_family_(one_family) {}
  RocksdbStore(const RocksdbStore&) = delete;
  RocksdbStore& operator=(const RocksdbStore&) = delete;
  ~RocksdbStore() override {
    if (database_ == nullptr) return;
    for (const auto& [range, family] : ranges_) {
      database_->DestroyColumnFamilyHandle(family);
    }
    if (default_family_ != nullptr) database_->DestroyColumnFamilyHandle(default_family_);
  }

  Result<> open(const JoinStoreOptions& options) {
    rocksdb::DBOptions settings;
    settings.create_if_missing = true;
    settings.max_background_jobs = 2;
    tune(settings, options.cache_bytes);
    std::vector<std::string> names;
    if (!rocksdb::DB::ListColumnFamilies(settings, options.folder, &names).ok()) {
      names = {rocksdb::kDefaultColumnFamilyName};
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> wanted;
    wanted.reserve(names.size());
    for (const std::string& name : names) wanted.emplace_back(name, family_settings_);
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    rocksdb::DB* opened = nullptr;
    const auto status = rocksdb::DB::Open(settings, options.folder, wanted, &families, &opened);
    if (!status.ok()) return failed("open", status);
    database_.reset(opened);
    for (rocksdb::ColumnFamilyHandle* family : families) {
      if (family->GetName() == rocksdb::kDefaultColumnFamilyName) {
        default_family_ = family;
      } else {
        ranges_[static_cast<std::uint32_t>(std::stoul(family->GetName()))] = family;
      }
    }
    pending_.reserve(1U << 19U);
    return {};
  }

  Result<> begin_range(std::uint32_t range) override {
    // After a rollback it is there already: families are not part of a transaction.
    if (one_family_ || ranges_.contains(range)) return {};
    rocksdb::ColumnFamilyHandle* family = nullptr;
    const auto status =
        database_->CreateColumnFamily(family_settings_, std::to_string(range), &family);
    if (!status.ok()) return failed("create", status);
    ranges_[range] = family;
    return {};
  }

  Result<> drop_range(std::uint32_t range) override {
    dropped_.oldest.store(range + 1, std::memory_order_relaxed);
    if (one_family_) return {};
    rocksdb::ColumnFamilyHandle* family = ranges_.at(range);
    ranges_.erase(range);
    const auto status = database_->DropColumnFamily(family);
    if (!status.ok()) return failed("drop", status);
    database_->DestroyColumnFamilyHandle(family);
    return {};
  }

  Result<std::optional<JoinFound>> find(const JoinKey& key) override {
    // A batch cannot be read from: what it holds is kept beside it.
    if (const auto at = pending_.find(key); at != pending_.end()) {
      return JoinFound{.range = at->second.range, .row = at->second.row};
    }
    if (one_family_) {
      auto found = find_in(default_family_, key);
      if (found && *found && (*found)->range < dropped_.oldest) found->reset();
      return found;
    }
    for (auto at = ranges_.rbegin(); at != ranges_.rend(); ++at) {
      auto found = find_in(at->second, key);
      if (!found || *found) return found;
    }
    return std::nullopt;
  }

  Result<> insert(std::uint32_t range, const JoinKey& key, const JoinRow& row) override {
    return put(family_of(range), range, key, row);
  }

  Result<> replace(const JoinFound& found, const JoinKey& key, const JoinRow& row) override {
    return put(family_of(found.range), found.range, key, row);
  }

  Result<> commit() override {
    rocksdb::WriteOptions durable;
    durable.sync = true;
    const auto status = database_->Write(durable, &batch_);
    if (!status.ok()) return failed("write", status);
    batch_.Clear();
    pending_.clear();
    return {};
  }

  Result<> rollback() override {
    batch_.Clear();
    pending_.clear();
    // After a failed write RocksDB takes no more until it is told to try.
    const auto status = database_->Resume();
    // Busy: it is at it by itself, and the next write will tell.
    if (!status.ok() && !status.IsBusy()) return failed("resume", status);
    return {};
  }

 private:
  rocksdb::ColumnFamilyHandle* family_of(std::uint32_t range) {
    return one_family_ ? default_family_ : ranges_.at(range);
  }

  // Memtables, indexes, filters and blocks share one budget of `cache_bytes`.
  void tune(rocksdb::DBOptions& settings, std::size_t cache_bytes) {
    const auto cache = rocksdb::NewLRUCache(cache_bytes);
    settings.write_buffer_manager =
        std::make_shared<rocksdb::WriteBufferManager>(cache_bytes / 2, cache);
    settings.max_total_wal_size = cache_bytes;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.cache_index_and_filter_blocks = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
    family_settings_.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    // Also what must be free before it takes writes again after the disk was full.
    family_settings_.write_buffer_size = cache_bytes / 8;
    family_settings_.compression = rocksdb::kNoCompression;
    family_settings_.memtable_whole_key_filtering = true;
    family_settings_.memtable_prefix_bloom_size_ratio = 0.1;
    if (one_family_) family_settings_.compaction_filter = &dropped_;
  }

  Result<std::optional<JoinFound>> find_in(rocksdb::ColumnFamilyHandle* family,
                                           const JoinKey& key) {
    value_.Reset();
    const auto status = database_->Get(rocksdb::ReadOptions(), family, slice_of(key), &value_);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return failed("get", status);
    if (value_.size() != kStoredBytes) return fail(ErrorCode::corrupted, "a row of another size");
    JoinFound found{.range = range_in(value_)};
    std::memcpy(&found.row, value_.data(), sizeof found.row);
    return found;
  }

  Result<> put(rocksdb::ColumnFamilyHandle* family, std::uint32_t range, const JoinKey& key,
               const JoinRow& row) {
    const StoredRow stored{.row = row, .range = range};
    const auto status =
        batch_.Put(family, slice_of(key),
                   rocksdb::Slice(reinterpret_cast<const char*>(&stored), kStoredBytes));
    if (!status.ok()) return failed("put", status);
    pending_.insert_or_assign(key, stored);
    return {};
  }

  bool one_family_;
  DroppedRanges dropped_;
  rocksdb::ColumnFamilyOptions family_settings_;
  std::unique_ptr<rocksdb::DB> database_;
  rocksdb::ColumnFamilyHandle* default_family_ = nullptr;
  std::map<std::uint32_t, rocksdb::ColumnFamilyHandle*> ranges_;
  rocksdb::WriteBatch batch_;
  std::unordered_map<JoinKey, StoredRow, KeyHash> pending_;
  rocksdb::PinnableSlice value_;
};

}  // namespace

JoinStoreResult open_rocksdb_store(const JoinStoreOptions& options, bool one_family) {
  auto store = std::make_unique<RocksdbStore>(one_family);
  if (auto opened = store->open(options); !opened) return std::unexpected(opened.error());
  return store;
}

}  // namespace driftd
