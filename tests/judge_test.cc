#include "detectors/judge.h"

#include <gtest/gtest.h>

#include <optional>

namespace driftd {
namespace {

constexpr auto kNone = std::nullopt;
using Maybe = std::optional<double>;

const Detector& detector(std::string_view name) { return *find_detector(name); }

TEST(Limits, FollowThePolicyAndTheOwner) {
  struct Case {
    const char* what;
    const char* detector;
    LimitOverrides overrides;
    bool by_p_value;
    Maybe warning, threshold, alpha;
    double min_effect;
  };
  const Case cases[] = {
      {"conventional", "psi", {}, false, 0.1, 0.2, kNone, 0},
      {"conventional", "ks", {}, false, kNone, 0.1, kNone, 0},
      {"no conventional limit", "chi2", {}, false, kNone, kNone, 0.01, 0.3},
      {"by p-value", "ks", {}, true, kNone, 0.1, 0.01, 0},
      {"by p-value", "chi2", {}, true, kNone, kNone, 0.01, 0},
      {"by p-value, but it has none", "psi", {}, true, 0.1, 0.2, 0.01, 0},
      {"own threshold", "psi", {kNone, 0.5, kNone}, false, kNone, 0.5, kNone, 0},
      {"own warning only", "psi", {0.05, kNone, kNone}, false, 0.05, kNone, kNone, 0},
      {"own threshold under a p-value policy",
       "ks",
       {kNone, 0.3, kNone},
       true,
       kNone,
       0.3,
       kNone,
       0},
      {"own p-value", "chi2", {kNone, kNone, 0.001}, false, kNone, kNone, 0.001, 0},
  };
  for (const Case& row : cases) {
    const Limits limits = limits_for(detector(row.detector), row.overrides, row.by_p_value, 0.01);
    EXPECT_EQ(limits.warning, row.warning) << row.detector << ", " << row.what;
    EXPECT_EQ(limits.threshold, row.threshold) << row.detector << ", " << row.what;
    EXPECT_EQ(limits.alpha, row.alpha) << row.detector << ", " << row.what;
    EXPECT_EQ(limits.min_effect, row.min_effect) << row.detector << ", " << row.what;
  }
}

TEST(Judge, LevelsFollowTheLimits) {
  const Limits fixed{0.1, 0.2, kNone};
  const Limits by_p{kNone, kNone, 0.01};
  const Limits by_p_and_size{kNone, kNone, 0.01, 0.1};
  const Limits both{0.1, 0.2, 0.01};
  struct Case {
    const char* what;
    Outcome outcome;
    Limits limits;
    Level level;
    Maybe threshold;
  };
  const Case cases[] = {
      {"below the warning", {100, 0.099, kNone, kNone}, fixed, Level::stable, 0.2},
      {"at the warning", {100, 0.1, kNone, kNone}, fixed, Level::warning, 0.2},
      {"below the threshold", {100, 0.199, kNone, kNone}, fixed, Level::warning, 0.2},
      {"at the threshold", {100, 0.2, kNone, kNone}, fixed, Level::drift, 0.2},
      {"warning only", {100, 5, kNone, kNone}, {0.1, kNone, kNone}, Level::warning, 0.1},
      {"threshold only", {100, 0.15, kNone, kNone}, {kNone, 0.2, kNone}, Level::stable, 0.2},
      {"no limit at all", {100, 5, kNone, kNone}, {}, Level::stable, kNone},
      {"below alpha", {100, 0.5, 0.0099, kNone}, by_p, Level::drift, 0.01},
      {"at alpha", {100, 0.5, 0.01, kNone}, by_p, Level::stable, 0.01},
      {"below alpha, small", {100, 0.5, 1e-9, 0.09}, by_p_and_size, Level::warning, 0.01},
      {"below alpha, not small", {100, 0.5, 1e-9, 0.1}, by_p_and_size, Level::drift, 0.01},
      {"the p-value wins", {100, 0.9, 0.5, 0.9}, both, Level::stable, 0.01},
      {"no p-value: the statistic", {100, 0.9, kNone, kNone}, both, Level::drift, 0.2},
      {"few values", {99, 0.9, kNone, kNone}, fixed, Level::insufficient_data, 0.2},
      {"no statistic", {100, kNone, kNone, kNone}, fixed, Level::insufficient_data, 0.2},
      {"no statistic, by p-value",
       {100, kNone, kNone, kNone},
       by_p,
       Level::insufficient_data,
       0.01},
  };
  for (const Case& row : cases) {
    const Verdict verdict = judge(row.outcome, row.limits, 100);
    EXPECT_EQ(verdict.level, row.level) << row.what;
    EXPECT_EQ(verdict.threshold, row.threshold) << row.what;
    EXPECT_EQ(verdict.n, row.outcome.n) << row.what;
    EXPECT_EQ(verdict.statistic, row.outcome.statistic) << row.what << ": the level blanks nothing";
    EXPECT_EQ(verdict.p_value, row.outcome.p_value) << row.what;
  }
}

}  // namespace
}  // namespace driftd
