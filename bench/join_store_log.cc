#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <deque>
#include <vector>

#include "bench/join_store.h"

namespace driftd {
namespace {

struct Record {
  std::uint32_t checksum = 0;  // of what follows
  std::uint32_t range = 0;
  JoinKey key;
  JoinRow row;
};
static_assert(sizeof(Record) == 88);

std::uint32_t checksum_of(const Record& record) {
  constexpr std::size_t kSkipped = sizeof record.checksum;
  return static_cast<std::uint32_t>(XXH3_64bits(
      reinterpret_cast<const unsigned char*>(&record) + kSkipped, sizeof record - kSkipped));
}

// An index entry: 20 bits of the key, 16 of the range, 28 of the row's number in its file plus one.
// 0 is an empty entry.
constexpr unsigned kNumberBits = 28;
constexpr unsigned kRangeBits = 16;
constexpr std::uint64_t kRangeMask = (std::uint64_t{1} << kRangeBits) - 1;
constexpr std::uint64_t kNumberMask = (std::uint64_t{1} << kNumberBits) - 1;
constexpr std::uint64_t tag_of(const JoinKey& key) {
  return key.high >> (kNumberBits + kRangeBits) << (kNumberBits + kRangeBits);
}
constexpr std::uint64_t kTagMask = ~((std::uint64_t{1} << (kNumberBits + kRangeBits)) - 1);

// Rows that a file collects before they are written: 64 KiB.
constexpr std::size_t kRowsPerWrite = 744;
constexpr std::size_t kMaxRanges = 64;

// How many rows of each file are committed. Written in turn to one of two places of the file, so
// that the other is whole whenever a write is cut short. The product has this in its transaction.
struct Positions {
  std::uint64_t checksum = 0;  // of what follows
  std::uint64_t sequence = 0;
  std::uint32_t first_range = 0;
  std::uint32_t ranges = 0;
  std::array<std::uint64_t, kMaxRanges> rows{};
};
constexpr off_t kPositionsApart = 4'096;
static_assert(sizeof(Positions) <= kPositionsApart);

std::uint64_t checksum_of(const Positions& positions) {
  constexpr std::size_t kSkipped = sizeof positions.checksum;
  return XXH3_64bits(reinterpret_cast<const unsigned char*>(&positions) + kSkipped,
                     sizeof positions - kSkipped);
}

std::unexpected<Error> failed(const char* what) {
  return fail(ErrorCode::io, std::string(what) + ": " + std::strerror(errno));
}

class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

bool write_all(int file, const void* data, std::size_t size, off_t offset) {
  const char* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::pwrite(file, bytes, size, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes += written;
    offset += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

bool read_all(int file, void* data, std::size_t size, off_t offset) {
  char* bytes = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::pread(file, bytes, size, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = ENODATA;
    if (got <= 0) return false;
    bytes += got;
    offset += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

struct RangeFile {
  File file;
  std::uint64_t written = 0;  // rows
  bool changed = false;       // since the last commit
  std::vector<Record> tail;   // rows that are not written yet
};

class LogStore final : public JoinStore {
 public:
  explicit LogStore(const JoinStoreOptions& options)
      : folder_(options.folder), expected_rows_(options.rows) {}

  // Reads every committed row. What a crash has left behind the committed rows is cut off.
  Result<> load() {
    files_.clear();
    dropped_.clear();
    if (auto read = read_positions(); !read) return read;
    first_range_ = positions_.first_range;
    for (std::uint32_t i = 0; i < positions_.ranges; ++i) {
      RangeFile made;
      made.written = positions_.rows[i];
      made.file = File(::open(path_of(first_range_ + i).c_str(), O_RDWR | O_CLOEXEC));
      if (made.file.get() < 0) return failed("open");
      if (::ftruncate(made.file.get(), offset_of(made.written)) != 0) return failed("truncate");
      files_.push_back(std::move(made));
    }
    return build_index();
  }

  Result<> begin_range(std::uint32_t range) override {
    if (files_.empty()) first_range_ = range;
    if (files_.size() == kMaxRanges) return fail(ErrorCode::invalid_argument, "too many ranges");
    RangeFile made;
    made.file = File(::open(path_of(range).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    const File directory(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (made.file.get() < 0 || directory.get() < 0) return failed("create");
    if (::fsync(directory.get()) != 0) return failed("sync");
    made.changed = true;
    made.tail.reserve(kRowsPerWrite);
    files_.push_back(std::move(made));
    return {};
  }

  // The file goes when the positions without it are durable.
  Result<> drop_range(std::uint32_t range) override {
    dropped_.push_back(path_of(range));
    files_.pop_front();
    ++first_range_;
    sweep();
    return {};
  }

  Result<std::optional<JoinFound>> find(const JoinKey& key) override {
    const std::uint64_t tag = tag_of(key);
    for (std::size_t at = home_of(key); index_[at] != 0; at = (at + 1) & mask_) {
      const std::uint64_t entry = index_[at];
      if ((entry & kTagMask) != tag || !is_live(entry)) continue;
      Record record;
      if (auto got = read(entry, record); !got) return std::unexpected(got.error());
      if (record.key == key) {
        return JoinFound{.range = record.range, .place = at, .row = record.row};
      }
    }
    return std::nullopt;
  }

  Result<> insert(std::uint32_t range, const JoinKey& key, const JoinRow& row) override {
    // A rebuilt index has at most half of its entries in use: this happens seldom.
    if (used_ * 4 >= index_.size() * 3) {
      for (RangeFile& file : files_) {
        if (auto written = write_tail(file); !written) return written;
      }
      if (auto built = build_index(); !built) return built;
    }
    const auto entry = append(range, key, row);
    if (!entry) return std::unexpected(entry.error());
    place(key, *entry);
    return {};
  }

  Result<> replace(const JoinFound& found, const JoinKey& key, const JoinRow& row) override {
    const auto entry = append(found.range, key, row);
    if (!entry) return std::unexpected(entry.error());
    index_[found.place] = *entry;
    return {};
  }

  Result<> commit() override {
    Positions next{.sequence = positions_.sequence + 1,
                   .first_range = first_range_,
                   .ranges = static_cast<std::uint32_t>(files_.size())};
    for (std::size_t i = 0; i < files_.size(); ++i) {
      RangeFile& file = files_[i];
      if (auto written = write_tail(file); !written) return written;
      if (file.changed && ::fdatasync(file.file.get()) != 0) return failed("sync");
      next.rows[i] = file.written;
    }
    next.checksum = checksum_of(next);
    const auto place = static_cast<off_t>(next.sequence % 2) * kPositionsApart;
    if (!write_all(positions_file_.get(), &next, sizeof next, place)) return failed("write");
    if (::fdatasync(positions_file_.get()) != 0) return failed("sync");
    positions_ = next;
    for (RangeFile& file : files_) file.changed = false;
    for (const std::string& path : dropped_) ::unlink(path.c_str());
    dropped_.clear();
    return {};
  }

  Result<> rollback() override { return load(); }

 private:
  static off_t offset_of(std::uint64_t row) { return static_cast<off_t>(row * sizeof(Record)); }
  [[nodiscard]] std::string path_of(std::uint32_t range) const {
    return folder_ + "/range-" + std::to_string(range);
  }
  [[nodiscard]] std::size_t home_of(const JoinKey& key) const { return key.low & mask_; }
  // How far the entry's file is behind the oldest; beyond files_ when the file has been dropped.
  [[nodiscard]] std::size_t file_of(std::uint64_t entry) const {
    return ((entry >> kNumberBits) - first_range_) & kRangeMask;
  }
  [[nodiscard]] bool is_live(std::uint64_t entry) const { return file_of(entry) < files_.size(); }

  Result<> read_positions() {
    if (positions_file_.get() < 0) {
      positions_file_ =
          File(::open((folder_ + "/positions").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
      if (positions_file_.get() < 0) return failed("open");
    }
    positions_ = {};
    for (off_t place = 0; place <= kPositionsApart; place += kPositionsApart) {
      Positions read;
      if (!read_all(positions_file_.get(), &read, sizeof read, place)) {
        if (errno == ENODATA) continue;  // not written yet
        return failed("read");
      }
      if (read.checksum == checksum_of(read) && read.sequence > positions_.sequence) {
        positions_ = read;
      }
    }
    return {};
  }

  Result<std::uint64_t> append(std::uint32_t range, const JoinKey& key, const JoinRow& row) {
    RangeFile& file = files_[range - first_range_];
    const std::uint64_t number = file.written + file.tail.size();
    if (number >= kNumberMask) return fail(ErrorCode::io, "the file of a range is full");
    Record& record = file.tail.emplace_back(Record{.range = range, .key = key, .row = row});
    record.checksum = checksum_of(record);
    if (file.tail.size() == kRowsPerWrite) {
      if (auto written = write_tail(file); !written) return std::unexpected(written.error());
    }
    return tag_of(key) | (range & kRangeMask) << kNumberBits | (number + 1);
  }

  Result<> write_tail(RangeFile& file) {
    if (file.tail.empty()) return {};
    file.changed = true;
    if (!write_all(file.file.get(), file.tail.data(), file.tail.size() * sizeof(Record),
                   offset_of(file.written))) {
      return failed("write");
    }
    file.written += file.tail.size();
    file.tail.clear();
    return {};
  }

  Result<> read(std::uint64_t entry, Record& record) {
    const RangeFile& file = files_[file_of(entry)];
    const std::uint64_t number = (entry & kNumberMask) - 1;
    if (number >= file.written) {
      record = file.tail[number - file.written];
      return {};
    }
    if (!read_all(file.file.get(), &record, sizeof record, offset_of(number))) {
      return failed("read");
    }
    if (record.checksum != checksum_of(record)) {
      return fail(ErrorCode::corrupted, "a row's checksum is wrong");
    }
    return {};
  }

  void place(const JoinKey& key, std::uint64_t entry) {
    std::size_t at = home_of(key);
    while (index_[at] != 0 && is_live(index_[at])) at = (at + 1) & mask_;
    used_ += index_[at] == 0 ? 1 : 0;
    index_[at] = entry;
  }

  // Entries of a dropped file end no search and are overwritten by inserts; those that an empty
  // entry follows are emptied here, as nothing can lie behind them.
  void sweep() {
    for (std::size_t at = index_.size(); at-- > 0;) {
      if (index_[at] != 0 && !is_live(index_[at]) && index_[(at + 1) & mask_] == 0) {
        index_[at] = 0;
        --used_;
      }
    }
  }

  Result<> build_index() {
    std::uint64_t rows = expected_rows_;
    std::uint64_t stored = 0;
    for (const RangeFile& file : files_) stored += file.written;
    if (rows == 0) rows = stored;
    std::size_t size = 1'024;
    while (size * 3 < (rows + rows / 8) * 4) size *= 2;
    index_.assign(size, 0);
    mask_ = size - 1;
    used_ = 0;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (auto indexed = index_file(i); !indexed) return indexed;
      if (used_ * 4 >= index_.size() * 3) {
        expected_rows_ = index_.size();
        return build_index();
      }
    }
    return {};
  }

  // All revisions of a row are in one file, and the last one counts.
  Result<> index_file(std::size_t position) {
    const RangeFile& file = files_[position];
    std::vector<Record> records(file.written);
    if (!read_all(file.file.get(), records.data(), records.size() * sizeof(Record), 0)) {
      return failed("read");
    }
    const std::uint64_t range = (first_range_ + position) & kRangeMask;
    for (std::size_t number = 0; number < records.size(); ++number) {
      const Record& record = records[number];
      if (record.checksum != checksum_of(record)) {
        return fail(ErrorCode::corrupted, "a row's checksum is wrong");
      }
      const std::uint64_t of_file = tag_of(record.key) | range << kNumberBits;
      std::size_t at = home_of(record.key);
      for (; index_[at] != 0; at = (at + 1) & mask_) {
        const std::uint64_t entry = index_[at];
        if ((entry & ~kNumberMask) == of_file &&
            records[(entry & kNumberMask) - 1].key == record.key) {
          break;
        }
      }
      used_ += index_[at] == 0 ? 1 : 0;
      index_[at] = of_file | (number + 1);
    }
    return {};
  }

  std::string folder_;
  std::uint64_t expected_rows_;
  std::uint32_t first_range_ = 0;  // of files_
  std::deque<RangeFile> files_;
  std::vector<std::string> dropped_;
  File positions_file_;
  Positions positions_;
  std::vector<std::uint64_t> index_;
  std::size_t mask_ = 0;
  std::size_t used_ = 0;  // entries that are not empty
};

}  // namespace

JoinStoreResult open_log_store(const JoinStoreOptions& options) {
  auto store = std::make_unique<LogStore>(options);
  if (auto loaded = store->load(); !loaded) return std::unexpected(loaded.error());
  return store;
}

}  // namespace driftd
