#include "sinks/webhook_sink.h"

#include <time.h>  // NOLINT(modernize-deprecated-headers): strptime and timegm are POSIX's

#include <charconv>
#include <chrono>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "sinks/utf8_text.h"
#include "sinks/webhook_body.h"
#include "sinks/webhook_signature.h"

namespace driftd {

struct WebhookReply {
  unsigned status = 0;
  std::string retry_after;
  std::string body;  // its beginning
};

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Request = http::request<http::string_body>;

// A server's answer is read for its status; the beginning of its text goes into messages.
constexpr std::size_t kMaxReplyBytes = 4'096;
constexpr std::size_t kMaxShownBytes = 200;

// Runs one asynchronous operation to its end: only those obey the stream's time limit.
error_code finish(asio::io_context& context, const auto& start) {
  error_code result;
  start([&result](error_code error, auto&&...) { result = error; });
  context.restart();
  context.run();
  return result;
}

// Delay by the header Retry-After (RFC 9110, 10.2.3): seconds, or a date.
DurationMs parse_retry_after(std::string_view text, TimeMs now) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  DurationMs delay = 0;
  if (error == std::errc() && end == text.data() + text.size()) {
    delay = std::min(seconds, kMaxRetryAfter / 1'000) * 1'000;
  } else {
    std::tm date{};
    if (strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr)
      return 0;
    delay = static_cast<TimeMs>(timegm(&date)) * 1'000 - now;
  }
  return std::clamp<DurationMs>(delay, 0, kMaxRetryAfter);
}

std::string shown(std::string_view body) {
  std::string text = valid_utf8(body.substr(0, kMaxShownBytes));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

}  // namespace

struct WebhookSink::Tls {
  asio::ssl::context context{asio::ssl::context::tls_client};
};

WebhookSink::WebhookSink(WebhookConfig config, const Clock& clock, std::string_view version)
    : config_(std::move(config)), clock_(clock), user_agent_(fmt::format("driftd/{}", version)) {}
WebhookSink::~WebhookSink() = default;

Result<std::unique_ptr<WebhookSink>> WebhookSink::make(const WebhookConfig& config,
                                                       const Clock& clock,
                                                       std::string_view version) {
  std::unique_ptr<WebhookSink> sink(new WebhookSink(config, clock, version));
  auto endpoint = parse_webhook_url(config.url);
  if (!endpoint) return std::unexpected(endpoint.error());
  sink->endpoint_ = std::move(*endpoint);
  if (!config.secret.empty()) {
    auto key = decode_webhook_secret(config.secret);
    if (!key) return std::unexpected(key.error());
    sink->key_ = std::move(*key);
  }
  if (!sink->endpoint_.tls) return sink;
  sink->tls_ = std::make_unique<Tls>();
  asio::ssl::context& context = sink->tls_->context;
  error_code error;
  context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error);
  context.set_verify_mode(asio::ssl::verify_peer, error);
  context.set_default_verify_paths(error);
  if (!config.ca_file.empty()) context.load_verify_file(config.ca_file, error);
  if (error) {
    return fail(
        ErrorCode::invalid_config,
        fmt::format("the certificates of {} cannot be read: {}",
                    config.ca_file.empty() ? "the system" : config.ca_file, error.message()));
  }
  return sink;
}

std::unexpected<Error> WebhookSink::failure(ErrorCode code, std::string_view what) const {
  return fail(code, fmt::format("{} ({}): {}", config_.name, authority(endpoint_), what));
}

namespace {

// One message to one server: connect, shake hands, write, read, all within one time limit.
class Attempt {
 public:
  Attempt(const WebhookEndpoint& endpoint, DurationMs timeout)
      : endpoint_(endpoint), timeout_(timeout) {}

  // The addresses of the host that may be connected to; resolved once, so that the address that was
  // looked at is the one that is used.
  std::vector<tcp::endpoint> resolve(bool allow_private, error_code& error) {
    tcp::resolver resolver(context_);
    std::vector<tcp::endpoint> allowed;
    for (const auto& result : resolver.resolve(endpoint_.host, endpoint_.port, error)) {
      const tcp::endpoint address = result.endpoint();
      if (allow_private || names_its_address(endpoint_) ||
          is_public_address(address.address().to_string())) {
        allowed.push_back(address);
      }
    }
    return allowed;
  }

  error_code post(const std::vector<tcp::endpoint>& addresses, asio::ssl::context* tls,
                  Request& request, WebhookReply& reply) {
    if (tls == nullptr) {
      beast::tcp_stream stream(context_);
      if (const error_code error = connect(stream, addresses)) return error;
      return exchange(stream, request, reply);
    }
    beast::ssl_stream<beast::tcp_stream> stream(context_, *tls);
    error_code error;
    stream.set_verify_callback(asio::ssl::host_name_verification(endpoint_.host), error);
    if (error) return error;
    // Server name indication is for names only (RFC 6066).
    std::string name = endpoint_.host;
    if (!is_address_literal(name) && SSL_ctrl(stream.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME,
                                              TLSEXT_NAMETYPE_host_name, name.data()) != 1) {
      return asio::error::invalid_argument;
    }
    error = connect(beast::get_lowest_layer(stream), addresses);
    if (error) return error;
    error = finish(context_, [&](auto done) {
      stream.async_handshake(asio::ssl::stream_base::client, std::move(done));
    });
    if (error) return error;
    return exchange(stream, request, reply);
  }

