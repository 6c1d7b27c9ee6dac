// Operating errors as values: one closed enum of codes plus a message that says what, where and
// what to do.
//
// No exception crosses a room: each .cc that calls a throwing library catches there and returns an
// Error.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace driftd {

enum class ErrorCode : std::uint8_t {
  invalid_config,     // the configuration file cannot be used as it is
  invalid_reference,  // a reference file cannot be read or has no usable rows
  invalid_argument,   // a value handed over by a caller or a user is out of range
  not_found,          // a file, topic, table or name does not exist
  io,                 // reading or writing a file failed
  corrupted,          // stored bytes are not what was written
  incompatible,       // stored state belongs to another version or configuration
  unavailable,        // a broker, database or endpoint does not answer now; a retry may help
  rejected,           // the other side answered and said no; a retry does not help
  closed,             // the component is shutting down
};

[[nodiscard]] const char* to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::invalid_argument;
  std::string message;
};

template <typename T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected<Error>(Error{code, std::move(message)});
}

}  // namespace driftd
