// The store in a Postgres database.
//
// Rows go over as one JSON array per table and batch, one statement each. Sessions are not relied
// on (no prepared statements, transaction-level locks), so that a connection pooler may stand
// between. Thread, allocation and failure rules: store.h. A connection that broke is made anew by
// the next call; a table that has vanished, as after a restore of an older backup, is made anew,
// too.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "sinks/store.h"

namespace driftd {

class PostgresStore final : public Store {
 public:
  // `url` is postgresql://user@host/database?options, without the password.
  PostgresStore(std::string url, std::string password);
  ~PostgresStore() override;

  [[nodiscard]] Result<void> open() override;
  [[nodiscard]] Result<void> write(std::span<const Report> reports) override;
  [[nodiscard]] Result<void> write_delivery(const Delivery& delivery) override;
  [[nodiscard]] std::string describe() const override;

 private:
  class Session;
  class Rows;
  [[nodiscard]] Result<void> ensure_open();
  [[nodiscard]] Result<void> put(const Rows& rows);
  [[nodiscard]] Result<void> guarded(const auto& work);

  const std::string url_;
  const std::string password_;
  std::mutex mutex_;
  std::unique_ptr<Session> session_;  // empty until it is connected and migrated
};

}  // namespace driftd
