#include "tests/support/http_client.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>

namespace driftd {

HttpAnswer http_get(int port, const std::string& target) {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  std::string answer;
  // Version 1.0, so that no server answers in chunks or waits for a second request.
  const std::string request = "GET " + target + " HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n";
  if (::connect(handle, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::send(handle, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    char bytes[16'384];
    for (ssize_t count = 0; (count = ::recv(handle, bytes, sizeof bytes, 0)) > 0;) {
      answer.append(bytes, static_cast<std::size_t>(count));
    }
  }
  ::close(handle);
  const std::size_t space = answer.find(' ');
  const std::size_t head = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/") || head == std::string::npos) return {};
  return {std::atoi(answer.c_str() + space), answer.substr(head + 4)};
}

double metric_sum(std::string_view scrape, std::string_view name, std::string_view labels) {
  double sum = 0;
  while (!scrape.empty()) {
    const std::string_view line = scrape.substr(0, scrape.find('\n'));
    scrape.remove_prefix(std::min(line.size() + 1, scrape.size()));
    const bool is_ours = line.starts_with(name) && line.size() > name.size() &&
                         (line[name.size()] == ' ' || line[name.size()] == '{');
    if (!is_ours || line.find(labels) == std::string_view::npos) continue;
    sum += std::strtod(std::string(line.substr(line.rfind(' ') + 1)).c_str(), nullptr);
  }
  return sum;
}

}  // namespace driftd
