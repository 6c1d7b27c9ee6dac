#include "sinks/store.h"

#include "sinks/postgres_store.h"
#include "sinks/sqlite_store.h"

namespace driftd {

std::unique_ptr<Store> make_store(const StoreConfig& config) {
  if (config.kind == StoreKind::postgres) {
    return std::make_unique<PostgresStore>(config.location, config.password);
  }
  return std::make_unique<SqliteStore>(config.location);
}

}  // namespace driftd
