#include "state/page_checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <cstring>

namespace driftd {
namespace {

using Checksum = std::array<std::byte, kPageChecksumBytes>;

[[nodiscard]] Checksum checksum_of(PageBytes page, std::uint64_t number) {
  const std::uint64_t hash =
      XXH3_64bits_withSeed(page.data(), kPageSize - kPageChecksumBytes, number);
  Checksum bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(hash >> (8 * i));
  return bytes;
}

}  // namespace

void write_page_checksum(std::span<std::byte, kPageSize> page, std::uint64_t number) {
  const Checksum checksum = checksum_of(page, number);
  std::memcpy(page.last<kPageChecksumBytes>().data(), checksum.data(), checksum.size());
}

bool is_page_whole(PageBytes page, std::uint64_t number) {
  const Checksum checksum = checksum_of(page, number);
  return std::memcmp(page.last<kPageChecksumBytes>().data(), checksum.data(), checksum.size()) == 0;
}

}  // namespace driftd
