// Where reports go. One of the two virtual interfaces of driftd (the other is sources/source.h).
//
// A durable sink is fed from the outbox (state/) by a thread of its own: `deliver` is called with
// consecutive entries and is called again with the same ones until it succeeds, so it must be
// idempotent. Thread rule: one thread per sink. Allocation rule: may allocate. Failure rule:
// returns an Error; `unavailable` is retried with back-off for ever, `rejected` drops the entries,
// counted and logged.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/report.h"
#include "core/result.h"

namespace driftd {

// One row of the outbox: a payload for one sink with an id that stays the same over retries and
// restarts.
struct OutboxEntry {
  std::int64_t sequence = 0;
  std::string id;       // webhooks: the webhook-id; store: empty
  std::string payload;  // store: one report line (JSON); webhook: the body as it will be sent
  TimeMs created = 0;   // wall clock
};

class Sink {
 public:
  virtual ~Sink() = default;
  [[nodiscard]] virtual const std::string& name() const = 0;
  // How many entries one `deliver` takes at most.
  [[nodiscard]] virtual std::size_t batch_size() const = 0;
  [[nodiscard]] virtual Result<void> deliver(std::span<const OutboxEntry> entries) = 0;
  // How long the other side asked to be left alone when it last refused; 0 where it did not say.
  [[nodiscard]] virtual DurationMs retry_after() const { return 0; }
};

}  // namespace driftd
