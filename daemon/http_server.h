// A small HTTP/1.1 server for what the daemon shows of itself: GET and HEAD, keep-alive, limits.
//
// Thread rule: `start`, `stop` and the destructor belong to the owner; the handler runs on the
// server's one thread, one request at a time, so that a slow handler keeps all others waiting: it
// only looks things up, and it must not call `stop`. `port` and `turned_away` may be called from
// any thread. Allocation rule: per connection and request, bounded by the limits below. Failure
// rule: `start` returns an Error that says what to change; afterwards a bad request gets an HTTP
// status, a slow or broken connection is closed, and an exception from the handler becomes a 500.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace driftd {

struct HttpRequest {
  std::string method;  // "GET" or "HEAD"
  std::string path;    // decoded, without the query
  // Decoded; of a repeated name the first value.
  std::map<std::string, std::string, std::less<>> query;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;  // left out by the server in the answer to HEAD
  std::vector<std::pair<std::string, std::string>> headers;  // further ones
};

// Where a new connection finds all places taken, the one that has waited longest for its next
// request makes way; where none waits, the new one is closed. Both are counted by `turned_away`.
struct HttpLimits {
  std::size_t connections = 64;
  std::uint32_t header_bytes = 8 * 1024;
  std::uint64_t body_bytes = 1'000'000;
  // For a whole request to come, and for a whole answer to be taken.
  std::chrono::milliseconds timeout = std::chrono::seconds(10);
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // Listens on `host` (an address or a name of this machine) and serves at once; port 0 takes any
  // free one. The address in use, not of this machine or not allowed is `unavailable`.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(std::string_view host,
                                                                 std::uint16_t port,
                                                                 Handler handler,
                                                                 HttpLimits limits = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::uint64_t turned_away() const;
  // Closes the port and all connections, with whatever answer is under way, and joins the thread. A
  // second call does nothing.
  void stop();

 private:
  class Engine;
  explicit HttpServer(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace driftd
