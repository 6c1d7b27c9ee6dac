#include "state/write_ahead_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "state/file_reader.h"
#include "state/page_checksum.h"

namespace driftd {
namespace {

// https://www.sqlite.org/fileformat2.html#walformat
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;
constexpr std::size_t kFrameBytes = kFrameHeaderBytes + kPageSize;
constexpr std::size_t kChecksummedHeaderBytes = 24;      // of the log's header
constexpr std::size_t kChecksummedFrameHeaderBytes = 8;  // of a frame's header
constexpr std::uint32_t kMagic = 0x377F0682;             // the lowest bit: big-endian checksums
constexpr std::uint32_t kVersion = 3'007'000;
constexpr std::size_t kUserVersionAt = 60;  // in page 1

using Bytes = std::span<const std::byte>;

[[nodiscard]] std::uint32_t word(Bytes bytes, std::size_t at, bool big_endian = true) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto byte = std::to_integer<std::uint32_t>(bytes[at + i]);
    value |= byte << (8 * (big_endian ? 3 - i : i));
  }
  return value;
}

// Each checksum goes on from the one before it.
struct LogChecksum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool big_endian = false;

  void add(Bytes bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      first += word(bytes, at, big_endian) + second;
      second += word(bytes, at + 4, big_endian) + first;
    }
  }
  [[nodiscard]] bool is(Bytes bytes, std::size_t at) const {
    return word(bytes, at) == first && word(bytes, at + 4) == second;
  }
};

[[nodiscard]] std::int32_t distance(CommitNumber from, CommitNumber to) {
  return static_cast<std::int32_t>(to - from);
}

// How far beyond `number` a power failure may have left torn transactions: the next one, and before
// it a seal, which is not flushed by itself.
[[nodiscard]] std::int32_t torn_at_most(CommitNumber number) { return is_sealed(number) ? 1 : 2; }

class LogScan {
 public:
  LogScan(Bytes header, std::optional<CommitNumber> in_main_file) : in_main_file_(in_main_file) {
    checksum_.big_endian = (word(header, 0) & 1) != 0;
    checksum_.add(header.first(kChecksummedHeaderBytes));
    is_header_whole_ = (word(header, 0) & ~1U) == kMagic && word(header, 4) == kVersion &&
                       word(header, 8) == kPageSize && checksum_.is(header, 24);
    std::memcpy(salts_.data(), header.data() + 16, salts_.size());
  }
  [[nodiscard]] bool is_header_whole() const { return is_header_whole_; }

  void take(Bytes frame, std::uint64_t at) {
    // Frames of an earlier turn of the log stay behind its end; their salts are other ones.
    const bool is_of_this_turn = std::memcmp(frame.data() + 8, salts_.data(), salts_.size()) == 0;
    const std::uint32_t page = word(frame, 0);
    if (!first_bad_ && is_of_this_turn && page != 0 && is_next(frame)) {
      add(frame, page);
      return;
    }
    if (!first_bad_) first_bad_ = at;
    if (is_of_this_turn && page == 1 && !may_be_torn(commit_number_of(frame.subspan(24))))
      is_lost_ = true;
  }

  [[nodiscard]] LogCheck finish() && {
    if (is_lost_ && first_bad_) {
      whole_.damage = fmt::format("its frame at bytes {} to {} is damaged", *first_bad_,
                                  *first_bad_ + kFrameBytes - 1);
    } else if (whole_.number && in_main_file_ && is_main_file_ahead()) {
      whole_.damage = "it ends before a transaction that the main file has already";
    }
    std::ranges::sort(whole_.pages);
    const auto rest = std::ranges::unique(whole_.pages);
    whole_.pages.erase(rest.begin(), rest.end());
    return std::move(whole_);
  }

 private:
  [[nodiscard]] bool is_next(Bytes frame) {
    LogChecksum next = checksum_;
    next.add(frame.first(kChecksummedFrameHeaderBytes));
    next.add(frame.subspan(kFrameHeaderBytes));
    if (!next.is(frame, 16)) return false;
    checksum_ = next;
    return true;
  }
  void add(Bytes frame, std::uint32_t page) {
    begun_pages_.push_back(page);
    if (page == 1) begun_number_ = commit_number_of(frame.subspan(kFrameHeaderBytes));
    if (word(frame, 4) == 0) return;  // not the last frame of its transaction
    whole_.pages.insert(whole_.pages.end(), begun_pages_.begin(), begun_pages_.end());
    begun_pages_.clear();
    if (begun_number_) whole_.number = begun_number_;
  }
  // Whether a page 1 behind the end of what is whole may be left from a transaction that was torn
  // or taken back. Where nothing is whole, the log had just begun anew behind what the main file
  // has: then nothing in it is older.
  [[nodiscard]] bool may_be_torn(CommitNumber number) const {
    const std::optional<CommitNumber> last = whole_.number ? whole_.number : in_main_file_;
    if (!last) return true;
    const std::int32_t beyond = distance(*last, number);
    return beyond <= torn_at_most(*last) && (whole_.number || beyond > 0);
  }
  // The log was copied when it held more than it does now. A seal alone may go: it changes page 1
  // only, which the transaction that it seals has, too.
  [[nodiscard]] bool is_main_file_ahead() const {
    return distance(*whole_.number, *in_main_file_) > (is_sealed(*whole_.number) ? 0 : 1);
  }

  std::optional<CommitNumber> in_main_file_;
  LogChecksum checksum_;
  bool is_header_whole_ = false;
  std::array<std::byte, 8> salts_ = {};
  LogCheck whole_;
  std::vector<std::uint64_t> begun_pages_;
  std::optional<CommitNumber> begun_number_;
  std::optional<std::uint64_t> first_bad_;
  bool is_lost_ = false;
};

}  // namespace

CommitNumber commit_number_of(std::span<const std::byte> first_page) {
  return word(first_page, kUserVersionAt);
}

Result<LogCheck> check_log(const std::string& path, std::optional<CommitNumber> in_main_file) {
  const Result<FileReader> file = FileReader::open(path);
  if (!file) return std::unexpected(file.error());
  if (file->size() < kHeaderBytes) return LogCheck{};
  std::array<std::byte, kHeaderBytes> header;
  if (auto read = file->read(0, header); !read) return std::unexpected(read.error());
  // Made longer by a write whose bytes never came.
  if (std::ranges::all_of(header, [](std::byte b) { return b == std::byte{0}; })) return LogCheck{};
  LogScan scan(header, in_main_file);
  if (!scan.is_header_whole()) {
    LogCheck damaged;
    damaged.damage = fmt::format("its header at bytes 0 to {} is damaged", kHeaderBytes - 1);
    return damaged;
  }
  std::array<std::byte, kFrameBytes> frame;
  for (std::uint64_t at = kHeaderBytes; at + kFrameBytes <= file->size(); at += kFrameBytes) {
    if (auto read = file->read(at, frame); !read) return std::unexpected(read.error());
    scan.take(frame, at);
  }
  return std::move(scan).finish();
}

}  // namespace driftd
