#include "daemon/demo/webhook_receiver.h"

// GCC 12 takes pointers inside Asio, which are null only without an executor, for possibly null
// wherever it inlines them.
#pragma GCC diagnostic ignored "-Wnull-dereference"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>

#include "core/clock.h"
#include "sinks/webhook_signature.h"

namespace driftd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace json = boost::json;
using asio::ip::tcp;
using Request = http::request<http::string_body>;
using Response = http::response<http::empty_body>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kTimeout{5};
constexpr const char* kTarget = "/retrain";

[[nodiscard]] std::string header(const Request& request, beast::string_view name) {
  return std::string(request[name]);
}

// Reads the state and its reasons out of a body that has been verified.
void read_body(const std::string& body, ReceivedWebhook& message) {
  boost::system::error_code error;
  const json::value root = json::parse(body, error);
  if (error) return;
  if (const auto* state = root.find_pointer("/data/to", error); state && state->is_string()) {
    message.state = json::value_to<std::string>(*state);
  }
  const auto* reasons = root.find_pointer("/data/reasons", error);
  if (reasons == nullptr || !reasons->is_array()) return;
  for (const json::value& reason : reasons->get_array()) {
    if (reason.is_string()) message.reasons.push_back(json::value_to<std::string>(reason));
  }
}

}  // namespace

class WebhookReceiver::Server {
 public:
  explicit Server(std::string key)
      : key_(std::move(key)),
        acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    asio::co_spawn(context_, accept(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Server() {
    context_.stop();
    thread_.join();
  }

  [[nodiscard]] unsigned port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] std::vector<ReceivedWebhook> received() const {
    const std::scoped_lock lock(mutex_);
    return received_;
  }

 private:
  [[nodiscard]] asio::awaitable<void> accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(kAwait);
      if (!error) asio::co_spawn(context_, serve(std::move(socket)), asio::detached);
    }
  }

  // One request a connection: that is all that a webhook needs.
  [[nodiscard]] asio::awaitable<void> serve(tcp::socket socket) {
    beast::tcp_stream stream(std::move(socket));
    stream.expires_after(kTimeout);
    beast::flat_buffer buffer;
    Request request;
    const auto [read_error, read] = co_await http::async_read(stream, buffer, request, kAwait);
    if (read_error) co_return;
    Response response(take(request), request.version());
    response.keep_alive(false);
    response.prepare_payload();
    // A sender that has gone without its answer sends the message again.
    co_await http::async_write(stream, response, kAwait);
    beast::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  [[nodiscard]] http::status take(const Request& request) {
    if (request.method() != http::verb::post || request.target() != kTarget) {
      return http::status::not_found;
    }
    ReceivedWebhook message;
    message.id = header(request, "webhook-id");
    message.bytes = request.body().size();
    std::int64_t timestamp = 0;
    const std::string sent = header(request, "webhook-timestamp");
    std::from_chars(sent.data(), sent.data() + sent.size(), timestamp);
    message.verified = verify_webhook(key_, message.id, timestamp, request.body(),
                                      header(request, "webhook-signature"), clock_.now());
    if (message.verified) read_body(request.body(), message);
    const std::scoped_lock lock(mutex_);
    received_.push_back(message);
    return message.verified ? http::status::no_content : http::status::unauthorized;
  }

  const std::string key_;
  const SystemClock clock_;
  asio::io_context context_;
  tcp::acceptor acceptor_;
  mutable std::mutex mutex_;  // guards the line below
  std::vector<ReceivedWebhook> received_;
  std::thread thread_;
};

WebhookReceiver::WebhookReceiver(std::unique_ptr<Server> server) : server_(std::move(server)) {}
WebhookReceiver::~WebhookReceiver() = default;

Result<std::unique_ptr<WebhookReceiver>> WebhookReceiver::start(const std::string& secret) {
  auto key = decode_webhook_secret(secret);
  if (!key) return std::unexpected(key.error());
  try {
    auto server = std::make_unique<Server>(*std::move(key));
    return std::unique_ptr<WebhookReceiver>(new WebhookReceiver(std::move(server)));
  } catch (const std::exception& error) {
    return fail(ErrorCode::unavailable,
                fmt::format("the webhook receiver cannot be started on the loopback address: {}",
                            error.what()));
  }
}

std::string WebhookReceiver::url() const {
  return fmt::format("http://127.0.0.1:{}{}", server_->port(), kTarget);
}

std::vector<ReceivedWebhook> WebhookReceiver::received() const { return server_->received(); }

}  // namespace driftd
