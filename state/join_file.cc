#include "state/join_file.h"

#include <fmt/format.h>

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace driftd {
namespace {

constexpr char kMagic[8] = {'d', 'r', 'i', 'f', 't', 'd', 'J', '1'};

}  // namespace

JoinFileHeader make_join_header(RowNumber first, std::size_t row_bytes) {
  JoinFileHeader header{};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.row_bytes = row_bytes;
  header.first = first;
  header.checksum = XXH3_64bits(&header, offsetof(JoinFileHeader, checksum));
  return header;
}

std::uint64_t join_row_checksum(RowNumber number, std::span<const std::byte> row) {
  return XXH3_64bits_withSeed(row.data(), row.size(), number);
}

std::filesystem::path join_file_path(const std::filesystem::path& folder, RowNumber first) {
  return folder / fmt::format("{:016x}.rows", first);
}

}  // namespace driftd
