// Finds damage in SQLite's write-ahead log (-wal) that SQLite itself passes over.
//
// Every frame of the log has a checksum, and SQLite ends reading at the first that is wrong, as it
// must after a power failure: the last transaction may be torn. But a damaged frame in the midst of
// what was durable ends it there too, and then an older state is taken for the newest, or, where
// the log had been copied to the main file already, pages of two states are mixed. The two cases
// can be told apart by the commit number (StateStore): page 1 is part of every transaction, holds
// its number, and the log is never copied before a further small transaction, the seal, is in it.
// Thread rule: pure; nobody writes to the log meanwhile. Allocation rule: a frame at a time, and
// the numbers of its pages. Failure rule: an Error where it cannot be read; damage is a value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace driftd {

// Commit numbers: a checkpoint has an odd one, its seal the even one after it. They wrap around.
using CommitNumber = std::uint32_t;

[[nodiscard]] constexpr bool is_sealed(CommitNumber number) { return number % 2 == 0; }

// Of the bytes of a page 1: SQLite's `user_version`.
[[nodiscard]] CommitNumber commit_number_of(std::span<const std::byte> first_page);

struct LogCheck {
  std::string damage;                  // empty: none
  std::vector<std::uint64_t> pages;    // in whole transactions; sorted, each once
  std::optional<CommitNumber> number;  // of the last of them
};

// `in_main_file`: the commit number of the main file's page 1; empty where that page is not whole.
[[nodiscard]] Result<LogCheck> check_log(const std::string& path,
                                         std::optional<CommitNumber> in_main_file);

}  // namespace driftd
