// From an outcome to a verdict: which limit applies, and which level follows.
//
// Limits on the statistic: `warning` and `drift` from the number on. A limit on the p-value: drift
// below `alpha` when the effect reaches `min_effect`, else a warning, because with enough rows
// everything is significant. Fewer than `min_samples` values, or no statistic: insufficient_data,
// never stable.
#pragma once

#include <cstdint>
#include <optional>

#include "core/report.h"
#include "detectors/registry.h"

namespace driftd {

struct Limits {
  std::optional<double> warning;    // on the statistic
  std::optional<double> threshold;  // on the statistic
  std::optional<double> alpha;      // on the p-value; wins over the limits on the statistic
  double min_effect = 0;
  bool exclusive = false;  // `threshold` itself is still all right (a largest share)
  bool is_signed = false;  // the limits on the statistic are on its magnitude
};

// What the owner wrote for one detector of one series; empty means the default.
struct LimitOverrides {
  std::optional<double> warning;
  std::optional<double> threshold;
  std::optional<double> p_value;
};

// `by_p_value`: the model's policy. Where a detector has no p-value its limits on the statistic
// apply in any case, and where it has no conventional limit on the statistic (chi2) its p-value
// applies, with at least the detector's smallest effect.
[[nodiscard]] Limits limits_for(const Detector& detector, const LimitOverrides& overrides,
                                bool by_p_value, double alpha);

[[nodiscard]] Verdict judge(const Outcome& outcome, const Limits& limits, std::int64_t min_samples);

}  // namespace driftd
