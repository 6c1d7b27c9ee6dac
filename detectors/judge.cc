#include "detectors/judge.h"

namespace driftd {
namespace {

// Cohen (1988): w = 0.3 is a medium effect; it corresponds to a PSI of about 0.1.
constexpr double kMediumEffect = 0.3;

[[nodiscard]] Level level_of(const Outcome& outcome, const Limits& limits) {
  if (limits.alpha && outcome.p_value) {
    if (*outcome.p_value >= *limits.alpha) return Level::stable;
    return outcome.effect.value_or(1) >= limits.min_effect ? Level::drift : Level::warning;
  }
  if (limits.threshold && (*outcome.statistic > *limits.threshold ||
                           (*outcome.statistic == *limits.threshold && !limits.exclusive))) {
    return Level::drift;
  }
  if (limits.warning && *outcome.statistic >= *limits.warning) return Level::warning;
  return Level::stable;
}

}  // namespace

Limits limits_for(const Detector& detector, const LimitOverrides& overrides, bool by_p_value,
                  double alpha) {
  Limits limits;
  if (overrides.p_value) {
    limits.alpha = overrides.p_value;
    return limits;
  }
  if (overrides.threshold || overrides.warning) {
    limits.threshold = overrides.threshold;
    limits.warning = overrides.warning;
    return limits;
  }
  limits.warning = detector.limits.warning;
  limits.threshold = detector.limits.threshold;
  if (by_p_value) {
    limits.alpha = alpha;
  } else if (!limits.threshold) {
    limits.alpha = alpha;
    limits.min_effect = kMediumEffect;
  }
  return limits;
}

Verdict judge(const Outcome& outcome, const Limits& limits, std::int64_t min_samples) {
  Verdict verdict;
  verdict.n = outcome.n;
  verdict.statistic = outcome.statistic;
  verdict.p_value = outcome.p_value;
  verdict.threshold_on_p_value = limits.alpha && (outcome.p_value || !limits.threshold);
  verdict.threshold = verdict.threshold_on_p_value ? limits.alpha : limits.threshold;
  if (!verdict.threshold) verdict.threshold = limits.warning;
  if (outcome.statistic && outcome.n >= min_samples) verdict.level = level_of(outcome, limits);
  return verdict;
}

}  // namespace driftd
