// Addresses as the configuration writes them: host:port and URLs.
//
// Pure functions; any thread; allocate. A wrong text gives the reason, as the end of a sentence.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace driftd {

struct Endpoint {
  std::string host;  // without the brackets of an IPv6 address
  std::uint16_t port = 0;
};

// "127.0.0.1:9464", "[::1]:9464", "localhost:0".
[[nodiscard]] std::expected<Endpoint, std::string> parse_endpoint(std::string_view text);
// Empty where `url` is an http or https URL that a webhook can be sent to.
[[nodiscard]] std::optional<std::string> why_no_http_url(std::string_view url);

struct DatabaseUrl {
  std::string location;  // without the password
  std::string password;
};
// "postgresql://user:password@host:5432/database?sslmode=require"; all behind the scheme may be
// left out.
[[nodiscard]] std::expected<DatabaseUrl, std::string> parse_postgres_url(std::string_view url);

}  // namespace driftd
