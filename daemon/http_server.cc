#include "daemon/http_server.h"

// GCC 12 takes pointers inside Asio, which are null only without an executor, for possibly null
// wherever it inlines them.
#pragma GCC diagnostic ignored "-Wnull-dereference"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <list>
#include <optional>
#include <thread>

namespace driftd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Parser = http::request_parser<http::string_body>;
using Response = http::response<http::string_body>;

// An operation's error is a value of the tuple that it gives, never an exception.
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// How long the rest of a refused request is still read; see `let_go`.
constexpr std::chrono::seconds kLinger{1};
// Accepting fails while the process has no file descriptor left: it then waits instead of spinning.
constexpr std::chrono::milliseconds kAcceptPause{100};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Percent-decoding (RFC 3986, section 2.1); in a query a plus stands for a space, as in forms.
// Nothing where a percent sign is not followed by two hexadecimal digits.
std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      result += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      result += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return result;
}

bool decode_query(std::string_view text, HttpRequest& request) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decode(pair.substr(0, equals), true);
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return false;
    request.query.emplace(std::move(*name), std::move(*value));
  }
  return true;
}

// The request's target is a path and a query, with the scheme and host before it where the client
// takes us for a proxy (RFC 9112, section 3.2.2: a server must accept that form).
std::optional<HttpRequest> to_request(std::string_view method, std::string_view target) {
  if (const std::size_t scheme = target.find("://");
      target.starts_with("http") && scheme != target.npos) {
    target.remove_prefix(std::min(target.find('/', scheme + 3), target.size()));
    if (target.empty()) target = "/";
  }
  if (!target.starts_with('/')) return std::nullopt;
  const std::string_view raw_path = target.substr(0, target.find_first_of("?#"));
  target.remove_prefix(raw_path.size());
  const std::string_view raw_query = target.substr(0, target.find('#'));
  HttpRequest request;
  request.method = method;
  auto path = decode(raw_path, false);
  if (!path || !decode_query(raw_query.substr(std::min<std::size_t>(1, raw_query.size())), request))
    return std::nullopt;
  request.path = std::move(*path);
  return request;
}

HttpResponse plain(http::status status, std::string text) {
  return {.status = static_cast<unsigned>(status), .body = std::move(text), .headers = {}};
}

// Why the server itself refuses what could not be read as a request; nothing where the connection
// is simply over.
std::optional<HttpResponse> refusal(const beast::error_code& error, const HttpLimits& limits) {
  if (error == http::error::header_limit) {
    return plain(
        http::status::request_header_fields_too_large,
        fmt::format("the request's header is larger than {} bytes\n", limits.header_bytes));
  }
  if (error == http::error::body_limit || error == http::error::buffer_overflow) {
    return plain(http::status::payload_too_large,
                 fmt::format("the request's body is larger than {} bytes\n", limits.body_bytes));
  }
  const bool is_over = error == http::error::end_of_stream || error == http::error::partial_message;
  if (is_over || error.category() != make_error_code(http::error::bad_method).category())
    return std::nullopt;
  return plain(http::status::bad_request,
               fmt::format("this is no HTTP/1.1 request: {}\n", error.message()));
}

HttpResponse answer(const Parser& parser, const HttpServer::Handler& handler) {
  const auto& message = parser.get();
  if (message.method() != http::verb::get && message.method() != http::verb::head) {
    HttpResponse refused =
        plain(http::status::method_not_allowed, "only GET and HEAD are served\n");
    refused.headers.emplace_back("Allow", "GET, HEAD");
    return refused;
  }
  const auto request = to_request(message.method_string(), message.target());
  if (!request)
    return plain(http::status::bad_request,
                 "the request's target is not a well-formed path and query\n");
  try {
    return handler(*request);
  } catch (const std::exception& error) {
    return plain(http::status::internal_server_error,
                 fmt::format("internal error: {}\n", error.what()));
  }
}

Response to_message(HttpResponse&& answer, unsigned version, bool keep_alive) {
  Response message(static_cast<http::status>(answer.status), version);
  message.set(http::field::server, "driftd");
  message.set(http::field::content_type, answer.content_type);
  for (const auto& [name, value] : answer.headers) message.set(name, value);
  message.body() = std::move(answer.body);
  message.keep_alive(keep_alive);
  message.prepare_payload();
  return message;
}

