#include "state/database_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "state/file_reader.h"
#include "state/page_checksum.h"
#include "state/write_ahead_log.h"

namespace driftd {
namespace {

// https://www.sqlite.org/fileformat2.html#the_database_header
constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kPageCountAt = 28;
// The page with the bytes that SQLite locks is never written (the "lock-byte page").
constexpr std::uint64_t kLockPage = (1ULL << 30) / kPageSize + 1;

constexpr std::uint64_t kPagesPerProgress = 4'096;

using Page = std::array<std::byte, kPageSize>;

[[nodiscard]] std::uint64_t page_count_of(const Page& first) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < 4; ++i)
    count = count << 8 | std::to_integer<std::uint64_t>(first[kPageCountAt + i]);
  return count;
}

// A database of format 1 left no bytes for checksums. One of ours whose byte was damaged has the
// right checksum as soon as the byte is put back.
[[nodiscard]] bool is_without_checksums(Page first) {
  if (std::memcmp(first.data(), kMagic.data(), kMagic.size()) != 0) return false;
  if (first[kReservedBytesAt] != std::byte{0}) return false;
  first[kReservedBytesAt] = static_cast<std::byte>(kPageChecksumBytes);
  return !is_page_whole(first, 1);
}

// What the files say before any other page is read.
struct Beginning {
  bool has_checksums = true;
  std::string problem;
  LogCheck log;
};

[[nodiscard]] std::string size_problem(const Page& first, std::uint64_t size) {
  const std::uint64_t expected = page_count_of(first) * kPageSize;
  if (size == expected) return {};
  return fmt::format("it is {} bytes long instead of {}: it was {}", size, expected,
                     size < expected ? "cut off" : "made longer");
}

[[nodiscard]] Result<Beginning> read_beginning(const std::string& path, const FileReader& file) {
  Beginning beginning;
  const std::string log_path = path + "-wal";
  if (file.size() == 0) {
    const Result<FileReader> log = FileReader::open(log_path);
    if (!log) return std::unexpected(log.error());
    if (file.exists() || log->size() > 0)
      beginning.problem = file.exists() ? "it is empty" : "it is gone, but its log (-wal) is there";
    return beginning;
  }
  Page first = {};
  const std::size_t size = std::min<std::uint64_t>(file.size(), kPageSize);
  if (auto read = file.read(0, std::span(first).first(size)); !read)
    return std::unexpected(read.error());
  if (is_without_checksums(first)) {
    beginning.has_checksums = false;
    return beginning;
  }
  const bool is_whole = is_page_whole(first, 1);
  auto log = check_log(log_path, is_whole ? std::optional(commit_number_of(first)) : std::nullopt);
  if (!log) return std::unexpected(log.error());
  beginning.log = std::move(*log);
  const bool is_in_log = std::ranges::binary_search(beginning.log.pages, 1U);
  if (!beginning.log.damage.empty()) {
    beginning.problem = fmt::format("its log {}: {}", log_path, beginning.log.damage);
  } else if (!is_whole && !is_in_log) {
    // A power failure may tear pages that are being copied from the log, but then the log has them.
    beginning.problem = describe_page(1);
  } else if (beginning.log.pages.empty()) {
    beginning.problem = size_problem(first, file.size());
  }
  return beginning;
}

void add_damaged(DatabaseFileCheck& check, std::uint64_t number) {
  ++check.damaged_pages;
  if (!check.damaged.empty() && check.damaged.back().last + 1 == number) {
    check.damaged.back().last = number;
  } else if (check.damaged.size() < kMaxDamagedRanges) {
    check.damaged.push_back({number, number});
  }
}

[[nodiscard]] Error without_checksums(const std::string& path) {
  return {ErrorCode::incompatible,
          fmt::format("the state database {} has format 1, whose pages have no checksums: use the "
                      "driftd that made it, or begin anew with another [daemon] state_dir",
                      path)};
}

}  // namespace

Result<> check_before_open(const std::string& path) {
  const Result<FileReader> file = FileReader::open(path);
  if (!file) return std::unexpected(file.error());
  const Result<Beginning> beginning = read_beginning(path, *file);
  if (!beginning) return std::unexpected(beginning.error());
  if (!beginning->has_checksums) return std::unexpected(without_checksums(path));
  if (!beginning->problem.empty()) return std::unexpected(damage_error(path, beginning->problem));
  return {};
}

Result<DatabaseFileCheck> verify_database_file(const std::string& path,
                                               const CheckProgress& progress) {
  const Result<FileReader> file = FileReader::open(path);
  if (!file) return std::unexpected(file.error());
  if (!file->exists())
    return fail(ErrorCode::not_found, fmt::format("there is no state database {}", path));
  Result<Beginning> beginning = read_beginning(path, *file);
  if (!beginning) return std::unexpected(beginning.error());
  if (!beginning->has_checksums) return std::unexpected(without_checksums(path));
  DatabaseFileCheck check;
  check.problem = std::move(beginning->problem);
  check.pages = file->size() / kPageSize;
  Page page;
  for (std::uint64_t number = 1; number <= check.pages; ++number) {
    if (auto read = file->read((number - 1) * kPageSize, page); !read)
      return std::unexpected(read.error());
    // What the log has is read from there, and a power failure may have torn it here.
    if (number != kLockPage && !is_page_whole(page, number) &&
        !std::ranges::binary_search(beginning->log.pages, number))
      add_damaged(check, number);
    if (progress && number % kPagesPerProgress == 0) progress(number * kPageSize, file->size());
  }
  return check;
}

std::string describe_page(std::uint64_t number) {
  return fmt::format("page {} (bytes {} to {}) is damaged", number, (number - 1) * kPageSize,
                     number * kPageSize - 1);
}

std::string describe_pages(std::uint64_t first, std::uint64_t last) {
  if (first == last) return describe_page(first);
  return fmt::format("pages {} to {} (bytes {} to {}) are damaged", first, last,
                     (first - 1) * kPageSize, last * kPageSize - 1);
}

Error damage_error(std::string_view path, std::string_view what) {
  return {ErrorCode::corrupted,
          fmt::format("the state database {}: {}, or another program wrote to it: put a copy back, "
                      "or begin anew with another [daemon] state_dir",
                      path, what)};
}

}  // namespace driftd
