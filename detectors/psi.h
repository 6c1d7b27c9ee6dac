// Population stability index over the bins of bins.h.
//
// PSI = sum over bins of (q - p) ln(q / p), p the reference's share, q the current one, each at
// least 1e-4 so that an empty bin is a large but finite surprise; the floored shares are not
// renormalised. Source: Siddiqi, Credit Risk Scorecards (2006); its usual limits: 0.1 a warning,
// 0.2 a drift.
#pragma once

#include "detectors/detector.h"

namespace driftd {

[[nodiscard]] Outcome psi(const BinCounts& bins);

}  // namespace driftd
