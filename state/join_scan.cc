#include "state/join_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "state/file_reader.h"
#include "state/join_file.h"

namespace driftd {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::size_t kScoreBytes = sizeof(double);
// More classes than a model may have; a header says nothing larger.
constexpr std::size_t kMaxRowBytes = sizeof(LabelJoin::Row) + 4'096 * kScoreBytes;

[[nodiscard]] bool is_row_size(std::uint64_t bytes) {
  return bytes >= sizeof(LabelJoin::Row) && bytes <= kMaxRowBytes &&
         (bytes - sizeof(LabelJoin::Row)) % kScoreBytes == 0;
}

class SegmentScan {
 public:
  SegmentScan(std::string path, const JoinSegment& segment, const JoinScan& to)
      : path_(std::move(path)), segment_(segment), to_(to) {}

  [[nodiscard]] bool run() {
    const Result<FileReader> file = FileReader::open(path_);
    if (!file) return to_.problem(file.error());
    if (!file->exists()) return damaged("is missing");
    JoinFileHeader header{};
    if (file->size() < sizeof(header)) return damaged("is too short: it has no header");
    if (auto read = file->read(0, std::as_writable_bytes(std::span(&header, 1))); !read)
      return to_.problem(read.error());
    const JoinFileHeader expected = make_join_header(segment_.first, header.row_bytes);
    if (!is_row_size(header.row_bytes) || std::memcmp(&header, &expected, sizeof(header)) != 0) {
      return damaged(
          fmt::format("is damaged in its header (bytes 0 to {}), so that its rows {} to "
                      "{} cannot be read",
                      sizeof(header) - 1, segment_.first, last()));
    }
    row_bytes_ = header.row_bytes;
    stored_bytes_ = row_bytes_ + kJoinChecksumBytes;
    return read_rows(*file);
  }

 private:
  [[nodiscard]] RowNumber last() const { return segment_.first + segment_.rows - 1; }
  [[nodiscard]] std::uint64_t position_of(RowNumber number) const {
    return sizeof(JoinFileHeader) + (number - segment_.first) * stored_bytes_;
  }

  [[nodiscard]] bool read_rows(const FileReader& file) {
    const std::uint64_t there =
        std::min(segment_.rows, (file.size() - sizeof(JoinFileHeader)) / stored_bytes_);
    const RowNumber end = segment_.first + there;
    std::vector<std::byte> bytes(std::max<std::size_t>(1, kReadBytes / stored_bytes_) *
                                 stored_bytes_);
    for (RowNumber number = segment_.first; number < end;) {
      const auto rows = std::min<std::uint64_t>(end - number, bytes.size() / stored_bytes_);
      const auto piece = std::span(bytes).first(rows * stored_bytes_);
      if (auto read = file.read(position_of(number), piece); !read)
        return to_.problem(read.error());
      if (to_.read) to_.read(piece.size());
      for (std::uint64_t i = 0; i < rows; ++i, ++number) {
        if (!take(number, std::span(piece).subspan(i * stored_bytes_, stored_bytes_))) return false;
      }
    }
    if (!tell_damaged_rows()) return false;
    if (there == segment_.rows) return true;
    return damaged(fmt::format("is too short: {} bytes instead of {}, its rows {} to {} are gone",
                               file.size(), position_of(segment_.first + segment_.rows), end,
                               last()));
  }

  [[nodiscard]] bool take(RowNumber number, std::span<const std::byte> bytes) {
    JoinRow row;
    row.number = number;
    const auto content = bytes.first(row_bytes_);
    std::uint64_t found = 0;
    std::memcpy(&found, bytes.data() + row_bytes_, sizeof(found));
    std::memcpy(&row.row, content.data(), sizeof(row.row));
    row.scores = content.subspan(sizeof(row.row));
    // A version before it must be before it.
    const bool is_row = found == join_row_checksum(number, content) &&
                        (row.row.previous == kNoRow || row.row.previous < number);
    if (!is_row) {
      if (damaged_rows_ == 0) first_damaged_ = number;
      ++damaged_rows_;
      return true;
    }
    return tell_damaged_rows() && to_.row(row);
  }

  // Damaged rows beside each other are one problem.
  [[nodiscard]] bool tell_damaged_rows() {
    if (damaged_rows_ == 0) return true;
    const RowNumber last = first_damaged_ + damaged_rows_ - 1;
    const std::string rows = damaged_rows_ == 1
                                 ? fmt::format("row {}", first_damaged_)
                                 : fmt::format("rows {} to {}", first_damaged_, last);
    damaged_rows_ = 0;
    ++problems_;
    if (problems_ > kMaxJoinProblems) return true;
    return damaged(fmt::format("is damaged: {} (bytes {} to {}){}", rows,
                               position_of(first_damaged_), position_of(last + 1) - 1,
                               problems_ < kMaxJoinProblems ? "" : ", and more, not listed here"));
  }

  [[nodiscard]] bool damaged(std::string_view what) {
    return to_.problem({ErrorCode::corrupted, fmt::format("the label join's file {} {}: {}", path_,
                                                          what, kJoinDamagedHelp)});
  }

  const std::string path_;
  const JoinSegment segment_;
  const JoinScan& to_;
  std::size_t row_bytes_ = 0;
  std::size_t stored_bytes_ = 0;  // with the checksum
  RowNumber first_damaged_ = 0;
  std::uint64_t damaged_rows_ = 0;  // of the run that has not been told yet
  std::size_t problems_ = 0;
};

}  // namespace

bool scan_join_segment(const std::filesystem::path& folder, const JoinSegment& segment,
                       const JoinScan& to) {
  return SegmentScan(join_file_path(folder, segment.first).string(), segment, to).run();
}

void JoinTally::add(const JoinRow& row) {
  if (count_.rows++ == 0) first_ = row.number;
  // The version before was counted if its segment is still there.
  if (row.row.previous != kNoRow && row.row.previous >= first_)
    --(row.row.label_was_first != 0 ? count_.labels : count_.predictions);
  if (row.row.predicted_at == kNoTime) {
    ++count_.labels;
  } else {
    ++(row.row.labelled_at == kNoTime ? count_.predictions : count_.joined);
  }
}

}  // namespace driftd
