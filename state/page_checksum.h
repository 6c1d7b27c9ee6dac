// The checksum in the last eight bytes of every page of the state database.
//
// XXH3 (64 bits, little-endian) over the page's other bytes, seeded with the page's number, so that
// two pages that changed places are found, too. Thread rule, allocation rule: pure functions,
// nothing is allocated. Failure rule: a page is whole or it is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace driftd {

// Fixed, so that no damaged header can say otherwise.
inline constexpr std::size_t kPageSize = 4096;
inline constexpr std::size_t kPageChecksumBytes = 8;
// Where in page 1 SQLite's header says how many bytes at the end of a page it leaves alone.
inline constexpr std::size_t kReservedBytesAt = 20;

using PageBytes = std::span<const std::byte, kPageSize>;

void write_page_checksum(std::span<std::byte, kPageSize> page, std::uint64_t number);
[[nodiscard]] bool is_page_whole(PageBytes page, std::uint64_t number);

}  // namespace driftd
