#include "state/file_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "state/fault_points.h"

namespace driftd {

Result<FileReader> FileReader::open(const std::string& path) {
  FileReader reader(path);
  reader.file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (reader.file_ < 0) {
    if (errno == ENOENT) return reader;
    return reader.failed(errno);
  }
  struct stat found = {};
  if (::fstat(reader.file_, &found) != 0) return reader.failed(errno);
  reader.size_ = static_cast<std::uint64_t>(found.st_size);
  return reader;
}

FileReader::~FileReader() {
  if (file_ >= 0) ::close(file_);
}

FileReader::FileReader(FileReader&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)), size_(other.size_) {}

Result<> FileReader::read(std::uint64_t from, std::span<std::byte> to) const {
  if (const int error = fault(FaultPoint::database_read)) return failed(error);
  while (!to.empty()) {
    const ssize_t got = ::pread(file_, to.data(), to.size(), static_cast<off_t>(from));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(errno);
    // Somebody made it shorter since its size was asked for.
    if (got == 0) return failed(EIO);
    from += static_cast<std::uint64_t>(got);
    to = to.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

std::unexpected<Error> FileReader::failed(int error) const {
  return fail(ErrorCode::io,
              fmt::format("the state database: cannot read {} ({}): look at the disk and at the "
                          "permissions",
                          path_, std::error_code(error, std::generic_category()).message()));
}

}  // namespace driftd
