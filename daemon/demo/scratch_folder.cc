#include "daemon/demo/scratch_folder.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace driftd {

Result<ScratchFolder> ScratchFolder::make() {
  std::error_code error;
  std::string path = std::filesystem::temp_directory_path(error).string() + "/driftd-demo-XXXXXX";
  if (error || ::mkdtemp(path.data()) == nullptr) {
    return fail(ErrorCode::io,
                fmt::format("no temporary folder can be made ({}): {}; set TMPDIR to "
                            "a folder that may be written",
                            path, error ? error.message() : std::strerror(errno)));
  }
  return ScratchFolder(std::move(path));
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

ScratchFolder::~ScratchFolder() {
  std::error_code error;
  if (!path_.empty()) std::filesystem::remove_all(path_, error);
}

}  // namespace driftd
