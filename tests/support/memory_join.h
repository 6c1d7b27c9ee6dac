// A label join without files, for tests that look at what it feeds.
//
// Thread rule: that of the join. Allocation rule: may allocate. Cannot fail.
#pragma once

#include <memory>

#include "windows/label_join.h"

namespace driftd {

inline constexpr std::size_t kJoinMemory = std::size_t{64} << 20;

[[nodiscard]] inline std::unique_ptr<LabelJoin> make_memory_join(const ModelSchema& model,
                                                                 MemoryBudget& memory) {
  return std::make_unique<LabelJoin>(model, memory,
                                     std::make_unique<MemoryJoinRows>(LabelJoin::row_bytes(model)));
}

}  // namespace driftd
