// The rows of one checkpoint, as they are written into the state's tables.
//
// Thread rule: whoever holds the connection. Allocation rule: may allocate. Failure rule: an error
// at the first row that cannot be written; the transaction is the caller's, and so is its end.
#pragma once

#include <string>

#include "core/result.h"
#include "state/fault_points.h"
#include "state/stored.h"

namespace driftd {

class SqliteConnection;

// What a test lets happen at this moment of writing to the database `path`; nothing in production.
[[nodiscard]] Result<> checkpoint_fault(FaultPoint point, const std::string& path);

// `path`: the database's file, for what is said of a fault.
[[nodiscard]] Result<> write_rows(SqliteConnection& db, const std::string& path,
                                  const Checkpoint& checkpoint);

}  // namespace driftd
