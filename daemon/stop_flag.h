// SIGTERM and SIGINT as a flag that loops look at.
#pragma once

#include <atomic>

namespace driftd {

// Installs the handlers (and ignores SIGPIPE: a peer that hangs up is an error of that connection).
// The second SIGINT or SIGTERM ends the process at once, for a person who does not want to wait.
[[nodiscard]] const std::atomic<bool>& stop_on_signals();

}  // namespace driftd
