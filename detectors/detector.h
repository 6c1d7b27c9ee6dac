// A window detector: a pure function of two samples (comparison.h), or of their bins (bins.h). Each
// is one header and one row of the registry.
//
// Thread rule: pure. Allocation rule: may allocate (it runs once a window and series). Failure
// rule: a statistic that is not defined is an empty optional, never NaN and never a made-up number.
#pragma once

#include <cstdint>
#include <optional>

#include "detectors/comparison.h"

namespace driftd {

// What a detector computed, before it is judged.
struct Outcome {
  std::int64_t n = 0;  // current values that entered
  std::optional<double> statistic;
  std::optional<double> p_value;
  // A measure of size that does not grow with n, for where significance alone is judged; see
  // judge.h.
  std::optional<double> effect;
  // How far the statistic may be from that of the samples themselves, in its own unit; empty where
  // it is exact.
  std::optional<double> bound = {};
  std::optional<double> low = std::nullopt;  // the statistic's 95 % interval, where it has one
  std::optional<double> high = std::nullopt;
};

}  // namespace driftd
