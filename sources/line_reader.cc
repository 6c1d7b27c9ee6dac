#include "sources/line_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace driftd {
namespace {

constexpr std::size_t kBufferBytes = 256 << 10;

}  // namespace

struct LineReader::Input {
  explicit Input(gzFile opened) : file(opened) {}
  ~Input() { ::gzclose(file); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  gzFile file;
};

Result<LineReader> LineReader::open(const std::string& path, std::size_t max_line_bytes) {
  const bool is_stdin = path == "-";
  const int descriptor =
      is_stdin ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const std::string name = is_stdin ? "standard input" : path;
  if (descriptor < 0) {
    const int error = errno;
    return fail(ErrorCode::io, name + ": cannot be opened (" + std::strerror(error) +
                                   "): check that the file exists and may be read");
  }
  struct stat status{};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    ::close(descriptor);
    return fail(ErrorCode::io, name + ": is a folder, not a file of events");
  }
  // gzdopen reads a file that is not gzipped as it is.
  gzFile file = ::gzdopen(descriptor, "rb");
  if (file == nullptr) {
    ::close(descriptor);
    return fail(ErrorCode::io, name + ": no memory to read it");
  }
  ::gzbuffer(file, static_cast<unsigned>(kBufferBytes));
  return LineReader(std::make_unique<Input>(file), name, max_line_bytes);
}

LineReader::LineReader(std::unique_ptr<Input> input, std::string path, std::size_t max_line_bytes)
    : input_(std::move(input)), path_(std::move(path)), max_line_bytes_(max_line_bytes) {}
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;
LineReader::~LineReader() = default;

// Reads on behind the bytes that were handed out; false at the end.
bool LineReader::fill() {
  if (at_end_) return false;
  buffer_.resize(kBufferBytes);
  used_ = 0;
  const int count = ::gzread(input_->file, buffer_.data(), static_cast<unsigned>(buffer_.size()));
  buffer_.resize(static_cast<std::size_t>(std::max(count, 0)));
  if (count > 0) return true;
  at_end_ = true;
  int code = Z_OK;
  const char* text = ::gzerror(input_->file, &code);
  if (code == Z_BUF_ERROR) {
    failed_ = Error{ErrorCode::corrupted,
                    path_ + ": the gzip file is cut short; the events before the cut were read"};
  } else if (code == Z_ERRNO) {
    failed_ = Error{ErrorCode::io, path_ + ": reading failed: " + std::strerror(errno)};
  } else if (code != Z_OK && code != Z_STREAM_END) {
    failed_ = Error{ErrorCode::corrupted, path_ + ": the gzip file is damaged: " + text};
  }
  return false;
}

// The line that ends at `end`; `pending_` holds what came before this buffer.
std::string_view LineReader::rest_of(std::size_t begin, std::size_t end) {
  const std::size_t kept =
      std::min(end - begin, max_line_bytes_ + 1 - std::min(pending_.size(), max_line_bytes_ + 1));
  if (pending_.empty()) return std::string_view(buffer_).substr(begin, kept);
  pending_.append(buffer_, begin, kept);
  return pending_;
}

std::optional<std::string_view> LineReader::next() {
  pending_.clear();
  bool begun = false;
  while (used_ < buffer_.size() || fill()) {
    const std::size_t begin = used_;
    const std::size_t end = buffer_.find('\n', begin);
    if (end != std::string::npos) {
      used_ = end + 1;
      return rest_of(begin, end);
    }
    begun = true;
    const std::size_t kept =
        std::min(buffer_.size() - begin, max_line_bytes_ + 1 - pending_.size());
    pending_.append(buffer_, begin, kept);
    used_ = buffer_.size();
  }
  // The last line may lack its line feed; one that a failure cut short is no line.
  if (begun && !failed_) return pending_;
  return std::nullopt;
}

}  // namespace driftd
