// What stands at the other end of the demo's webhook: an HTTP server on a loopback port that checks
// each message's signature as a receiver should, and remembers what it got.
//
// Thread rule: any thread may ask; one thread of its own serves. Failure rule: `start` says why
// there is none; a request that is not a signed POST is answered with an error and remembered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"

namespace driftd {

struct ReceivedWebhook {
  std::string id;  // the header webhook-id
  bool verified = false;
  std::string state;  // the state of health that it tells of
  std::vector<std::string> reasons;
  std::size_t bytes = 0;
};

class WebhookReceiver {
 public:
  // `secret` is as in the configuration, whsec_<base64>.
  [[nodiscard]] static Result<std::unique_ptr<WebhookReceiver>> start(const std::string& secret);
  ~WebhookReceiver();
  WebhookReceiver(const WebhookReceiver&) = delete;
  WebhookReceiver& operator=(const WebhookReceiver&) = delete;

  [[nodiscard]] std::string url() const;
  // In the order in which they came.
  [[nodiscard]] std::vector<ReceivedWebhook> received() const;

 private:
  class Server;
  explicit WebhookReceiver(std::unique_ptr<Server> server);

  std::unique_ptr<Server> server_;
};

}  // namespace driftd
