#include "state/fault_points.h"

#include <atomic>

namespace driftd {
namespace {

// Relaxed is enough: a test sets the hook before it starts the threads that ask, and takes it away
// after they have been joined.
std::atomic<const FaultHook*> installed_hook = nullptr;

}  // namespace

void set_fault_hook(const FaultHook* hook) {
  installed_hook.store(hook, std::memory_order_relaxed);
}

int fault(FaultPoint point) {
  const FaultHook* hook = installed_hook.load(std::memory_order_relaxed);
  return hook == nullptr ? 0 : (*hook)(point);
}

}  // namespace driftd
