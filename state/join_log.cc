#include "state/join_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/check.h"
#include "state/fault_points.h"
#include "state/join_file.h"

namespace driftd {
namespace {

// Segments are read at a start in pieces of about this size.
constexpr std::size_t kReadBytes = 1 << 20;

[[nodiscard]] std::string system_text() {
  return std::error_code(errno, std::generic_category()).message();
}

[[nodiscard]] bool write_all(int file, const std::byte* bytes, std::size_t size,
                             std::uint64_t position) {
  while (size > 0) {
    const ssize_t done = ::pwrite(file, bytes, size, static_cast<off_t>(position));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes += done;
    size -= static_cast<std::size_t>(done);
    position += static_cast<std::uint64_t>(done);
  }
  return true;
}

// False too where the file ends before; errno is 0 then.
[[nodiscard]] bool read_all(int file, std::byte* bytes, std::size_t size, std::uint64_t position) {
  while (size > 0) {
    errno = 0;
    const ssize_t done = ::pread(file, bytes, size, static_cast<off_t>(position));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes += done;
    size -= static_cast<std::size_t>(done);
    position += static_cast<std::uint64_t>(done);
  }
  return true;
}

// A test may let what follows fail here, or end the process.
[[nodiscard]] bool goes_on(FaultPoint point) {
  const int failure = fault(point);
  if (failure != 0) errno = failure;
  return failure == 0;
}

}  // namespace

JoinLog::JoinLog(std::filesystem::path folder, std::size_t row_bytes)
    : folder_(std::move(folder)),
      row_bytes_(row_bytes),
      stored_bytes_(row_bytes + kJoinChecksumBytes),
      scratch_(stored_bytes_) {}

JoinLog::~JoinLog() {
  for (const Segment& segment : segments_) {
    if (segment.file >= 0) ::close(segment.file);
  }
  for (const Segment& segment : dropped_) {
    if (segment.file >= 0) ::close(segment.file);
  }
}

std::string JoinLog::path_of(RowNumber first) const {
  return join_file_path(folder_, first).string();
}

std::string JoinLog::place_of(RowNumber number) const {
  const Segment& segment = segment_of(number);
  return fmt::format("{}, row {} at byte {}", path_of(segment.first), number,
                     position_of(segment, number));
}

Error JoinLog::error(RowNumber first, const char* doing) const {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  return {ErrorCode::io,
          fmt::format("the label join's file {}: cannot {} it: {}{}", path_of(first), doing,
                      system_text(), full ? ": free some space; driftd goes on by itself" : "")};
}

std::uint64_t JoinLog::checksum(RowNumber number, const std::byte* row) const {
  return join_row_checksum(number, {row, row_bytes_});
}

std::uint64_t JoinLog::position_of(const Segment& segment, RowNumber number) const {
  return sizeof(JoinFileHeader) + (number - segment.first) * stored_bytes_;
}

const JoinLog::Segment& JoinLog::segment_of(RowNumber number) const {
  const auto after =
      std::upper_bound(segments_.begin(), segments_.end(), number,
                       [](RowNumber wanted, const Segment& s) { return wanted < s.first; });
  DRIFTD_CHECK(after != segments_.begin());
  return *std::prev(after);
}

// --- At a start

Result<std::unique_ptr<JoinLog>> JoinLog::open(const std::filesystem::path& folder,
                                               std::size_t row_bytes,
                                               std::span<const JoinSegment> stored) {
  std::unique_ptr<JoinLog> log(new JoinLog(folder, row_bytes));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return fail(ErrorCode::io, fmt::format("the folder {} of the label join cannot be made: {}",
                                           folder.string(), error.message()));
  }
  if (auto done = log->open_stored(stored); !done) return std::unexpected(done.error());
  if (auto done = log->remove_others(); !done) return std::unexpected(done.error());
  log->recent_first_ = log->written_ = log->synced_ = log->next_;
  log->has_new_files_ = true;
  return log;
}

