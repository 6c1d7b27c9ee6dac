#include "daemon/demo/demo_config.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <random>
#include <string_view>

#include "config/config.h"
#include "daemon/demo/event_feeder.h"

namespace driftd {
namespace {

// Everything that is not set here has its default, the thresholds among them: nothing is tuned to
// the data. Predictions have one partition, so that windows can be counted in their order. Labels
// come weeks late, which is about a second here, so what they correct is published as often.
constexpr const char* kTemplate =
    R"(# What `driftd demo` runs. Every key is explained in docs/configuration.md.
[daemon]
listen = "127.0.0.1:{port}"
state_dir = "state"
checkpoint_interval = "250ms"

[store]
url = "sqlite:driftd.db"

[[source]]
brokers = "{brokers}"
timestamps = "milliseconds"
predictions = ["{predictions}"]
labels = ["{labels}"]
properties = {{ "fetch.wait.max.ms" = "50" }}

[[model]]
name = "car-loan"
task = "binary"
positive_class = 1
reference = "{reference}"
window = {{ count = 500 }}
label_horizon = "90d"
amend_interval = "1s"
alerts = {{ budget = "1 per 30d" }}

[[webhook]]
url = "{webhook}"
secret_file = "webhook.key"
)";

[[nodiscard]] bool is_free(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  const int yes = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free =
      ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(descriptor);
  return free;
}

// As the inside of a basic string of TOML, in which driftd moreover replaces ${NAME}.
[[nodiscard]] std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '$') result += '$';
    result += c;
  }
  return result;
}

[[nodiscard]] Result<> write_file(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return {};
  return fail(ErrorCode::io, path + ": cannot be written; is the disk full?");
}

}  // namespace

std::string make_webhook_secret() {
  constexpr std::string_view kBase64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr int kDigits = 32;  // of 6 bits each: 24 bytes, without padding
  std::random_device random;
  std::string secret = "whsec_";
  for (int i = 0; i < kDigits; ++i) secret += kBase64[random() % kBase64.size()];
  return secret;
}

Result<std::string> write_demo_config(const ScratchFolder& folder, const DemoEndpoints& endpoints) {
  const std::uint16_t usual = DaemonConfig{}.listen_port;
  const std::string text = fmt::format(
      kTemplate, fmt::arg("port", is_free(usual) ? usual : 0),
      fmt::arg("brokers", endpoints.brokers), fmt::arg("predictions", kPredictionsTopic),
      fmt::arg("labels", kLabelsTopic), fmt::arg("reference", escaped(endpoints.reference)),
      fmt::arg("webhook", endpoints.webhook_url));
  if (auto done = write_file(folder.file("webhook.key"), endpoints.webhook_secret + "\n"); !done) {
    return std::unexpected(done.error());
  }
  std::string path = folder.file("driftd.toml");
  if (auto done = write_file(path, text); !done) return std::unexpected(done.error());
  return path;
}

}  // namespace driftd
