// `driftd replay`: the pipeline of the daemon over files, as fast as it can, without a broker, a
// state or a store.
//
// One lane reads both files in order of arrival; windows close exactly at the row that ends them.
// What is written is the report lines of DESIGN section 14, the summary last. Several policies are
// seen in one pass: the events are read, joined and folded once, and each policy judges every
// window for itself, with the same findings as in a replay of its own. Thread rule: one thread.
// Failure rule: an Error that says what to do; drift is no failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/policies.h"
#include "core/clock.h"
#include "core/report.h"
#include "core/result.h"

namespace driftd {

struct ReplayOptions {
  std::string predictions;  // a path, or "-"
  std::string labels;       // empty: none
  double speed = 0;         // times real time; 0: as fast as it can
};

// What a replay tells while it runs.
class ReplayObserver {
 public:
  virtual ~ReplayObserver() = default;
  // By the configuration's own rules.
  virtual void report(const Report& report) = 0;
  // By those of every policy, the configuration's being number 0. `arrived`: the latest event time
  // of the model's events by then; for what late labels changed it is that at the end of the batch
  // of at most 4,096 rows.
  virtual void judged(std::size_t /*policy*/, const Report& /*report*/, TimeMs /*arrived*/) {}
  virtual void progress(std::uint64_t predictions, std::uint64_t labels) = 0;
};

[[nodiscard]] Result<ReplaySummary> replay(const Config& config, const ReplayOptions& options,
                                           ReplayObserver& observer);

// The predictions of a model that entered windows; of none `first_time` lies behind `last_time`.
struct ModelTraffic {
  std::uint64_t predictions = 0;
  TimeMs first_time = kEndOfTime;  // event time
  TimeMs last_time = kNoTime;
};
struct PolicyRun {
  std::uint64_t alerts = 0;
  double cpu_seconds = 0;  // of the evaluation alone, without reading, joining and folding
};
struct PolicyReplay {
  ReplaySummary summary;              // by the configuration's own rules
  std::vector<ModelTraffic> traffic;  // by model
  std::vector<PolicyRun> policies;    // the configuration's first
};

[[nodiscard]] Result<PolicyReplay> replay_policies(const Config& config,
                                                   std::span<const Policy> policies,
                                                   const ReplayOptions& options,
                                                   ReplayObserver& observer);

}  // namespace driftd
