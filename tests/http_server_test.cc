// The HTTP server over real sockets: what it answers, what it refuses, and that its limits hold.
#include "daemon/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace driftd {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

// More than the sockets' buffers hold: an answer of this size stays under way until it is read.
constexpr std::size_t kLarge = 50'000'000;
constexpr int kPatienceMs = 5'000;  // only ever waited for in full where a test fails

// A client that sends what it is told, however wrong, and reads what comes.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  // Header and body of one response, told by its Content-Length; less where the connection ends.
  std::string response(bool has_body = true) {
    std::size_t header = 0;
    while ((header = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return std::exchange(received_, "");
    }
    std::size_t size = header + 4;
    const std::size_t length = received_.find("Content-Length: ");
    if (has_body && length < header) size += std::stoul(received_.substr(length + 16));
    while (received_.size() < size && receive()) continue;
    std::string result = received_.substr(0, size);
    received_.erase(0, size);
    return result;
  }

  std::string ask(std::string_view request) {
    send(request);
    return response();
  }

  // Whether the server has closed, with nothing left to read.
  bool at_end() { return !receive() && received_.empty(); }

  bool receive() {
    pollfd readable{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "the server neither sent nor closed within " << kPatienceMs << " ms";
      return false;
    }
    char bytes[65'536];
    const ssize_t size = ::recv(socket_, bytes, sizeof bytes, 0);
    if (size <= 0) return false;
    received_.append(bytes, static_cast<std::size_t>(size));
    return true;
  }

 private:
  int socket_;
  bool connected_ = false;
  std::string received_;
};

HttpResponse text(std::string body) { return {.body = std::move(body), .headers = {}}; }

// Says back what it understood.
HttpResponse echo(const HttpRequest& request) {
  std::string body = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) body += " [" + name + "]=[" + value + "]";
  return text(body);
}

std::unique_ptr<HttpServer> start(HttpServer::Handler handler, HttpLimits limits = {}) {
  auto server = HttpServer::start("127.0.0.1", 0, std::move(handler), limits);
  if (!server) throw std::runtime_error(server.error().message);
  return std::move(*server);
}

std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: here\r\n\r\n";
}

