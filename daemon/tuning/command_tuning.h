// `driftd replay` where it compares policies.
//
// Thread rule: one thread. Failure rule: an exit code of exit_codes.h, and what is wrong on
// standard error.
#pragma once

#include "config/config.h"
#include "daemon/commands.h"

namespace driftd {

// `config` is what `options` name. The comparison goes to standard output, as text or as JSON; the
// report lines of the configuration's own rules only to a file.
[[nodiscard]] int command_tuning(const Config& config, const ReplayCommandOptions& options);

}  // namespace driftd
