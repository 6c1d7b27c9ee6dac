#include "tests/support/crashes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <system_error>

namespace driftd {
namespace {

constexpr int kCompleteExit = 0;
constexpr int kCrashExit = 71;
constexpr int kRefusedExit = 72;
constexpr int kFailedExit = 73;

// What a child leaves to its parent, in memory that both see.
struct Trace {
  std::atomic<std::size_t> step{0};
  std::array<std::atomic<std::uint32_t>, kFaultPointNames.size()> calls{};
  std::atomic<bool> disturbed{false};
};

class SharedTrace {
 public:
  SharedTrace() {
    void* place =
        ::mmap(nullptr, sizeof(Trace), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (place != MAP_FAILED) trace_ = new (place) Trace;
  }
  ~SharedTrace() {
    if (trace_ != nullptr) ::munmap(trace_, sizeof(Trace));
  }
  SharedTrace(const SharedTrace&) = delete;
  SharedTrace& operator=(const SharedTrace&) = delete;

  [[nodiscard]] Trace* get() const { return trace_; }

 private:
  Trace* trace_ = nullptr;
};

[[nodiscard]] FaultHook hook_of(Trace& trace, const Disturbance* disturbance) {
  return [&trace, disturbance](FaultPoint point) {
    const std::uint32_t call = trace.calls[static_cast<std::size_t>(point)].fetch_add(1);
    if (disturbance == nullptr || point != disturbance->point || call < disturbance->call ||
        call - disturbance->call >= disturbance->times)
      return 0;
    trace.disturbed = true;
    // No destructor and no flush: as a kill -9 does it.
    if (disturbance->error == 0) ::_exit(kCrashExit);
    return disturbance->error;
  };
}

[[nodiscard]] int run_steps(const SteppedRun& run, const std::filesystem::path& folder,
                            std::size_t from, Trace& trace) {
  Pipeline pipeline(folder);
  pipeline.stream = run.stream;
  pipeline.config.daemon.checkpoint_interval = run.interval;
  if (run.arrange) run.arrange(pipeline);
  pipeline.clock().advance(static_cast<DurationMs>(from) * run.interval);
  trace.step = from;
  if (!pipeline.try_start(run.lanes, std::min(from * run.messages, run.stream.size())))
    return kRefusedExit;
  for (std::size_t step = from; step < run.last_step(); ++step) {
    trace.step = step;
    pipeline.read(run.messages);
    pipeline.checkpoint();
  }
  trace.step = run.last_step();
  pipeline.clock().advance(run.interval);
  pipeline.coordinator().stop();
  return ::testing::Test::HasFailure() ? kFailedExit : kCompleteExit;
}

[[nodiscard]] Ending ending_of(int status) {
  if (!WIFEXITED(status)) return Ending::failed;
  switch (WEXITSTATUS(status)) {
    case kCompleteExit: return Ending::complete;
    case kCrashExit: return Ending::crashed;
    case kRefusedExit: return Ending::refused;
    default: return Ending::failed;
  }
}

}  // namespace

std::string to_string(const Disturbance& disturbance) {
  const std::string what =
      disturbance.error == 0
          ? "crash"
          : std::error_code(disturbance.error, std::generic_category()).message();
  return fmt::format("{} at {}, call {}, {} times", what, to_string(disturbance.point),
                     disturbance.call, disturbance.times);
}

RunResult SteppedRun::in_child(const std::filesystem::path& folder, std::size_t step,
                               const Disturbance* disturbance) const {
  const SharedTrace shared;
  if (shared.get() == nullptr) return {};
  Trace& trace = *shared.get();
  const pid_t child = ::fork();
  if (child == 0) {
    const FaultHook hook = hook_of(trace, disturbance);
    set_fault_hook(&hook);
    ::_exit(run_steps(*this, folder, step, trace));
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return {};
  RunResult result{.ending = ending_of(status), .step = trace.step, .disturbed = trace.disturbed};
  std::ranges::copy(trace.calls, result.calls.begin());
  return result;
}

std::vector<std::string> SteppedRun::lines(const std::filesystem::path& folder) const {
  Pipeline reading(folder);
  std::vector<std::string> lines;
  for (const Report& report : reading.outbox()) append_json(lines.emplace_back(), report);
  return lines;
}

}  // namespace driftd
