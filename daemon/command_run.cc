#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>
#include <limits>

#include "config/load.h"
#include "daemon/commands.h"
#include "daemon/daemon.h"
#include "daemon/exit_codes.h"
#include "daemon/logging.h"
#include "daemon/stop_flag.h"

namespace driftd {
namespace {

// librdkafka allocates and frees fetches of some megabytes; by default glibc maps and unmaps each,
// which costs a third of a microsecond of system time per message (measured, see bench/README.md).
void keep_large_blocks() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc takes
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace

int command_run(const RunOptions& options) {
  const auto config = load_config(options.config, {options.overrides, false});
  if (!config) {
    fmt::print(stderr, "{}", to_text(config.error()));
    return kExitConfig;
  }
  keep_large_blocks();
  set_up_logging(config->daemon.log_level, config->daemon.log_format);
  const std::atomic<bool>& stop = stop_on_signals();
  Daemon daemon(*config);
  if (const Result<> started = daemon.start(); !started) {
    spdlog::error("{}", started.error().message);
    return exit_code_of(started.error().code);
  }
  daemon.run(stop);
  daemon.stop();
  return kExitOk;
}

}  // namespace driftd
