#include "bench/join_store.h"

#include <filesystem>
#include <system_error>

namespace driftd {
namespace {

// The finaliser of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
// generators", 2014): a bijection, so that two predictions never share a key.
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

}  // namespace

JoinKey join_key_of(std::uint64_t number) {
  const std::uint64_t high = mixed(number + 0x9e3779b97f4a7c15U);
  return {.high = high, .low = mixed(high + 0x9e3779b97f4a7c15U)};
}

JoinRow join_row_of(std::uint64_t number, std::uint64_t label) {
  JoinRow row;
  row.words[0] = number;
  row.words[1] = label;
  for (std::size_t i = 2; i < row.words.size(); ++i) row.words[i] = (number + label) * (i + 1);
  return row;
}

bool is_join_row_of(std::uint64_t number, const JoinRow& row) {
  return row == join_row_of(number, row.words[1]);
}

JoinStoreResult open_join_store(std::string_view name, const JoinStoreOptions& options) {
  std::error_code failed;
  std::filesystem::create_directories(options.folder, failed);
  if (failed) return fail(ErrorCode::io, options.folder + ": " + failed.message());
  if (name == "log") return open_log_store(options);
  if (name == "rocksdb") return open_rocksdb_store(options, false);
  if (name == "rocksdb_one") return open_rocksdb_store(options, true);
  if (name == "lmdb") return open_lmdb_store(options);
  if (name == "sqlite") return open_sqlite_store(options, false);
  if (name == "sqlite_arrival") return open_sqlite_store(options, true);
  return fail(ErrorCode::invalid_argument, "there is no store '" + std::string(name) + "'");
}

}  // namespace driftd
