#include "daemon/stop_flag.h"

#include <csignal>

namespace driftd {
namespace {

std::atomic<bool> stop_requested{false};

void handle(int number) {
  stop_requested = true;
  std::signal(number, SIG_DFL);
}

}  // namespace

const std::atomic<bool>& stop_on_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  // This version has no reload; a SIGHUP that is meant as one must not end the process.
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGTERM, handle);
  std::signal(SIGINT, handle);
  return stop_requested;
}

}  // namespace driftd
