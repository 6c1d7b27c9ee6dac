// Where a webhook goes: its URL in parts, and which addresses it may lead to.
//
// A webhook must not become a way into the network behind driftd (server-side request forgery): a
// host name may not resolve to a loopback, private, link-local or otherwise special address unless
// the configuration allows it. Thread rule: pure functions. Allocation rule: may allocate. Failure
// rule: `invalid_config` with what is wrong.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace driftd {

struct WebhookEndpoint {
  bool tls = false;
  std::string host;  // without brackets
  std::string port;
  std::string target;  // path and query, beginning with a slash
};

[[nodiscard]] Result<WebhookEndpoint> parse_webhook_url(std::string_view url);

// "host" or "host:port", as the header Host and messages have it; never the path, which may hold a
// token.
[[nodiscard]] std::string authority(const WebhookEndpoint& endpoint);

[[nodiscard]] bool is_address_literal(std::string_view host);

// Whether the owner has plainly written what the host is: an address, or localhost.
[[nodiscard]] bool names_its_address(const WebhookEndpoint& endpoint);

// Whether an address (IPv4 or IPv6 as text) belongs to the public internet. What is not an address
// does not.
[[nodiscard]] bool is_public_address(std::string_view address);

}  // namespace driftd
