#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "config/load.h"
#include "daemon/commands.h"
#include "daemon/exit_codes.h"
#include "daemon/replay.h"
#include "daemon/report_writer.h"
#include "daemon/tuning/command_tuning.h"

namespace driftd {

int command_replay(const ReplayCommandOptions& options) {
  const auto config = load_config(options.config, {options.overrides, true});
  if (!config) {
    fmt::print(stderr, "{}", to_text(config.error()));
    return kExitConfig;
  }
  if (options.compares()) return command_tuning(*config, options);
  const File out = options.out.empty() ? File(stdout) : open_report(options.out);
  if (!out) return kExitIo;
  ReportWriter writer(out.get());
  const Result<ReplaySummary> summary =
      replay(*config, {options.predictions, options.labels, options.speed}, writer);
  writer.clear_progress();
  if (!summary) {
    fmt::print(stderr, "driftd: {}\n", summary.error().message);
    return exit_code_of(summary.error().code);
  }
  writer.write(*summary);
  say_if_empty(*summary, options.predictions);
  writer.say(options.out.empty() ? stderr : stdout, *summary);
  return writer.failed() ? kExitIo : kExitOk;
}

}  // namespace driftd
