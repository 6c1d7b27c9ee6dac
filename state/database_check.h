// Whether the files of a state database are what was written to them.
//
// `check_before_open` is quick, for every start: the first page, the size, the log. What else is
// damaged is found by the file layer (checked_vfs.h) when it is read. `verify_database_file` reads
// every page. Thread rule: nobody writes to the files meanwhile (the state directory's lock).
// Allocation rule: a page at a time; of damaged pages at most kMaxDamagedRanges ranges are listed.
// Failure rule: an Error where the files cannot be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace driftd {

inline constexpr std::size_t kMaxDamagedRanges = 1'000;

struct PageRange {
  std::uint64_t first = 0;  // from 1
  std::uint64_t last = 0;
};

struct DatabaseFileCheck {
  std::uint64_t pages = 0;
  std::uint64_t damaged_pages = 0;
  std::vector<PageRange> damaged;  // the first kMaxDamagedRanges of them, rising
  std::string problem;             // of the file as a whole or of its log; empty: none

  [[nodiscard]] bool is_whole() const { return damaged_pages == 0 && problem.empty(); }
};

// `path` is the main file's, state.db. A database that does not exist yet is fine. The error is
// `corrupted`, or `incompatible` where the pages have no checksums (format 1).
[[nodiscard]] Result<> check_before_open(const std::string& path);

// Told now and then how many of how many bytes have been read.
using CheckProgress = std::function<void(std::uint64_t done, std::uint64_t all)>;

[[nodiscard]] Result<DatabaseFileCheck> verify_database_file(const std::string& path,
                                                             const CheckProgress& progress = {});

// What every report of damage says: where, what, and what to do about it.
[[nodiscard]] Error damage_error(std::string_view path, std::string_view what);
[[nodiscard]] std::string describe_page(std::uint64_t number);
[[nodiscard]] std::string describe_pages(std::uint64_t first, std::uint64_t last);

}  // namespace driftd
