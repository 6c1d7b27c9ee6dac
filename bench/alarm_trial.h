// One trial: a reference from a family's traffic, two months of stable live traffic, and shifts
// that begin at several of its windows, judged by driftd's false-alarm budget and by rival rules.
//
// Thread rule: pure. Allocation rule: by the trial. Failure rule: a history that cannot be learnt
// ends the program, because every family must be learnable.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "bench/rival_rules.h"
#include "bench/simulated_traffic.h"
#include "detectors/calibration/budget_model.h"

namespace driftd {

inline constexpr int kLiveDays = 60;
inline constexpr int kBudgetDays = 30;
inline constexpr int kLongestDelay = 120;  // windows

struct ShiftRun {
  ShiftKind kind = ShiftKind::none;
  int live_window = 0;    // of the stable stream, before which the shift begins
  bool alerting = false;  // driftd had an alert on when it began
  int delay = 0;          // windows until driftd's, the first shifted one is 1; 0: none
  std::vector<RuleValues> rules;
};

struct Trial {
  int live_windows = 0;
  int alerts = 0;  // how often an alert began in the stable stream
  int drifting_windows = 0;
  int unfamiliar_windows = 0;  // alerting windows in which the memory was said to be unfamiliar
  int alerting_windows = 0;
  int learning_alerts = 0;        // of `alerts`, in the first 7 days of a baseline without times
  std::vector<RuleValues> rules;  // of the stable stream
  std::vector<ShiftRun> runs;
};

struct TrialOptions {
  bool delays = true;
  bool rivals = true;
  int starts = 2;
  int live_days = kLiveDays;
};

[[nodiscard]] Trial run_trial(const Family& family, std::uint64_t seed,
                              const TrialOptions& options);

}  // namespace driftd
