// One sink's outbox entries in the state, in order.
//
// Thread rule: the sink's thread; it has a connection of its own beside the coordinator's.
// Allocation rule: may allocate. Failure rule: what cannot be read now may be asked for again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "state/stored.h"

namespace driftd {

class OutboxReader {
 public:
  [[nodiscard]] static Result<std::unique_ptr<OutboxReader>> open(const std::string& database_path);
  ~OutboxReader();

  [[nodiscard]] Result<std::vector<StoredOutboxEntry>> read(const std::string& sink,
                                                            std::int64_t after, std::size_t limit);

 private:
  struct Database;
  OutboxReader() = default;
  std::unique_ptr<Database> database_;
};

}  // namespace driftd
