// Signatures of webhook messages by the Standard Webhooks specification (standardwebhooks.com).
//
// A message is signed with HMAC-SHA256 over `id.timestamp.body`; a secret is base64, with or
// without the prefix `whsec_`. Thread rule: pure functions. Allocation rule: may allocate. Failure
// rule: a secret that is not base64 is `invalid_config`; `verify` is false for whatever is not
// right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"

namespace driftd {

// How far the timestamp of a message may lie from the receiver's clock, so that an old one cannot
// be sent again.
inline constexpr std::int64_t kSignatureToleranceSeconds = 5 * 60;

// The key in a secret as it is written in the configuration.
[[nodiscard]] Result<std::string> decode_webhook_secret(std::string_view secret);

// The value of the header webhook-signature, "v1,<base64>"; `timestamp` is in seconds.
[[nodiscard]] std::string sign_webhook(std::string_view key, std::string_view id,
                                       std::int64_t timestamp, std::string_view body);

// Whether one of the signatures in `header` (separated by spaces) fits, in time that does not tell
// how much of it does.
[[nodiscard]] bool verify_webhook(std::string_view key, std::string_view id, std::int64_t timestamp,
                                  std::string_view body, std::string_view header, TimeMs now);

}  // namespace driftd
