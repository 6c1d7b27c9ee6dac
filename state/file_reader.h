// Reads a file at given places, for the checks of the state database.
//
// Thread rule: one thread at a time. Allocation rule: allocates nothing but its path. Failure rule:
// an Error with the path and the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/result.h"

namespace driftd {

class FileReader {
 public:
  // A file that does not exist is one of no bytes, and `exists` is false.
  [[nodiscard]] static Result<FileReader> open(const std::string& path);
  ~FileReader();
  FileReader(FileReader&& other) noexcept;
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  [[nodiscard]] bool exists() const { return file_ >= 0; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // Fills `to`; the caller asks for nothing behind `size`.
  [[nodiscard]] Result<> read(std::uint64_t from, std::span<std::byte> to) const;

 private:
  explicit FileReader(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] std::unexpected<Error> failed(int error) const;

  std::string path_;
  int file_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace driftd
