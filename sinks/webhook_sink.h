// The sink for one webhook: an HTTP POST per message, signed by the Standard Webhooks
// specification.
//
// Thread rule: one thread, as for every sink; a call takes at most the webhook's time-out, and
// before that as long as the system's resolver may take. Allocation rule: may allocate. Failure
// rule: only a 2xx is success. No answer and any other status is `unavailable`; a 410 (gone), and a
// host name that leads to a forbidden address, is `rejected`. After a 410 nothing more is sent
// until the process restarts.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "core/clock.h"
#include "sinks/sink.h"
#include "sinks/webhook_endpoint.h"

namespace driftd {

// A server may ask for a pause (Retry-After), but not for longer than this.
inline constexpr DurationMs kMaxRetryAfter = 24LL * 3'600'000;

struct WebhookReply;  // what a server answered

class WebhookSink final : public Sink {
 public:
  // `clock` outlives the sink. `version` is driftd's own, for the user agent. Refuses, as
  // `invalid_config`, a URL, a secret or a ca_file that cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<WebhookSink>> make(const WebhookConfig& config,
                                                                 const Clock& clock,
                                                                 std::string_view version);
  ~WebhookSink() override;

  [[nodiscard]] const std::string& name() const override { return config_.name; }
  [[nodiscard]] std::size_t batch_size() const override { return 1; }
  [[nodiscard]] Result<void> deliver(std::span<const OutboxEntry> entries) override;

  // How long the server asked to be left alone in its last answer; 0 where it did not.
  [[nodiscard]] DurationMs retry_after() const override { return retry_after_; }
  // Whether a 410 has ended this webhook.
  [[nodiscard]] bool disabled() const { return disabled_; }

 private:
  struct Tls;  // certificates and what else OpenSSL keeps

  WebhookSink(WebhookConfig config, const Clock& clock, std::string_view version);
  [[nodiscard]] Result<void> send(const OutboxEntry& entry);
  [[nodiscard]] Result<WebhookReply> exchange(const OutboxEntry& entry) const;
  [[nodiscard]] Result<void> judge(const WebhookReply& reply);
  [[nodiscard]] std::unexpected<Error> failure(ErrorCode code, std::string_view what) const;

  const WebhookConfig config_;
  const Clock& clock_;
  const std::string user_agent_;
  WebhookEndpoint endpoint_;
  std::string key_;  // empty: unsigned
  std::unique_ptr<Tls> tls_;
  DurationMs retry_after_ = 0;
  bool disabled_ = false;
};

}  // namespace driftd
