#include "config/byte_size.h"
#include "config/sections.h"

namespace driftd {
namespace {

// The smallest index of a join, for every model that may be configured.
constexpr std::uint64_t kLeastMemory = 1 * kMiB;
constexpr std::uint64_t kMostMemory = 1'024 * kGiB;

}  // namespace

StateConfig read_state(TableReader& table) {
  StateConfig state;
  table.byte_size("memory", state.memory, {kLeastMemory, kMostMemory});
  std::uint64_t min_free = 0;
  if (table.byte_size("min_free", min_free, {0, kMostMemory})) state.min_free = min_free;
  table.choice<OnChange>("on_change", state.on_change,
                         {{"refuse", OnChange::refuse}, {"set_aside", OnChange::set_aside}});
  return state;
}

}  // namespace driftd
