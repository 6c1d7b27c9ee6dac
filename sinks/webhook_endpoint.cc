#include "sinks/webhook_endpoint.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace driftd {
namespace {

using Ipv6Bytes = std::array<std::uint8_t, 16>;

struct Prefix {
  const char* network;  // as IPv6; IPv4 networks are written as mapped ones
  unsigned bits;
};

// The special-purpose registries of IANA for IPv4 and IPv6 (RFC 6890 and its updates), and
// multicast.
constexpr Prefix kSpecial[] = {
    {"::ffff:0.0.0.0", 96 + 8},        // this network
    {"::ffff:10.0.0.0", 96 + 8},       // private
    {"::ffff:100.64.0.0", 96 + 10},    // carrier-grade NAT
    {"::ffff:127.0.0.0", 96 + 8},      // loopback
    {"::ffff:169.254.0.0", 96 + 16},   // link-local; the clouds' metadata services
    {"::ffff:172.16.0.0", 96 + 12},    // private
    {"::ffff:192.0.0.0", 96 + 24},     // protocol assignments
    {"::ffff:192.0.2.0", 96 + 24},     // documentation
    {"::ffff:192.168.0.0", 96 + 16},   // private
    {"::ffff:198.18.0.0", 96 + 15},    // benchmarks
    {"::ffff:198.51.100.0", 96 + 24},  // documentation
    {"::ffff:203.0.113.0", 96 + 24},   // documentation
    {"::ffff:224.0.0.0", 96 + 4},      // multicast
    {"::ffff:240.0.0.0", 96 + 4},      // reserved, broadcast
    {"::", 96},                        // unspecified, loopback, IPv4-compatible
    {"64:ff9b:1::", 48},               // local translation to IPv4
    {"100::", 64},                     // discarded
    {"2001:db8::", 32},                // documentation
    {"fc00::", 7},                     // private
    {"fe80::", 10},                    // link-local
    {"fec0::", 10},                    // site-local, deprecated
    {"ff00::", 8},                     // multicast
};

std::optional<Ipv6Bytes> bytes_of(const std::string& address) {
  Ipv6Bytes bytes{};
  if (inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return bytes;
  if (inet_pton(AF_INET6, ("::ffff:" + address).c_str(), bytes.data()) == 1) return bytes;
  return std::nullopt;
}

bool is_in(const Ipv6Bytes& address, const Prefix& prefix) {
  const Ipv6Bytes network = *bytes_of(prefix.network);
  for (unsigned bit = 0; bit < prefix.bits; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    if (((address[bit / 8] ^ network[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

// The IPv4 address that an IPv6 one stands for, by NAT64 (RFC 6052) or 6to4 (RFC 3056), as a mapped
// one.
std::optional<Ipv6Bytes> embedded(const Ipv6Bytes& address) {
  std::size_t begin = 0;
  if (is_in(address, {"64:ff9b::", 96})) begin = 12;
  if (is_in(address, {"2002::", 16})) begin = 2;
  if (begin == 0) return std::nullopt;
  Ipv6Bytes mapped{};
  mapped[10] = mapped[11] = 0xFF;
  std::copy_n(address.begin() + static_cast<std::ptrdiff_t>(begin), 4, mapped.begin() + 12);
  return mapped;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

std::unexpected<Error> bad_url(std::string_view what) {
  return fail(ErrorCode::invalid_config, fmt::format("the webhook's url {}", what));
}

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 1 &&
         number <= 65'535;
}

}  // namespace

Result<WebhookEndpoint> parse_webhook_url(std::string_view url) {
  const bool printable = std::ranges::all_of(url, [](char c) { return c > ' ' && c < '\x7F'; });
  if (!printable) return bad_url("has spaces or other characters that must be percent-encoded");
  WebhookEndpoint endpoint;
  const auto scheme_end = url.find("://");
  const std::string scheme = lower(url.substr(0, scheme_end));
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return bad_url("must begin with https:// or http://");
  }
  endpoint.tls = scheme == "https";
  url.remove_prefix(scheme_end + 3);
  url = url.substr(0, url.find('#'));
  const auto authority_end = std::min(url.find_first_of("/?"), url.size());
  std::string_view host = url.substr(0, authority_end);
  const std::string_view target = url.substr(authority_end);
  endpoint.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  if (host.contains('@')) return bad_url("holds a user name; put a token into its path instead");

  const auto port_colon = host.rfind(':');
  const auto bracket = host.rfind(']');
  const bool has_port = port_colon != std::string_view::npos &&
                        (bracket == std::string_view::npos || port_colon > bracket);
  endpoint.port = endpoint.tls ? "443" : "80";
  if (has_port) {
    endpoint.port = host.substr(port_colon + 1);
    host = host.substr(0, port_colon);
    if (!is_port(endpoint.port)) return bad_url("has a port that is not between 1 and 65535");
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) return bad_url("has no host");
  endpoint.host = lower(host);
  return endpoint;
}

std::string authority(const WebhookEndpoint& endpoint) {
  const bool ipv6 = endpoint.host.contains(':');
  const bool default_port = endpoint.port == (endpoint.tls ? "443" : "80");
  return fmt::format("{}{}{}{}{}", ipv6 ? "[" : "", endpoint.host, ipv6 ? "]" : "",
                     default_port ? "" : ":", default_port ? "" : endpoint.port);
}

bool is_address_literal(std::string_view host) { return bytes_of(std::string(host)).has_value(); }

bool names_its_address(const WebhookEndpoint& endpoint) {
  return endpoint.host == "localhost" || is_address_literal(endpoint.host);
}

bool is_public_address(std::string_view address) {
  const auto bytes = bytes_of(std::string(address));
  if (!bytes) return false;
  const Ipv6Bytes judged = embedded(*bytes).value_or(*bytes);
  return std::ranges::none_of(kSpecial,
                              [&](const Prefix& prefix) { return is_in(judged, prefix); });
}

}  // namespace driftd