Result<> JoinLog::open_stored(std::span<const JoinSegment> stored) {
  for (const JoinSegment& segment : stored) {
    const std::string path = path_of(segment.first);
    const auto damaged = [&](std::string_view what) {
      return fail(ErrorCode::corrupted,
                  fmt::format("the label join's file {} {}: {}", path, what, kJoinDamagedHelp));
    };
    if (!segments_.empty() && segment.first != next_) return damaged("does not follow the others");
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0 && errno == ENOENT) return damaged("is missing");
    if (file < 0) return std::unexpected(error(segment.first, "open"));
    segments_.push_back({segment.first, file});
    next_ = segment.first + segment.rows;
    JoinFileHeader header{};
    const JoinFileHeader expected = make_join_header(segment.first, row_bytes_);
    if (!read_all(file, reinterpret_cast<std::byte*>(&header), sizeof(header), 0))
      return damaged("is too short");
    if (std::memcmp(&header, &expected, sizeof(header)) != 0)
      return damaged("does not begin as it should");
    struct stat status{};
    const std::uint64_t size = position_of(segments_.back(), next_);
    if (::fstat(file, &status) != 0) return std::unexpected(error(segment.first, "look at"));
    if (static_cast<std::uint64_t>(status.st_size) < size) return damaged("is too short");
    // What follows is of a checkpoint that never was.
    if (static_cast<std::uint64_t>(status.st_size) > size &&
        ::ftruncate(file, static_cast<off_t>(size)) != 0) {
      return std::unexpected(error(segment.first, "shorten"));
    }
  }
  return {};
}

Result<> JoinLog::remove_others() const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const bool is_stored = std::ranges::any_of(segments_, [&](const Segment& segment) {
      return entry.path().string() == path_of(segment.first);
    });
    if (entry.path().extension() == ".rows" && !is_stored)
      std::filesystem::remove(entry.path(), error);
    if (error) break;
  }
  if (!error) return {};
  return fail(ErrorCode::io, fmt::format("the folder {} of the label join cannot be tidied: {}",
                                         folder_.string(), error.message()));
}

Result<> JoinLog::read_segment(const JoinSegment& stored, const Take& take) const {
  const Segment& segment = segment_of(stored.first);
  const RowNumber end = stored.first + stored.rows;
  std::vector<std::byte> bytes(std::max<std::size_t>(1, kReadBytes / stored_bytes_) *
                               stored_bytes_);
  for (RowNumber number = stored.first; number < end;) {
    const auto rows = std::min<std::uint64_t>(end - number, bytes.size() / stored_bytes_);
    if (!read_all(segment.file, bytes.data(), rows * stored_bytes_, position_of(segment, number)))
      return std::unexpected(error(segment.first, "read"));
    for (std::uint64_t i = 0; i < rows; ++i, ++number) {
      const std::byte* const row = bytes.data() + i * stored_bytes_;
      std::uint64_t found = 0;
      std::memcpy(&found, row + row_bytes_, sizeof(found));
      if (found == checksum(number, row) && take(number, {row, row_bytes_})) continue;
      return fail(ErrorCode::corrupted, fmt::format("the label join's file {} is damaged: {}",
                                                    place_of(number), kJoinDamagedHelp));
    }
  }
  return {};
}

// --- While it runs

void JoinLog::append(std::span<const std::byte> row) {
  DRIFTD_CHECK(row.size() == row_bytes_ && !segments_.empty());
  const std::uint64_t sum = checksum(next_, row.data());
  const auto* const sum_bytes = reinterpret_cast<const std::byte*>(&sum);
  recent_.insert(recent_.end(), row.begin(), row.end());
  recent_.insert(recent_.end(), sum_bytes, sum_bytes + sizeof(sum));
  ++next_;
}

bool JoinLog::read(RowNumber number, std::span<std::byte> row) const {
  if (number >= recent_first_) {
    const std::byte* const from = recent_.data() + (number - recent_first_) * stored_bytes_;
    std::copy_n(from, row_bytes_, row.begin());
    return true;
  }
  const Segment& segment = segment_of(number);
  std::byte* const bytes = scratch_.data();
  if (!read_all(segment.file, bytes, stored_bytes_, position_of(segment, number))) return false;
  std::uint64_t found = 0;
  std::memcpy(&found, bytes + row_bytes_, sizeof(found));
  if (found != checksum(number, bytes)) return false;
  std::copy_n(bytes, row_bytes_, row.begin());
  return true;
}

