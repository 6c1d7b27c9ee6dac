// Runs of a pipeline in processes of their own, which a test ends at any call of a fault point, or
// whose calls there it lets fail.
//
// A run goes through its stream step by step: a few messages, then a checkpoint; the last step is
// the orderly stop. A process that ended in a step is followed by one that begins with that step
// again, not knowing whether its checkpoint had been written. The stream, its steps and the clock
// of a step are fixed, and one lane folds in one order, so that every number must come out to the
// last bit. Thread rule: the test's process has one thread, or a child could inherit a lock that
// nobody gives back. Failure rule: a child says how it ended by its exit code; all else is an
// assertion of the test.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "state/fault_points.h"
#include "tests/support/hard_stream.h"
#include "tests/support/pipeline.h"

namespace driftd {

using CallCounts = std::array<std::uint32_t, kFaultPointNames.size()>;

// What happens at some calls of one point, counted from 0 in a process.
struct Disturbance {
  FaultPoint point{};
  std::uint32_t call = 0;
  std::uint32_t times = 1;  // that many calls in turn
  int error = 0;            // 0: the process ends there
};
[[nodiscard]] std::string to_string(const Disturbance& disturbance);

enum class Ending : std::uint8_t {
  complete,  // the run has come to its end
  crashed,   // it was ended at the disturbance
  refused,   // the start failed
  failed,    // anything else: a signal, or an assertion
};

struct RunResult {
  Ending ending = Ending::failed;
  std::size_t step = 0;   // where it ended
  CallCounts calls = {};  // of each point
  bool disturbed = false;
};

struct SteppedRun {
  Stream stream;
  std::function<void(Pipeline&)> arrange;  // the configuration
  unsigned lanes = 1;
  DurationMs interval = 1;
  std::size_t messages = kStep;  // a step

  // The number of the step that stops.
  [[nodiscard]] std::size_t last_step() const { return (stream.size() + messages - 1) / messages; }
  // In a child process, on the state in `folder`, from `step` on; with a disturbance or without.
  [[nodiscard]] RunResult in_child(const std::filesystem::path& folder, std::size_t step,
                                   const Disturbance* disturbance) const;
  // Every line of the outbox, in order.
  [[nodiscard]] std::vector<std::string> lines(const std::filesystem::path& folder) const;
};

}  // namespace driftd
