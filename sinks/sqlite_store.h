// The store in one SQLite file, the embedded default.
//
// The file is in WAL mode, so that any SQLite client can read it while the daemon writes.
// Thread, allocation and failure rules: store.h. A full disk, a lock held too long or a failed
// write is `unavailable`.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "sinks/store.h"

namespace driftd {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::string path);
  ~SqliteStore() override;

  [[nodiscard]] Result<void> open() override;
  [[nodiscard]] Result<void> write(std::span<const Report> reports) override;
  [[nodiscard]] Result<void> write_delivery(const Delivery& delivery) override;
  [[nodiscard]] std::string describe() const override;

 private:
  class Database;
  [[nodiscard]] Result<void> ensure_open();
  [[nodiscard]] Result<void> transact(const auto& work);

  const std::string path_;
  std::mutex mutex_;
  std::unique_ptr<Database> database_;  // empty until it is open and migrated
};

}  // namespace driftd
