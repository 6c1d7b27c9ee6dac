#include "tests/support/driftd_process.h"

#include <csignal>

namespace driftd {

namespace {

constexpr std::chrono::seconds kStopLimit{20};
constexpr std::chrono::seconds kKillLimit{10};

}  // namespace

DriftdProcess::DriftdProcess(const std::filesystem::path& config, int port,
                             const std::filesystem::path& log)
    : port_(port), process_({DRIFTD_BINARY, "run", "--config", config.string()}, log) {}

bool DriftdProcess::is_ready_within(std::chrono::milliseconds limit) {
  bool is_ready = false;
  const bool decided = wait_until(limit, [&] {
    is_ready = get("/-/ready").status == 200;
    return is_ready || process_.wait(std::chrono::milliseconds(0)).has_value();
  });
  return decided && is_ready;
}

bool DriftdProcess::reaches(const std::string& name, double value,
                            std::chrono::milliseconds limit) const {
  return wait_until(limit, [&] { return metric(name) >= value; });
}

std::optional<int> DriftdProcess::stop() {
  process_.send(SIGTERM);
  return process_.wait(kStopLimit);
}

void DriftdProcess::kill() {
  process_.send(SIGKILL);
  (void)process_.wait(kKillLimit);
}

}  // namespace driftd
