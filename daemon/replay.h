// `driftd replay`: the pipeline of the daemon over files, as fast as it can, without a broker, a
// state or a store.
//
// One lane reads both files in order of arrival; windows close exactly at the row that ends them.
// What is written is the report lines of DESIGN section 14, the summary last. Thread rule: one
// thread. Failure rule: an Error that says what to do; drift is no failure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/config.h"
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
  virtual void report(const Report& report) = 0;
  virtual void progress(std::uint64_t predictions, std::uint64_t labels) = 0;
};

[[nodiscard]] Result<ReplaySummary> replay(const Config& config, const ReplayOptions& options,
                                           ReplayObserver& observer);

}  // namespace driftd