TEST(HttpServer, AnswersWithStatusTypeHeadersAndBody) {
  const auto server = start([](const HttpRequest&) -> HttpResponse {
    return {.status = 503,
            .content_type = "application/json",
            .body = "{}",
            .headers = {{"Retry-After", "7"}}};
  });
  const std::string response = Client(server->port()).ask(get("/"));
  EXPECT_THAT(response, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(response, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(response, HasSubstr("Retry-After: 7\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\n{}"));
}

TEST(HttpServer, DecodesPathAndQuery) {
  const auto server = start(echo);
  const struct {
    std::string_view target, understood;
  } cases[] = {
      {"/", "GET /"},
      {"/a%20b+c", "GET /a b+c"},
      {"/s?model=a+b%2Bc&version=%C3%BC", "GET /s [model]=[a b+c] [version]=[ü]"},
      {"/s?b=&a&&=x", "GET /s []=[x] [a]=[] [b]=[]"},
      {"/s?a=1&a=2", "GET /s [a]=[1]"},
      {"/s?a=b=c?d", "GET /s [a]=[b=c?d]"},
      {"/s?", "GET /s"},
      {"/s?a=1#there", "GET /s [a]=[1]"},
      {"http://driftd:9464/s?a=1", "GET /s [a]=[1]"},
      {"http://driftd:9464", "GET /"},
  };
  Client client(server->port());
  for (const auto& [target, understood] : cases) {
    EXPECT_THAT(client.ask(get(target)), EndsWith("\r\n\r\n" + std::string(understood))) << target;
  }
}

TEST(HttpServer, HeadHasTheHeaderOfGetAndNoBody) {
  const auto server = start([](const HttpRequest&) { return text("12345"); });
  Client client(server->port());
  client.send("HEAD / HTTP/1.1\r\nHost: here\r\n\r\n");
  const std::string response = client.response(false);
  EXPECT_THAT(response, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\n"));
  EXPECT_THAT(client.ask(get("/")), EndsWith("\r\n\r\n12345"))
      << "the connection goes on where it should";
}

TEST(HttpServer, KeepsTheConnectionForFurtherAndForPipelinedRequests) {
  const auto server = start(echo);
  Client client(server->port());
  for (const std::string path : {"/1", "/2", "/3"})
    EXPECT_THAT(client.ask(get(path)), EndsWith("GET " + path));
  client.send(get("/4") + get("/5"));
  EXPECT_THAT(client.response(), EndsWith("GET /4"));
  EXPECT_THAT(client.response(), EndsWith("GET /5"));
}

TEST(HttpServer, ClosesWhereTheClientAsksForIt) {
  const auto server = start(echo);
  for (const std::string_view request :
       {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"}) {
    Client client(server->port());
    EXPECT_THAT(client.ask(request), EndsWith("GET /"));
    EXPECT_TRUE(client.at_end());
  }
}

TEST(HttpServer, RefusesOtherMethodsAndGoesOn) {
  const auto server = start(echo);
  Client client(server->port());
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "BREW"}) {
    const std::string response =
        client.ask(method + " / HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_THAT(response, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(response, HasSubstr("Allow: GET, HEAD\r\n")) << method;
  }
  EXPECT_THAT(client.ask(get("/on")), EndsWith("GET /on"));
}

TEST(HttpServer, RefusesWhatIsNoRequest) {
  const auto server = start(echo);
  for (const std::string_view request : {
           "hello\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
           "GET / HTTP/1.1\r\nno colon here\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: here\r\nContent-Length: many\r\n\r\n",
           "GET relative HTTP/1.1\r\nHost: here\r\n\r\n", "GET /% HTTP/1.1\r\nHost: here\r\n\r\n",
           "GET /%4 HTTP/1.1\r\nHost: here\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: here\r\n\r\n",
           "GET /s?a=%x1 HTTP/1.1\r\nHost: here\r\n\r\n",
           "\x16\x03\x01\x02\x01\x01\r\n\r\n",  // how a TLS client begins
       }) {
    Client client(server->port());
    EXPECT_THAT(client.ask(request), StartsWith("HTTP/1.1 400 ")) << request;
  }
  EXPECT_THAT(Client(server->port()).ask(get("/on")), EndsWith("GET /on"));
}

TEST(HttpServer, RefusesAHeaderThatIsTooLarge) {
  const auto server = start(echo);
  Client accepted(server->port());
  EXPECT_THAT(
      accepted.ask("GET / HTTP/1.1\r\nHost: here\r\nX: " + std::string(8'000, 'x') + "\r\n\r\n"),
      StartsWith("HTTP/1.1 200 "));
  for (const std::size_t size : {8'200u, 100'000u, 1'000'000u}) {
    Client client(server->port());
    EXPECT_THAT(
        client.ask("GET / HTTP/1.1\r\nHost: here\r\nX: " + std::string(size, 'x') + "\r\n\r\n"),
        StartsWith("HTTP/1.1 431 "))
        << size;
    EXPECT_TRUE(client.at_end()) << size;
  }
}

TEST(HttpServer, RefusesABodyThatIsTooLargeAndTheClientHearsOfIt) {
  const auto server = start(echo);
  Client told(server->port());
  EXPECT_THAT(told.ask("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000001\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  Client sent(server->port());
  EXPECT_THAT(sent.ask("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 3000000\r\n\r\n" +
                       std::string(3'000'000, 'x')),
              StartsWith("HTTP/1.1 413 "));
  Client chunked(server->port());
  EXPECT_THAT(
      chunked.ask("POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n16e360\r\n" +
                  std::string(1'500'000, 'x') + "\r\n0\r\n\r\n"),
      StartsWith("HTTP/1.1 413 "));
  Client fitting(server->port());
  EXPECT_THAT(fitting.ask("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n" +
                          std::string(1'000'000, 'x')),
              StartsWith("HTTP/1.1 405 "));
}

TEST(HttpServer, SaysInternalErrorWhenTheHandlerThrows) {
  const auto server = start([](const HttpRequest& request) {
    if (request.path == "/bad") throw std::runtime_error("no such thing");
    return text("good");
  });
  Client client(server->port());
  EXPECT_THAT(client.ask(get("/bad")), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(client.ask(get("/")), EndsWith("good"));
}

TEST(HttpServer, CarriesALargeBody) {
  const auto server = start([](const HttpRequest&) { return text(std::string(kLarge, 'x')); });
  const std::string response = Client(server->port()).ask(get("/"));
  EXPECT_EQ(response.size() - response.find("\r\n\r\n") - 4, kLarge);
}

TEST(HttpServer, ClosesAConnectionThatIsSilentOrSlow) {
  const auto server = start(echo, {.timeout = 50ms});
  Client silent(server->port());
  EXPECT_TRUE(silent.at_end());
  Client half(server->port());
  half.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_TRUE(half.at_end());
  Client idle(server->port());
  EXPECT_THAT(idle.ask(get("/")), EndsWith("GET /"));
  EXPECT_TRUE(idle.at_end());
}

TEST(HttpServer, ClosesAConnectionThatDoesNotTakeItsAnswer) {
  const auto server = start(
      [](const HttpRequest& request) {
        return text(std::string(request.path == "/large" ? kLarge : 1, 'x'));
      },
      {.connections = 1, .timeout = 50ms});
  Client client(server->port());
  client.send(get("/large"));
  ASSERT_TRUE(client.receive());
  // Its place is free again only when it has been given up.
  while (Client(server->port()).ask(get("/")).empty()) continue;
  EXPECT_LT(client.response().size(), kLarge);
}

TEST(HttpServer, TheLongestWaitingConnectionMakesWayForANewOne) {
  const auto server = start(echo);
  std::deque<Client> clients;
  for (int i = 0; i < 64; ++i) {
    clients.emplace_back(server->port());
    ASSERT_THAT(clients.back().ask(get("/")), EndsWith("GET /")) << i;
  }
  EXPECT_THAT(clients[0].ask(get("/again")), EndsWith("GET /again"));
  EXPECT_EQ(server->turned_away(), 0u);
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back(server->port());
    ASSERT_THAT(clients.back().ask(get("/new")), EndsWith("GET /new")) << i;
  }
  EXPECT_EQ(server->turned_away(), 6u);
  for (std::size_t i = 1; i <= 6; ++i) EXPECT_TRUE(clients[i].at_end()) << i;
  EXPECT_THAT(clients[0].ask(get("/")), EndsWith("GET /"))
      << "it was the latest to ask when the new ones came";
  EXPECT_THAT(clients[7].ask(get("/")), EndsWith("GET /"));
}

TEST(HttpServer, ANewConnectionIsClosedWhereAllAreBusy) {
  const auto server =
      start([](const HttpRequest&) { return text(std::string(kLarge, 'x')); }, {.connections = 1});
  Client busy(server->port());
  busy.send(get("/"));
  ASSERT_TRUE(busy.receive());
  EXPECT_TRUE(Client(server->port()).at_end());
  EXPECT_EQ(server->turned_away(), 1u);
  EXPECT_THAT(busy.response().size(), testing::Gt(kLarge));
}

TEST(HttpServer, SaysWhatToDoAboutATakenPort) {
  const auto server = start(echo);
  const auto second = HttpServer::start("127.0.0.1", server->port(), echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_EQ(second.error().message, "cannot listen on 127.0.0.1:" + std::to_string(server->port()) +
                                        ": address already in use. Another driftd may be running "
                                        "there; choose another with [daemon] listen");
}

TEST(HttpServer, SaysWhatToDoAboutAnAddressThatIsNotOurs) {
  const auto foreign = HttpServer::start("192.0.2.1", 9464, echo);  // TEST-NET-1, RFC 5737
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().message,
            "cannot listen on 192.0.2.1:9464: that is no address of this machine. "
            "Choose one that is with [daemon] listen");
  const auto nowhere = HttpServer::start("no such host", 9464, echo);
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message,
              StartsWith("cannot listen on no such host:9464: there is no such host."));
}

TEST(HttpServer, ListensOnAName) {
  const auto server = HttpServer::start("localhost", 0, echo);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_NE((*server)->port(), 0);
}

TEST(HttpServer, StopEndsOpenConnectionsAndFreesThePort) {
  auto server = start([](const HttpRequest&) { return text(std::string(kLarge, 'x')); });
  const std::uint16_t port = server->port();
  Client waiting(port);
  Client reading(port);
  reading.send(get("/"));
  ASSERT_TRUE(reading.receive());
  const auto begin = std::chrono::steady_clock::now();
  server->stop();
  server->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_TRUE(waiting.at_end());
  EXPECT_FALSE(Client(port).connected());
  const auto next = HttpServer::start("127.0.0.1", port, echo);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_THAT(Client(port).ask(get("/")), EndsWith("GET /"));
}

}  // namespace
}  // namespace driftd
