// `driftd run` as a process of its own, seen from outside: signals, HTTP, log.
//
// Thread rule: one thread. Allocation rule: may allocate. Failure rule: waits are bounded and say
// whether what they wait for came; a process that still runs is killed with its object.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "tests/support/http_client.h"
#include "tests/support/process.h"

namespace driftd {

class DriftdProcess {
 public:
  // Starts at once. The configuration must listen on `port`; the log is appended to `log`.
  DriftdProcess(const std::filesystem::path& config, int port, const std::filesystem::path& log);

  [[nodiscard]] HttpAnswer get(const std::string& target) const { return http_get(port_, target); }
  [[nodiscard]] double metric(const std::string& name, const std::string& labels = {}) const {
    return metric_sum(get("/metrics").body, name, labels);
  }
  // Whether /-/ready says 200 within `limit`; false as soon as the process has ended.
  [[nodiscard]] bool is_ready_within(std::chrono::milliseconds limit);
  // Whether a metric's sum comes to be at least `value`.
  [[nodiscard]] bool reaches(const std::string& name, double value,
                             std::chrono::milliseconds limit) const;

  // SIGTERM: the exit status, or nothing when 20 s were not enough.
  [[nodiscard]] std::optional<int> stop();
  // SIGKILL, as a crash is.
  void kill();
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit) {
    return process_.wait(limit);
  }

 private:
  const int port_;
  Process process_;
};

}  // namespace driftd
