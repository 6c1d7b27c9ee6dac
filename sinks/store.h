// The database behind the daemon: findings, metrics, transitions and webhook deliveries, in SQLite
// or in Postgres.
//
// Both keep the same tables and pass the same tests. Every row is an upsert on its unique key, so
// that writing the same reports twice, as happens after a crash, changes nothing. Thread rule: any
// thread; calls wait for one another. Allocation rule: may allocate. Failure rule: `open` returns
// `unavailable` where a retry may help and else an error that says what to do; `write` and
// `write_delivery` return `unavailable`, and nothing was written, or `rejected`: the database
// answered and will not take these rows. After an outage the next call connects again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "config/config.h"
#include "core/report.h"
#include "core/result.h"

namespace driftd {

// What became of one webhook message; the row is written anew as it changes.
struct Delivery {
  std::string webhook;  // its name in the configuration
  std::string id;       // the webhook-id
  MonitorName monitor;
  TimeMs at = 0;       // of the transition
  std::string status;  // delivered | failed | rejected
  std::int32_t attempts = 0;
  std::optional<TimeMs> delivered_at;
};

class Store {
 public:
  virtual ~Store() = default;
  // Connects and brings the tables to this version's schema, under a lock that other instances wait
  // for.
  [[nodiscard]] virtual Result<void> open() = 0;
  // All or nothing, in one transaction.
  [[nodiscard]] virtual Result<void> write(std::span<const Report> reports) = 0;
  [[nodiscard]] virtual Result<void> write_delivery(const Delivery& delivery) = 0;
  // Where it is, for logs and messages, without secrets.
  [[nodiscard]] virtual std::string describe() const = 0;
};

[[nodiscard]] std::unique_ptr<Store> make_store(const StoreConfig& config);

}  // namespace driftd
