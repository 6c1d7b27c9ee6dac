#include "core/result.h"

namespace driftd {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_config: return "invalid_config";
    case ErrorCode::invalid_reference: return "invalid_reference";
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::io: return "io";
    case ErrorCode::corrupted: return "corrupted";
    case ErrorCode::incompatible: return "incompatible";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::rejected: return "rejected";
    case ErrorCode::closed: return "closed";
  }
  return "unknown";
}

}  // namespace driftd
