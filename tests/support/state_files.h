// A state directory as bytes in memory, to be damaged and put back.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace driftd {

[[nodiscard]] inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  ASSERT_TRUE(file.flush()) << path;
}

// What a crash leaves: the main file and its log. SQLite makes the -shm file anew.
struct StateFiles {
  std::string main;
  std::string log;

  [[nodiscard]] static StateFiles of(const std::filesystem::path& folder) {
    return {read_file(folder / "state.db"), read_file(folder / "state.db-wal")};
  }
  void put(const std::filesystem::path& folder) const {
    std::filesystem::create_directories(folder);
    std::filesystem::remove(folder / "state.db-shm");
    write_file(folder / "state.db", main);
    write_file(folder / "state.db-wal", log);
  }
};

// A folder that is gone at the end of the test; in memory where the system has such a place.
class MemoryFolder {
 public:
  MemoryFolder() {
    std::error_code error;
    const std::filesystem::path memory = "/dev/shm";
    const bool has_memory = std::filesystem::is_directory(memory, error);
    std::string pattern =
        (has_memory ? memory : std::filesystem::temp_directory_path()) / "driftd-state-XXXXXX";
    const char* made = ::mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr) << pattern;
    path_ = pattern;
  }
  ~MemoryFolder() { std::filesystem::remove_all(path_); }
  MemoryFolder(const MemoryFolder&) = delete;
  MemoryFolder& operator=(const MemoryFolder&) = delete;

  [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace driftd
