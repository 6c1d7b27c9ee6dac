#include "config/network.h"

#include <algorithm>
#include <charconv>

namespace driftd {
namespace {

[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return port;
}

[[nodiscard]] bool is_host_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

// An IPv6 address may hold colons, and a zone behind a percent sign.
[[nodiscard]] bool is_ipv6_letter(char c) { return is_host_letter(c) || c == ':' || c == '%'; }

struct HostAndPort {
  std::string_view host;
  std::string_view port;  // empty where there is none
  bool has_port = false;
};

[[nodiscard]] std::expected<HostAndPort, std::string> split_host(std::string_view text) {
  HostAndPort split;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::unexpected("the `[` is not closed");
    split.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
    if (!std::ranges::all_of(split.host, is_ipv6_letter))
      return std::unexpected("the host has odd characters");
    if (!rest.empty() && rest.front() != ':')
      return std::unexpected("behind the `]` comes `:` and a port");
  } else {
    const std::size_t colon = text.find(':');
    split.host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    if (rest.find(':', 1) != std::string_view::npos) {
      return std::unexpected("an IPv6 address goes into brackets, as in [::1]:9464");
    }
    if (!std::ranges::all_of(split.host, is_host_letter))
      return std::unexpected("the host has odd characters");
  }
  if (split.host.empty()) return std::unexpected("there is no host in it");
  split.has_port = !rest.empty();
  if (split.has_port) split.port = rest.substr(1);
  return split;
}

[[nodiscard]] std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      const char* const end = text.data() + i + 3;
      if (std::from_chars(text.data() + i + 1, end, value, 16).ptr == end) {
        decoded += static_cast<char>(value);
        i += 2;
        continue;
      }
    }
    decoded += text[i];
  }
  return decoded;
}

}  // namespace

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text) {
  const auto split = split_host(text);
  if (!split) return std::unexpected(split.error());
  const auto port = parse_port(split->port);
  if (!port) return std::unexpected("it must end in a colon and a port from 0 to 65535");
  return Endpoint{std::string(split->host), *port};
}

std::optional<std::string> why_no_http_url(std::string_view url) {
  if (std::ranges::any_of(
          url, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; })) {
    return "there is a space or a control character in it";
  }
  if (url.starts_with("https://")) {
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return "it must begin with https:// or http://";
  }
  const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) {
    return "it must not carry a user name or password";
  }
  const auto split = split_host(authority);
  if (!split) return split.error();
  const auto port = split->has_port ? parse_port(split->port) : std::optional<std::uint16_t>(80);
  if (!port || *port == 0) return "its port must be from 1 to 65535";
  return std::nullopt;
}

std::expected<DatabaseUrl, std::string> parse_postgres_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos ||
      (url.substr(0, scheme) != "postgresql" && url.substr(0, scheme) != "postgres")) {
    return std::unexpected("it must begin with postgresql:// or sqlite:");
  }
  const std::size_t begin = scheme + 3;
  const std::string_view authority = url.substr(begin, url.find_first_of("/?", begin) - begin);
  const std::string_view query = url.substr(std::min(url.find('?', begin), url.size()));
  if (query.find("?password=") != std::string_view::npos ||
      query.find("&password=") != std::string_view::npos) {
    return std::unexpected("the password must not be a parameter of it");
  }
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return DatabaseUrl{std::string(url), {}};
  const std::string_view user = authority.substr(0, at);
  const std::size_t colon = user.find(':');
  if (colon == std::string_view::npos) return DatabaseUrl{std::string(url), {}};
  DatabaseUrl result{std::string(url.substr(0, begin + colon)),
                     percent_decoded(user.substr(colon + 1))};
  result.location += url.substr(begin + at);
  return result;
}

}  // namespace driftd
