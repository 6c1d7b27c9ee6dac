// The daemon's log goes to a file while the demo owns the terminal.
//
// Thread rule: one owner. Failure rule: where the file cannot be written the log stays where it
// was.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace spdlog {
class logger;
}

namespace driftd {

class LogFile {
 public:
  explicit LogFile(std::string path);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  // The last lines that tell of trouble, for a demo that did not go as it should.
  [[nodiscard]] std::vector<std::string> troubles() const;

 private:
  const std::string path_;
  std::shared_ptr<spdlog::logger> before_;
};

}  // namespace driftd
