// The exit codes of driftd, as documented in docs/operations.md; from BSD's sysexits.h.
#pragma once

#include "core/result.h"

namespace driftd {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // a demo in which not everything happened
inline constexpr int kExitUsage = 64;  // a wrong command line
inline constexpr int kExitUnavailable =
    69;  // a broker, database, port or state directory cannot be had now
inline constexpr int kExitInternal = 70;
inline constexpr int kExitIo = 74;      // a file cannot be read or written, or is damaged
inline constexpr int kExitConfig = 78;  // the configuration or a reference cannot be used

[[nodiscard]] constexpr int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_config:
    case ErrorCode::invalid_reference:
    case ErrorCode::invalid_argument:
    case ErrorCode::not_found:
    case ErrorCode::incompatible: return kExitConfig;
    case ErrorCode::io:
    case ErrorCode::corrupted: return kExitIo;
    case ErrorCode::unavailable:
    case ErrorCode::rejected:
    case ErrorCode::closed: return kExitUnavailable;
  }
  return kExitInternal;
}

}  // namespace driftd