void JoinLog::begin_segment() { segments_.push_back({next_, -1}); }

void JoinLog::drop_first_segment() {
  dropped_.push_back(segments_.front());
  segments_.pop_front();
}

Result<> JoinLog::create(Segment& segment) {
  const std::string path = path_of(segment.first);
  if (!goes_on(FaultPoint::join_segment_begin))
    return std::unexpected(error(segment.first, "make"));
  segment.file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (segment.file < 0) return std::unexpected(error(segment.first, "make"));
  has_new_files_ = true;
  return {};
}

Result<> JoinLog::write() {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    Segment& segment = segments_[i];
    const RowNumber end = i + 1 < segments_.size() ? segments_[i + 1].first : next_;
    const RowNumber from = std::max(written_, segment.first);
    if (from >= end) continue;
    if (segment.file < 0) {
      if (auto done = create(segment); !done) return done;
    }
    if (from == segment.first || rewrites_headers_) {
      const JoinFileHeader header = make_join_header(segment.first, row_bytes_);
      if (!write_all(segment.file, reinterpret_cast<const std::byte*>(&header), sizeof(header), 0))
        return std::unexpected(error(segment.first, "write"));
    }
    const std::byte* const bytes = recent_.data() + (from - recent_first_) * stored_bytes_;
    if (!goes_on(FaultPoint::join_log_write) ||
        !write_all(segment.file, bytes, (end - from) * stored_bytes_, position_of(segment, from)))
      return std::unexpected(error(segment.first, "write"));
    written_ = end;
    to_sync_.push_back(segment);
  }
  written_ = next_;
  return {};
}

Result<> JoinLog::sync_folder() {
  const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = folder >= 0 && ::fsync(folder) == 0;
  const int failed = errno;
  if (folder >= 0) ::close(folder);
  errno = failed;
  if (done) return {};
  return fail(ErrorCode::io, fmt::format("the folder {} of the label join cannot be synced: {}",
                                         folder_.string(), system_text()));
}

Result<> JoinLog::sync() {
  const RowNumber until = written_;
  for (const Segment& segment : to_sync_) {
    if (goes_on(FaultPoint::join_log_sync) && ::fdatasync(segment.file) == 0) continue;
    const Error failed = error(segment.first, "sync");
    written_ = std::max(recent_first_, synced_);
    rewrites_headers_ = true;
    return std::unexpected(failed);
  }
  if (has_new_files_) {
    if (auto done = sync_folder(); !done) return done;
    has_new_files_ = false;
  }
  to_sync_.clear();
  rewrites_headers_ = false;
  synced_ = until;
  return {};
}

void JoinLog::commit() {
  const RowNumber until = std::max(synced_, recent_first_);
  const auto rows = static_cast<std::ptrdiff_t>((until - recent_first_) * stored_bytes_);
  recent_.erase(recent_.begin(), recent_.begin() + rows);
  recent_first_ = until;
  for (std::size_t i = 0; i < dropped_before_; ++i) {
    if (dropped_[i].file < 0) continue;
    ::close(dropped_[i].file);
    ::unlink(path_of(dropped_[i].first).c_str());
    [[maybe_unused]] const int nothing_to_fail = fault(FaultPoint::join_segment_removed);
  }
  dropped_.erase(dropped_.begin(), dropped_.begin() + static_cast<std::ptrdiff_t>(dropped_before_));
  dropped_before_ = 0;
}

Result<> recall_rows(LabelJoin& join, const JoinLog& log, std::span<const JoinSegment> stored) {
  for (const JoinSegment& segment : stored) {
    join.begin_stored_segment(segment);
    const auto take = [&](RowNumber number, std::span<const std::byte> row) {
      return join.recall(number, row);
    };
    if (auto read = log.read_segment(segment, take); !read) return read;
  }
  return {};
}

std::filesystem::path join_folder(const std::filesystem::path& state_dir, std::string_view model) {
  std::string name;
  for (const char byte : model) {
    const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
    name +=
        is_plain ? std::string(1, byte) : fmt::format("%{:02X}", static_cast<unsigned char>(byte));
  }
  return state_dir / "join" / name;
}

}  // namespace driftd