 private:
  error_code connect(beast::tcp_stream& stream, const std::vector<tcp::endpoint>& addresses) {
    stream.expires_after(std::chrono::milliseconds(timeout_));
    return finish(context_, [&](auto done) { stream.async_connect(addresses, std::move(done)); });
  }

  error_code exchange(auto& stream, Request& request, WebhookReply& reply) {
    // A server may answer, and close, before it has read everything: its answer is worth more than
    // this error.
    const error_code write_error =
        finish(context_, [&](auto done) { http::async_write(stream, request, std::move(done)); });
    beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    const error_code read_error = finish(context_, [&](auto done) {
      http::async_read_header(stream, buffer, parser, std::move(done));
    });
    if (read_error) return write_error ? write_error : read_error;
    const auto& header = parser.get();
    reply.status = header.result_int();
    const auto wait = header[http::field::retry_after];
    reply.retry_after.assign(wait.data(), wait.size());
    // The status decides; a body that is long or breaks off changes nothing.
    reply.body.resize(kMaxReplyBytes);
    auto& body = parser.get().body();
    body.data = reply.body.data();
    body.size = reply.body.size();
    finish(context_, [&](auto done) { http::async_read(stream, buffer, parser, std::move(done)); });
    reply.body.resize(kMaxReplyBytes - body.size);
    return {};
  }

  const WebhookEndpoint& endpoint_;
  const DurationMs timeout_;
  asio::io_context context_;
};

}  // namespace

Result<WebhookReply> WebhookSink::exchange(const OutboxEntry& entry) const {
  const std::int64_t seconds = clock_.now() / 1'000;
  Request request(http::verb::post, endpoint_.target, 11);
  request.set(http::field::host, authority(endpoint_));
  request.set(http::field::user_agent, user_agent_);
  request.set(http::field::connection, "close");
  request.set(http::field::content_type,
              beast::string_view(webhook_content_type(config_.template_name).data(),
                                 webhook_content_type(config_.template_name).size()));
  request.set("webhook-id", entry.id);
  request.set("webhook-timestamp", std::to_string(seconds));
  if (!key_.empty()) {
    request.set("webhook-signature", sign_webhook(key_, entry.id, seconds, entry.payload));
  }
  request.body() = entry.payload;
  request.prepare_payload();

  Attempt attempt(endpoint_, config_.timeout);
  error_code error;
  const std::vector<tcp::endpoint> addresses = attempt.resolve(config_.allow_private, error);
  if (error) {
    return failure(ErrorCode::unavailable,
                   fmt::format("the host is not found: {}", error.message()));
  }
  if (addresses.empty()) {
    return failure(
        ErrorCode::rejected,
        "the host name leads to a loopback, private or otherwise special address; if that is "
        "meant, write allow_private = true into the webhook's section");
  }
  WebhookReply reply;
  error = attempt.post(addresses, tls_ ? &tls_->context : nullptr, request, reply);
  if (error == beast::error::timeout) {
    return failure(ErrorCode::unavailable, fmt::format("no answer within {} ms", config_.timeout));
  }
  if (error.category() == asio::error::get_ssl_category()) {
    return failure(ErrorCode::unavailable,
                   fmt::format("TLS: {}; a private authority's certificate goes into ca_file",
                               error.message()));
  }
  if (error) return failure(ErrorCode::unavailable, error.message());
  return reply;
}

Result<void> WebhookSink::judge(const WebhookReply& reply) {
  if (reply.status >= 200 && reply.status < 300) return {};
  if (reply.status == 410) {
    disabled_ = true;
    spdlog::error("{} ({}): answered 410 (gone): nothing more is sent to it until driftd restarts",
                  config_.name, authority(endpoint_));
    return failure(ErrorCode::rejected, "answered 410 (gone)");
  }
  if (reply.status == 429 || reply.status == 503) {
    retry_after_ = parse_retry_after(reply.retry_after, clock_.now());
  }
  if (reply.status >= 300 && reply.status < 400) {
    return failure(
        ErrorCode::unavailable,
        fmt::format("answered {}: redirections are not followed, write the final url into "
                    "the configuration",
                    reply.status));
  }
  return failure(ErrorCode::unavailable,
                 fmt::format("answered {}: {}", reply.status, shown(reply.body)));
}

Result<void> WebhookSink::send(const OutboxEntry& entry) {
  retry_after_ = 0;
  if (disabled_) return failure(ErrorCode::rejected, "answered 410 (gone) before");
  try {
    const Result<WebhookReply> reply = exchange(entry);
    if (!reply) return std::unexpected(reply.error());
    return judge(*reply);
  } catch (const std::exception& exception) {
    return failure(ErrorCode::unavailable, exception.what());
  }
}

Result<void> WebhookSink::deliver(std::span<const OutboxEntry> entries) {
  for (const OutboxEntry& entry : entries) {
    if (auto sent = send(entry); !sent) return sent;
  }
  return {};
}

}  // namespace driftd
