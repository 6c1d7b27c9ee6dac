// Checks of data quality of one series: one row each of one table.
//
// Most are the share of a window's predictions whose value is not as it should be, with its Wilson
// interval, and are judged against the same share of the reference: `p_value` is that of Fisher's
// exact test, one-sided, and `effect` Cohen's h (detectors/proportion.h). Every prediction of the
// window is in the divisor. They are found for every series they fit, without being listed. Thread
// rule: pure. Allocation rule: may allocate (once a window). Failure rule: a share of no
// predictions is an empty optional.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/model.h"
#include "detectors/detector.h"
#include "detectors/judge.h"
#include "detectors/proportion.h"

namespace driftd {

// The level of the tests against the reference. Twenty series with five checks each and hourly
// windows are 72,000 tests in thirty days: less than one in ten such months has a false alarm even
// if each test took its whole level, and they are exact and one-sided, so that they take far less.
inline constexpr double kQualityAlpha = 1e-6;

struct QualityCheck {
  std::string_view name;
  Outcome (*numeric)(const NumericReference&,
                     const NumericSummary&);  // null: not for numeric series
  Outcome (*categorical)(const CategoryReference&,
                         const CategorySummary&);  // null: not for categories

  [[nodiscard]] bool fits(SeriesType type) const {
    return type == SeriesType::numeric ? numeric != nullptr : categorical != nullptr;
  }
};

[[nodiscard]] std::span<const QualityCheck> quality_checks();

// The check's outcome; the summary must be of the reference's type, and the check must fit it.
[[nodiscard]] Outcome run(const QualityCheck& check, const SeriesReference& reference,
                          const SeriesSummary& current);

// The window's share with its interval, compared with the reference's.
[[nodiscard]] Outcome compare_shares(const Share& window, const Share& reference);

// With the owner's `largest` share: drift above it. Without: drift where the window's share is
// significantly larger than the reference's, at a level at which stable traffic of many series and
// windows practically never is, and by at least a small effect; a warning where by less.
[[nodiscard]] Limits quality_limits(std::optional<double> largest);

}  // namespace driftd
