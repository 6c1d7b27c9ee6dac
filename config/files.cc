#include "config/files.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace driftd {

namespace fs = std::filesystem;

std::string folder_of(const std::string& file) {
  std::error_code error;
  const fs::path absolute = fs::absolute(file, error);
  return (error ? fs::path(file) : absolute).parent_path().string();
}

std::string resolve_path(const std::string& folder, const std::string& path) {
  return (fs::path(folder) / path).lexically_normal().string();
}

std::optional<std::string> why_unreadable(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error) return error.message();
  if (fs::is_directory(status)) return "it is a folder";
  // Opening a pipe would wait for a writer, so anything but a plain file is turned down unopened.
  if (!fs::is_regular_file(status)) return "it is not a plain file";
  errno = 0;
  if (!std::ifstream(path, std::ios::binary)) return std::generic_category().message(errno);
  return std::nullopt;
}

std::expected<std::string, std::string> read_text_file(const std::string& path) {
  if (auto reason = why_unreadable(path)) return std::unexpected(std::move(*reason));
  std::ifstream file(path, std::ios::binary);
  std::string text(kLargestText + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return std::unexpected(std::string("reading it failed"));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kLargestText) {
    return std::unexpected("it is larger than " + std::to_string(kLargestText) + " bytes");
  }
  return text;
}

}  // namespace driftd
