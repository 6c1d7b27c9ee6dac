// Programs that a test starts: driftd itself, and short commands.
//
// Thread rule: one thread. Allocation rule: may allocate. Failure rule: what cannot be started
// throws, which ends the test; a process that still runs when its object goes is killed, and the
// kernel kills it, too, when the test itself dies.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace driftd {

// Asks again and again until `holds` or the time is over; whether it came to hold.
[[nodiscard]] bool wait_until(std::chrono::milliseconds limit, const std::function<bool()>& holds);

[[nodiscard]] std::string read_text(const std::filesystem::path& file);
void write_text(const std::filesystem::path& file, const std::string& text);

// A TCP port of 127.0.0.1 that nobody listens on, and the next one neither.
[[nodiscard]] int free_port();

class Process {
 public:
  using Environment = std::map<std::string, std::string>;

  // Both outputs are appended to `log`; `environment` is added to the test's own.
  Process(const std::vector<std::string>& command, const std::filesystem::path& log,
          const Environment& environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const;
  // The exit status, or 128 + the signal that ended it; nothing if it still runs after `limit`.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit);

 private:
  pid_t pid_ = 0;
  std::optional<int> status_;
};

struct CommandResult {
  int status = 0;
  std::string output;  // both of them
};
// Runs a command to its end; one that is not done in `limit` is killed and has status -1.
[[nodiscard]] CommandResult run_command(const std::vector<std::string>& command,
                                        std::chrono::milliseconds limit,
                                        const Process::Environment& environment = {});

}  // namespace driftd
