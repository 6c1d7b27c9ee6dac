// Webhooks: signatures, bodies, which addresses are allowed, and the sink against a server of the
// test's own.
#include "sinks/webhook_sink.h"

#include <chrono>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sinks/webhook_body.h"
#include "sinks/webhook_signature.h"
#include "tests/webhook_server.h"

namespace driftd {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

// --- Signature ---

// The example of the Standard Webhooks reference libraries
// (github.com/standard-webhooks/standard-webhooks).
constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t kTimestamp = 1'614'265'330;
constexpr std::string_view kBody = R"({"test": 2432232314})";
constexpr std::string_view kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

TEST(WebhookSignature, IsThatOfThePublishedExample) {
  const auto key = decode_webhook_secret(kSecret);
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(sign_webhook(*key, kId, kTimestamp, kBody), kSignature);
  EXPECT_EQ(decode_webhook_secret(kSecret.substr(6)).value(), *key);
}

TEST(WebhookSignature, VerifiesOnlyWhatWasSigned) {
  const std::string key = decode_webhook_secret(kSecret).value();
  const TimeMs now = kTimestamp * 1'000;
  EXPECT_TRUE(verify_webhook(key, kId, kTimestamp, kBody, kSignature, now));
  EXPECT_TRUE(
      verify_webhook(key, kId, kTimestamp, kBody, fmt::format("v1,b3RoZXI= {}", kSignature), now));
  EXPECT_FALSE(verify_webhook(key + "x", kId, kTimestamp, kBody, kSignature, now));
  EXPECT_FALSE(verify_webhook(key, "msg_other", kTimestamp, kBody, kSignature, now));
  EXPECT_FALSE(verify_webhook(key, kId, kTimestamp + 1, kBody, kSignature, now));
  EXPECT_FALSE(verify_webhook(key, kId, kTimestamp, "{}", kSignature, now));
  EXPECT_FALSE(verify_webhook(key, kId, kTimestamp, kBody, "", now));
  EXPECT_FALSE(verify_webhook(key, kId, kTimestamp, kBody, kSignature.substr(0, 20), now));
}

TEST(WebhookSignature, ToleratesFiveMinutes) {
  const std::string key = decode_webhook_secret(kSecret).value();
  for (const std::int64_t off : {-300, 300}) {
    EXPECT_TRUE(
        verify_webhook(key, kId, kTimestamp, kBody, kSignature, (kTimestamp + off) * 1'000));
  }
  for (const std::int64_t off : {-301, 301}) {
    EXPECT_FALSE(
        verify_webhook(key, kId, kTimestamp, kBody, kSignature, (kTimestamp + off) * 1'000));
  }
}

TEST(WebhookSignature, DecodesSecrets) {
  EXPECT_EQ(decode_webhook_secret("whsec_YWJj").value(), "abc");
  EXPECT_EQ(decode_webhook_secret("YWI=").value(), "ab");
  EXPECT_EQ(decode_webhook_secret("YWI").value(), "ab");
  EXPECT_EQ(decode_webhook_secret("YQ==").value(), "a");
  for (const char* bad : {"", "whsec_", "not base64!", "=", "Y"}) {
    const auto key = decode_webhook_secret(bad);
    ASSERT_FALSE(key.has_value()) << bad;
    EXPECT_EQ(key.error().code, ErrorCode::invalid_config);
  }
}

// --- Body ---

Transition transition() {
  return {.monitor = {"fraud detection", "v3", "all"},
          .at = 1'700'003'600'123,
          .from = HealthState::healthy,
          .to = HealthState::degraded,
          .reasons = {"drift:amount", "low_accuracy"}};
}

Finding finding() {
  return {.monitor = transition().monitor,
          .series = "amount",
          .detector = "psi",
          .window = {.index = 7,
                     .start = 1'700'000'000'000,
                     .end = 1'700'003'600'000,
                     .n = 1'200,
                     .revision = 0},
          .statistic = 0.5,
          .p_value = std::nullopt,
          .threshold = 0.25,
          .level = Level::drift};
}

MetricValue metric() {
  return {.monitor = transition().monitor,
          .metric = "accuracy",
          .window = {.index = 7,
                     .start = 1'700'000'000'000,
                     .end = 1'700'003'600'000,
                     .n = 1'200,
                     .revision = 1},
          .value = 0.75,
          .low = 0.5,
          .high = 0.875,
          .labelled = 600,
          .coverage = 0.5,
          .level = Level::degraded};
}

const std::string kData =
    R"("data":{"model":"fraud detection","version":"v3","segment":"all","at":1700003600123,)"
    R"("from":"healthy","to":"degraded","reasons":["drift:amount","low_accuracy"],)"
    R"("evidence":{"series":[{"series":"amount","detector":"psi","statistic":0.5,"p_value":null,)"
    R"("threshold":0.25,"level":"drift","n":1200,)"
    R"("window":{"index":7,"start":1700000000000,"end":1700003600000,"revision":0}}],)"
    R"("metrics":[{"metric":"accuracy","value":0.75,"low":0.5,"high":0.875,"labelled":600,)"
    R"("coverage":0.5,"level":"degraded","n":1200,)"
    R"("window":{"index":7,"start":1700000000000,"end":1700003600000,"revision":1}}]}}})";

TEST(WebhookBody, SaysWhatHappenedAndWhy) {
  EXPECT_EQ(
      webhook_body(WebhookConfig(), transition(), std::vector{finding()}, std::vector{metric()}),
      R"({"type":"driftd.health.degraded","timestamp":"2023-11-14T23:13:20.123Z",)" + kData);
}

TEST(WebhookBody, IsACloudEventWhereThatIsChosen) {
  WebhookConfig webhook;
  webhook.name = "retrain";
  webhook.template_name = "cloudevents";
  EXPECT_EQ(webhook_body(webhook, transition(), std::vector{finding()}, std::vector{metric()}),
            R"({"specversion":"1.0","id":")" + webhook_id("retrain", transition()) +
                R"(","source":"/driftd/fraud%20detection","type":"driftd.health.degraded",)"
                R"("subject":"v3/all",)"
                R"("time":"2023-11-14T23:13:20.123Z","datacontenttype":"application/json",)" +
                kData);
}

TEST(WebhookBody, SaysHowMuchEvidenceItLeavesOut) {
  const std::vector<Finding> many(kMaxEvidence + 3, finding());
  EXPECT_THAT(webhook_body(WebhookConfig(), transition(), many, {}),
              HasSubstr(R"(],"series_left_out":3,"metrics":[]})"));
}

TEST(WebhookId, StaysTheSameForTheSameTransition) {
  const std::string id = webhook_id("webhook-0", transition());
  EXPECT_THAT(id, MatchesRegex("msg_[0-9a-f]+"));
  EXPECT_EQ(id.size(), 36u);
  // Written down: a later driftd must not repeat a message under another id.
  EXPECT_EQ(id, "msg_3a1bf5b84c26454d68e5ab209be98521");
  Transition other = transition();
  other.at += 1;
  EXPECT_NE(webhook_id("webhook-0", other), id);
  other = transition();
  other.to = HealthState::critical;
  EXPECT_NE(webhook_id("webhook-0", other), id);
  other = transition();
  other.monitor.version = "v4";
  EXPECT_NE(webhook_id("webhook-0", other), id);
  EXPECT_NE(webhook_id("webhook-1", transition()), id);
}

TEST(Rfc3339, WritesTheTimeInUtc) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339(1'709'210'096'007), "2024-02-29T12:34:56.007Z");
}

// --- Endpoint ---

TEST(WebhookEndpoint, TakesUrlsApart) {
  struct Case {
    std::string_view url;
    bool tls;
    std::string_view host, port, target, authority;
  };
  for (const Case& one : {
           Case{"https://ci.example/retrain?x=1#part", true, "ci.example", "443", "/retrain?x=1",
                "ci.example"},
           Case{"HTTP://CI.Example:8080", false, "ci.example", "8080", "/", "ci.example:8080"},
           Case{"https://ci.example?token=1", true, "ci.example", "443", "/?token=1", "ci.example"},
           Case{"http://[::1]:81/a", false, "::1", "81", "/a", "[::1]:81"},
           Case{"https://[2001:db8::1]/", true, "2001:db8::1", "443", "/", "[2001:db8::1]"},
       }) {
    const auto endpoint = parse_webhook_url(one.url);
    ASSERT_TRUE(endpoint.has_value()) << one.url;
    EXPECT_EQ(endpoint->tls, one.tls) << one.url;
    EXPECT_EQ(endpoint->host, one.host);
    EXPECT_EQ(endpoint->port, one.port);
    EXPECT_EQ(endpoint->target, one.target);
    EXPECT_EQ(authority(*endpoint), one.authority);
  }
}

TEST(WebhookEndpoint, RefusesUrlsThatItCannotUse) {
  for (const char* url :
       {"", "ci.example", "ftp://ci.example/", "https://", "https:///path", "https://a b/",
        "https://user:password@ci.example/", "https://ci.example:0/", "https://ci.example:x/",
        "https://ci.example:65536/", "https://ci.example/\r\nX: y"}) {
    const auto endpoint = parse_webhook_url(url);
    ASSERT_FALSE(endpoint.has_value()) << url;
    EXPECT_EQ(endpoint.error().code, ErrorCode::invalid_config);
  }
}

TEST(WebhookEndpoint, KnowsPublicAddresses) {
  for (const char* address :
       {"8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1",
        "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"}) {
    EXPECT_TRUE(is_public_address(address)) << address;
  }
  for (const char* address : {"127.0.0.1",
                              "127.255.255.254",
                              "0.0.0.0",
                              "10.1.2.3",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.0.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "100.127.255.255",
                              "224.0.0.1",
                              "255.255.255.255",
                              "198.19.0.1",
                              "::",
                              "::1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "fe80::1",
                              "fe80::1%eth0",
                              "fd00:ec2::254",
                              "ff02::1",
                              "64:ff9b::7f00:1",
                              "64:ff9b::a9fe:a9fe",
                              "2002:7f00:1::",
                              "ci.example",
                              ""}) {
    EXPECT_FALSE(is_public_address(address)) << address;
  }
}

// --- Sink ---

std::string answer(std::string_view status, std::string_view headers = "",
                   std::string_view body = "") {
  return fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\n\r\n{}", status, headers, body.size(),
                     body);
}