std::string address_text(std::string_view host, std::uint16_t port) {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::unexpected<Error> cannot_listen(std::string_view address, const beast::error_code& error) {
  std::string why = error.message() + ". Choose another address with [daemon] listen";
  if (error == asio::error::address_in_use) {
    why =
        "address already in use. Another driftd may be running there; choose another with [daemon] "
        "listen";
  } else if (error == asio::error::access_denied) {
    why =
        "permission denied. Ports below 1024 need a privilege; choose another with [daemon] listen";
  } else if (error == asio::error::host_not_found ||
             error == asio::error::host_not_found_try_again) {
    why = "there is no such host. Choose an address of this machine with [daemon] listen";
  } else if (error == beast::error_code(EADDRNOTAVAIL, boost::system::system_category())) {
    why = "that is no address of this machine. Choose one that is with [daemon] listen";
  }
  return fail(ErrorCode::unavailable, fmt::format("cannot listen on {}: {}", address, why));
}

}  // namespace

// The event loop, its thread and its connections. Everything but `port_` and `turned_away_` is
// touched by the thread alone once it runs; `stop` touches the rest only when the thread has ended.
class HttpServer::Engine {
 public:
  Engine(Handler handler, HttpLimits limits) : handler_(std::move(handler)), limits_(limits) {}
  ~Engine() { stop(); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Result<void> listen(std::string_view host, std::uint16_t port);
  void run();
  void stop();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint64_t turned_away() const {
    return turned_away_.load(std::memory_order_relaxed);
  }

 private:
  // A connection, in the order of the last request's end: the first that waits has waited longest.
  struct Connection {
    beast::tcp_stream* stream;
    bool waits;
  };
  using Connections = std::list<Connection>;

  beast::error_code listen(const tcp::endpoint& endpoint);
  asio::awaitable<void> accept_all();
  asio::awaitable<void> serve(beast::tcp_stream stream);
  asio::awaitable<void> serve_requests(beast::tcp_stream& stream, Connections::iterator place);
  asio::awaitable<bool> send(beast::tcp_stream& stream, Response message, bool is_head);
  asio::awaitable<void> let_go(beast::tcp_stream& stream);
  bool make_room();

  Handler handler_;
  const HttpLimits limits_;
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> turned_away_ = 0;
  Connections connections_;
  // Destroyed first: it holds the coroutines, which use the members above until their end.
  std::unique_ptr<asio::io_context> context_ = std::make_unique<asio::io_context>(1);
  std::optional<tcp::acceptor> acceptor_;
  std::thread thread_;
};

Result<void> HttpServer::Engine::listen(std::string_view host, std::uint16_t port) {
  beast::error_code error;
  tcp::resolver resolver(*context_);
  const auto found = resolver.resolve(
      host, std::to_string(port), tcp::resolver::passive | tcp::resolver::numeric_service, error);
  // A name may stand for several addresses, as localhost does, not all of which this machine has.
  for (const auto& each : found) {
    error = listen(each.endpoint());
    if (!error || error == asio::error::address_in_use) break;
  }
  if (error) return cannot_listen(address_text(host, port), error);
  port_ = acceptor_->local_endpoint(error).port();
  return {};
}

beast::error_code HttpServer::Engine::listen(const tcp::endpoint& endpoint) {
  beast::error_code error;
  tcp::acceptor& acceptor = acceptor_.emplace(*context_);
  // A port that our former self used a moment ago may be taken again, but none that is in use.
  const tcp::acceptor::reuse_address reuse(true);
  const bool failed = acceptor.open(endpoint.protocol(), error) ||
                      acceptor.set_option(reuse, error) || acceptor.bind(endpoint, error) ||
                      acceptor.listen(static_cast<int>(limits_.connections), error);
  return failed ? error : beast::error_code();
}

void HttpServer::Engine::run() {
  co_spawn(*context_, accept_all(), asio::detached);
  thread_ = std::thread([this] {
    // The coroutines' exceptions end in `detached`; what else may throw is a lack of memory.
    while (!context_->stopped()) {
      try {
        context_->run();
      } catch (const std::exception&) {
        continue;
      }
    }
  });
}

void HttpServer::Engine::stop() {
  if (!context_) return;
  context_->stop();
  if (thread_.joinable()) thread_.join();
  acceptor_.reset();
  context_.reset();
}

// Closes the connection that has waited longest for its next request; false where none waits.
bool HttpServer::Engine::make_room() {
  const auto oldest = std::ranges::find(connections_, true, &Connection::waits);
  if (oldest == connections_.end()) return false;
  oldest->waits = false;  // its coroutine takes it off the list when it next runs
  oldest->stream->close();
  return true;
}

asio::awaitable<void> HttpServer::Engine::accept_all() {
  asio::steady_timer pause(*context_);
  for (;;) {
    auto [error, socket] = co_await acceptor_->async_accept(kAwait);
    if (error) {
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(kAwait);
      continue;
    }
    if (connections_.size() >= limits_.connections) {
      turned_away_.fetch_add(1, std::memory_order_relaxed);
      if (!make_room()) continue;  // and the socket closes here
    }
    // Nobody should wait for Nagle's algorithm to send the end of an answer. It fails only where
    // the client has gone already.
    if (socket.set_option(tcp::no_delay(true), error)) continue;
    co_spawn(*context_, serve(beast::tcp_stream(std::move(socket))), asio::detached);
  }
}

asio::awaitable<void> HttpServer::Engine::serve(beast::tcp_stream stream) {
  const auto place = connections_.insert(connections_.end(), {.stream = &stream, .waits = true});
  // On every way out, and when `stop` destroys the coroutine where it stands.
  struct Leave {
    Connections& all;
    Connections::iterator place;
    ~Leave() { all.erase(place); }
  } const leave{connections_, place};
  co_await serve_requests(stream, place);
}

asio::awaitable<void> HttpServer::Engine::serve_requests(beast::tcp_stream& stream,
                                                         Connections::iterator place) {
  // The parser takes the header only when all of it is in the buffer.
  beast::flat_buffer buffer(limits_.header_bytes + 64 * 1024);
  for (bool keep_alive = true; keep_alive;) {
    Parser parser;
    parser.header_limit(limits_.header_bytes);
    parser.body_limit(limits_.body_bytes);
    place->waits = true;
    connections_.splice(connections_.end(), connections_, place);
    stream.expires_after(limits_.timeout);
    const auto [error, size] = co_await http::async_read(stream, buffer, parser, kAwait);
    place->waits = false;
    std::optional<HttpResponse> refused = refusal(error, limits_);
    if (error && !refused) co_return;
    keep_alive = !error && parser.keep_alive();
    const bool is_head = !error && parser.get().method() == http::verb::head;
    const unsigned version = error ? 11 : parser.get().version();
    Response message =
        to_message(refused ? std::move(*refused) : answer(parser, handler_), version, keep_alive);
    if (!co_await send(stream, std::move(message), is_head)) co_return;
  }
  co_await let_go(stream);
}

asio::awaitable<bool> HttpServer::Engine::send(beast::tcp_stream& stream, Response message,
                                               bool is_head) {
  http::response_serializer<http::string_body> serializer(message);
  stream.expires_after(limits_.timeout);
  if (is_head) {
    const auto [error, size] = co_await http::async_write_header(stream, serializer, kAwait);
    co_return !error;
  }
  const auto [error, size] = co_await http::async_write(stream, serializer, kAwait);
  co_return !error;
}

// Closing a socket with unread bytes resets the connection, and the client might lose the answer
// that tells it why: so the answer is ended first, and what still comes is read and thrown away for
// a moment (RFC 9112, section 9.6).
asio::awaitable<void> HttpServer::Engine::let_go(beast::tcp_stream& stream) {
  beast::error_code ignored;
  if (stream.socket().shutdown(tcp::socket::shutdown_send, ignored)) co_return;
  std::array<char, 4096> scrap;
  stream.expires_after(kLinger);
  for (;;) {
    const auto [error, size] = co_await stream.async_read_some(asio::buffer(scrap), kAwait);
    if (error) co_return;
  }
}

HttpServer::HttpServer(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(std::string_view host, std::uint16_t port,
                                                      Handler handler, HttpLimits limits) {
  try {
    auto engine = std::make_unique<Engine>(std::move(handler), limits);
    if (auto listening = engine->listen(host, port); !listening)
      return std::unexpected(listening.error());
    engine->run();
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(engine)));
  } catch (const std::exception& error) {
    // No memory, no thread or no file descriptor.
    return fail(ErrorCode::unavailable,
                fmt::format("cannot start the HTTP server: {}", error.what()));
  }
}

std::uint16_t HttpServer::port() const { return engine_->port(); }
std::uint64_t HttpServer::turned_away() const { return engine_->turned_away(); }
void HttpServer::stop() { engine_->stop(); }

}  // namespace driftd
