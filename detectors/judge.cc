#include "detectors/judge.h"

#include <cmath>

namespace driftd {
namespace {

[[nodiscard]] Level level_of(const Outcome& outcome, const Limits& limits) {
  if (limits.alpha && outcome.p_value) {
    if (*outcome.p_value >= *limits.alpha) return Level::stable;
    return outcome.effect.value_or(1) >= limits.min_effect ? Level::drift : Level::warning;
  }
  const double statistic = limits.is_signed ? std::abs(*outcome.statistic) : *outcome.statistic;
  if (limits.threshold &&
      (statistic > *limits.threshold || (statistic == *limits.threshold && !limits.exclusive))) {
    return Level::drift;
  }
  if (limits.warning && statistic >= *limits.warning) return Level::warning;
  return Level::stable;
}

}  // namespace

Limits limits_for(const Detector& detector, const LimitOverrides& overrides, bool by_p_value,
                  double alpha) {
  Limits limits;
  limits.is_signed = detector.is_signed;
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
    limits.min_effect = detector.limits.min_effect;
  }
  return limits;
}

Verdict judge(const Outcome& outcome, const Limits& limits, std::int64_t min_samples) {
  Verdict verdict;
  verdict.n = outcome.n;
  verdict.statistic = outcome.statistic;
  verdict.low = outcome.low;
  verdict.high = outcome.high;
  verdict.p_value = outcome.p_value;
  verdict.bound = outcome.bound;
  verdict.threshold_on_p_value = limits.alpha && (outcome.p_value || !limits.threshold);
  verdict.threshold = verdict.threshold_on_p_value ? limits.alpha : limits.threshold;
  if (!verdict.threshold) verdict.threshold = limits.warning;
  if (outcome.statistic && outcome.n >= min_samples) verdict.level = level_of(outcome, limits);
  return verdict;
}

}  // namespace driftd