class WebhookSinkTest : public testing::Test {
 protected:
  std::unique_ptr<WebhookSink> sink_to(const std::string& url) {
    config_.name = "webhook-0";
    config_.url = url;
    auto sink = WebhookSink::make(config_, clock_, "1.2.3");
    EXPECT_TRUE(sink.has_value()) << sink.error().message;
    return sink ? std::move(*sink) : nullptr;
  }
  std::unique_ptr<WebhookSink> sink_to(const Server& server) {
    return sink_to(fmt::format("http://127.0.0.1:{}/hook?token=t0ken", server.port()));
  }
  static std::vector<OutboxEntry> entry() {
    return {{.sequence = 1, .id = std::string(kId), .payload = std::string(kBody), .created = 0}};
  }
  // Delivers to a server with this answer, and expects that it is not taken for success.
  Error failed(const std::string& reply, Behaviour behaviour = Behaviour::answer) {
    const Server server(reply, behaviour);
    sink_ = sink_to(server);
    const Result<void> delivered = sink_->deliver(entry());
    EXPECT_FALSE(delivered.has_value());
    return delivered ? Error() : delivered.error();
  }

  WebhookConfig config_;
  ManualClock clock_{kTimestamp * 1'000};
  std::unique_ptr<WebhookSink> sink_;
};

std::string header(const Request& request, const char* name) {
  const auto value = request[name];
  return {value.data(), value.size()};
}

TEST_F(WebhookSinkTest, PostsASignedMessage) {
  const Server server(answer("204 No Content"));
  config_.secret = kSecret;
  const auto sink = sink_to(server);
  EXPECT_EQ(sink->name(), "webhook-0");
  EXPECT_EQ(sink->batch_size(), 1u);
  const Result<void> delivered = sink->deliver(entry());
  ASSERT_TRUE(delivered.has_value()) << delivered.error().message;
  ASSERT_EQ(server.requests().size(), 1u);
  const Request request = server.requests().front();
  EXPECT_EQ(request.method_string(), "POST");
  EXPECT_EQ(request.target(), "/hook?token=t0ken");
  EXPECT_EQ(request.body(), kBody);
  EXPECT_EQ(header(request, "host"), fmt::format("127.0.0.1:{}", server.port()));
  EXPECT_EQ(header(request, "content-type"), "application/json");
  EXPECT_EQ(header(request, "user-agent"), "driftd/1.2.3");
  EXPECT_EQ(header(request, "webhook-id"), kId);
  EXPECT_EQ(header(request, "webhook-timestamp"), "1614265330");
  EXPECT_EQ(header(request, "webhook-signature"), kSignature);
}

TEST_F(WebhookSinkTest, SignsNothingWithoutASecret) {
  const Server server(answer("200 OK", "", "thank you"));
  config_.template_name = "cloudevents";
  ASSERT_TRUE(sink_to(server)->deliver(entry()).has_value());
  const Request request = server.requests().front();
  EXPECT_EQ(request.count("webhook-signature"), 0u);
  EXPECT_EQ(header(request, "content-type"), "application/cloudevents+json");
}

TEST_F(WebhookSinkTest, RetriesAfterAServerError) {
  const Error error = failed(answer("500 Internal Server Error", "", "out of\ncheese"));
  EXPECT_EQ(error.code, ErrorCode::unavailable);
  EXPECT_THAT(error.message, HasSubstr("answered 500: out of cheese"));
  EXPECT_EQ(sink_->retry_after(), 0);
}

TEST_F(WebhookSinkTest, NeverShowsThePathWhichMayHoldAToken) {
  EXPECT_THAT(failed(answer("404 Not Found")).message, Not(HasSubstr("t0ken")));
}

TEST_F(WebhookSinkTest, FollowsNoRedirection) {
  const Server target(answer("200 OK"));
  const Error error =
      failed(answer("302 Found", fmt::format("Location: http://127.0.0.1:{}/\r\n", target.port())));
  EXPECT_EQ(error.code, ErrorCode::unavailable);
  EXPECT_THAT(error.message, HasSubstr("redirections are not followed"));
  EXPECT_TRUE(target.requests().empty());
}

TEST_F(WebhookSinkTest, EndsAtGone) {
  const Server server(answer("410 Gone"));
  const auto sink = sink_to(server);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Result<void> delivered = sink->deliver(entry());
    ASSERT_FALSE(delivered.has_value());
    EXPECT_EQ(delivered.error().code, ErrorCode::rejected);
    EXPECT_TRUE(sink->disabled());
  }
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(WebhookSinkTest, PassesTheWishedPauseOn) {
  struct Case {
    std::string_view status, headers;
    DurationMs pause;
  };
  for (const auto& [status, headers, pause] : {
           Case{"429 Too Many Requests", "Retry-After: 120\r\n", 120'000},
           Case{"503 Service Unavailable", "Retry-After: 7\r\n", 7'000},
           Case{"429 Too Many Requests", "Retry-After: Thu, 25 Feb 2021 15:03:00 GMT\r\n", 50'000},
           Case{"429 Too Many Requests", "Retry-After: Thu, 25 Feb 2021 15:00:00 GMT\r\n", 0},
           Case{"429 Too Many Requests", "Retry-After: soon\r\n", 0},
           Case{"429 Too Many Requests", "Retry-After: -5\r\n", 0},
           Case{"429 Too Many Requests", "Retry-After: 9000000000000000000\r\n", kMaxRetryAfter},
           Case{"429 Too Many Requests", "", 0},
           Case{"500 Internal Server Error", "Retry-After: 120\r\n", 0},
       }) {
    EXPECT_EQ(failed(answer(status, headers)).code, ErrorCode::unavailable);
    EXPECT_EQ(sink_->retry_after(), pause) << headers;
  }
}

TEST_F(WebhookSinkTest, WaitsNoLongerThanItsTimeout) {
  const Server server("", Behaviour::hang);
  config_.timeout = 200;
  const auto sink = sink_to(server);
  const auto begin = std::chrono::steady_clock::now();
  const Result<void> delivered = sink->deliver(entry());
  ASSERT_FALSE(delivered.has_value());
  EXPECT_EQ(delivered.error().code, ErrorCode::unavailable);
  EXPECT_THAT(delivered.error().message, HasSubstr("no answer within 200 ms"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
}

TEST_F(WebhookSinkTest, RetriesAfterABrokenConnection) {
  EXPECT_EQ(failed("", Behaviour::reset).code, ErrorCode::unavailable);
  EXPECT_EQ(failed("", Behaviour::close).code, ErrorCode::unavailable);
  EXPECT_EQ(failed("What?\r\n\r\n").code, ErrorCode::unavailable);
}

TEST_F(WebhookSinkTest, RetriesWhereNobodyListens) {
  std::string url;
  {
    const Server gone(answer("200 OK"));
    url = fmt::format("http://127.0.0.1:{}/", gone.port());
  }
  const Result<void> delivered = sink_to(url)->deliver(entry());
  ASSERT_FALSE(delivered.has_value());
  EXPECT_EQ(delivered.error().code, ErrorCode::unavailable);
}

TEST_F(WebhookSinkTest, TakesTheStatusForTheAnswerWhateverTheBody) {
  const Server endless("HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" +
                       std::string(100'000, 'x'));
  const Result<void> delivered = sink_to(endless)->deliver(entry());
  EXPECT_TRUE(delivered.has_value()) << delivered.error().message;
  const Server cut_off("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx");
  EXPECT_TRUE(sink_to(cut_off)->deliver(entry()).has_value());
}

// "127.1" is a name to everyone but the resolver, which takes it for 127.0.0.1; it needs no DNS.
TEST_F(WebhookSinkTest, RefusesANameThatLeadsToTheInside) {
  const Server server(answer("200 OK"));
  const std::string url = fmt::format("http://127.1:{}/", server.port());
  const Result<void> delivered = sink_to(url)->deliver(entry());
  ASSERT_FALSE(delivered.has_value());
  EXPECT_EQ(delivered.error().code, ErrorCode::rejected);
  EXPECT_THAT(delivered.error().message, HasSubstr("allow_private"));
  EXPECT_TRUE(server.requests().empty());
  config_.allow_private = true;
  EXPECT_TRUE(sink_to(url)->deliver(entry()).has_value());
}

TEST_F(WebhookSinkTest, GoesToLocalhostWhereThatIsWritten) {
  const Server server(answer("200 OK"));
  EXPECT_TRUE(
      sink_to(fmt::format("http://localhost:{}/", server.port()))->deliver(entry()).has_value());
}

TEST_F(WebhookSinkTest, SpeaksTlsWithAServerThatItTrusts) {
  const Certificate certificate("localhost");
  const Server server(answer("200 OK"), Behaviour::answer, &certificate);
  config_.ca_file = certificate.certificate_file();
  const Result<void> delivered =
      sink_to(fmt::format("https://localhost:{}/", server.port()))->deliver(entry());
  EXPECT_TRUE(delivered.has_value()) << delivered.error().message;
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(server.server_name(), "localhost");
}

TEST_F(WebhookSinkTest, SendsNothingToAServerThatItDoesNotTrust) {
  const Certificate certificate("localhost");
  const Server server(answer("200 OK"), Behaviour::answer, &certificate);
  const Result<void> delivered =
      sink_to(fmt::format("https://localhost:{}/", server.port()))->deliver(entry());
  ASSERT_FALSE(delivered.has_value());
  EXPECT_EQ(delivered.error().code, ErrorCode::unavailable);
  EXPECT_THAT(delivered.error().message, HasSubstr("ca_file"));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(WebhookSinkTest, SendsNothingToAServerOfAnotherName) {
  const Certificate certificate("other.example");
  const Server server(answer("200 OK"), Behaviour::answer, &certificate);
  config_.ca_file = certificate.certificate_file();
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const Result<void> delivered =
        sink_to(fmt::format("https://{}:{}/", host, server.port()))->deliver(entry());
    ASSERT_FALSE(delivered.has_value());
    EXPECT_EQ(delivered.error().code, ErrorCode::unavailable);
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(WebhookSinkTest, RefusesAConfigurationThatCannotWork) {
  WebhookConfig good;
  good.url = "https://ci.example/";
  EXPECT_TRUE(WebhookSink::make(good, clock_, "1").has_value());
  WebhookConfig url = good;
  url.url = "ci.example";
  WebhookConfig secret = good;
  secret.secret = "whsec_!";
  WebhookConfig ca_file = good;
  ca_file.ca_file = "/dev/null/ca.pem";
  for (const WebhookConfig& bad : {url, secret, ca_file}) {
    const auto sink = WebhookSink::make(bad, clock_, "1");
    ASSERT_FALSE(sink.has_value());
    EXPECT_EQ(sink.error().code, ErrorCode::invalid_config);
  }
}

}  // namespace
}  // namespace driftd
