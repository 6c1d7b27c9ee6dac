// The reduced simulation of bench/false_alarms: seeds are fixed, so these counts are always the
// same; the bounds say what would be a broken calibration, not what is measured (docs/
// false-alarms.md has that).
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "bench/alarm_trial.h"

namespace driftd {
namespace {

constexpr std::uint64_t kFirstSeed = 700;

const Family& family(std::string_view name) {
  const auto all = families();
  const auto found = std::ranges::find(all, name, &Family::name);
  EXPECT_NE(found, all.end()) << name;
  return *found;
}

TEST(FalseAlarms, StayNearTheBudgetOnStableTraffic) {
  TrialOptions options;
  options.delays = false;
  options.rivals = false;
  int alerts = 0;
  double periods = 0;
  for (const char* const name :
       {"5 features, wander .1", "iid, 7 days", "n = 30, 1 % missing", "no times, iid"}) {
    for (std::uint64_t seed = kFirstSeed; seed < kFirstSeed + 2; ++seed) {
      const Trial trial = run_trial(family(name), seed, options);
      // Three times the budget over two months would be 6.
      EXPECT_LE(trial.alerts, 8) << name << " " << seed;
      EXPECT_EQ(trial.unfamiliar_windows, 0) << name << " " << seed;
      alerts += trial.alerts;
      periods += static_cast<double>(kLiveDays) / kBudgetDays;
    }
  }
  // 16 periods: 16 alerts are allowed; at a rate of 1, fewer than 3 or more than 32 would be a
  // chance of one in a thousand.
  EXPECT_GE(alerts, 3);
  EXPECT_LE(alerts, 32);
  EXPECT_EQ(periods, 16);
}

TEST(FalseAlarms, AreNotKeptAwayByBlindness) {
  TrialOptions options;
  options.rivals = false;
  options.starts = 1;
  options.live_days = 10;
  for (const char* const name : {"5 features, wander .1", "iid, 7 days"}) {
    const Trial trial = run_trial(family(name), kFirstSeed, options);
    for (const ShiftRun& run : trial.runs) {
      if (run.kind != ShiftKind::sd_05 && run.kind != ShiftKind::sd_1) continue;
      EXPECT_GE(run.delay, 1) << name << " " << to_string(run.kind);
      EXPECT_LE(run.delay, 24) << name << " " << to_string(run.kind);
    }
  }
}

}  // namespace
}  // namespace driftd
