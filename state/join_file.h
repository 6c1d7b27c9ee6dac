// The bytes of a label join's file, for those who write it (join_log.h) and those who only read it
// (join_scan.h): a header, then rows of one size, each followed by its checksum.
//
// Described in docs/formats/state.md. Pure functions; nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "windows/join_rows.h"

namespace driftd {

struct JoinFileHeader {
  char magic[8];
  std::uint64_t row_bytes;  // without the checksum
  std::uint64_t first;      // the number of its first row
  std::uint64_t checksum;   // of what stands before it
};
static_assert(sizeof(JoinFileHeader) == 32);

inline constexpr std::size_t kJoinChecksumBytes = sizeof(std::uint64_t);

[[nodiscard]] JoinFileHeader make_join_header(RowNumber first, std::size_t row_bytes);
// Seeded with the row's number, so that a row in another's place is found, too.
[[nodiscard]] std::uint64_t join_row_checksum(RowNumber number, std::span<const std::byte> row);
[[nodiscard]] std::filesystem::path join_file_path(const std::filesystem::path& folder,
                                                   RowNumber first);

inline constexpr const char* kJoinDamagedHelp =
    "put a copy of the state directory back, or give [daemon] state_dir a new folder to begin anew";

}  // namespace driftd
