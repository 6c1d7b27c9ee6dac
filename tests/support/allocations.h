// Counts the allocations of a whole test program, so that a test can say that none happened.
//
// A program that links this has its `operator new` and `operator delete` replaced. They are in a
// file of their own so that neither the compiler nor its analyzer looks through them: both would
// see a `free` behind a `new` and warn. Thread rule: any thread.
#pragma once

#include <cstdint>

namespace driftd {

// How many there have been since the program began.
[[nodiscard]] std::uint64_t allocations();

}  // namespace driftd
