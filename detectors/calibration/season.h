// What a series is expected to be at a time of the week: nested seasons, shrunk towards the level
// above them.
//
// Levels: all windows; hour of day (a history of 4 days at least); hour of day on weekdays or at
// weekends (14 days); hour of the week (21 days). Going down, the weighted mean residual D_h of
// each slot is added after shrinking by B_h = tau2 / (tau2 + 1 / W_h). W_h is the weight in the
// slot over MS, the weighted mean square within slots (by its degrees of freedom, windows - slots);
// tau2 = max(0, (sum W D^2 - (slots - 1)) / (sum W - sum W^2 / sum W)), the variance between slots
// by DerSimonian and Laird (1986), Controlled Clinical Trials 7. Without a season tau2 is about 0
// and the level adds nothing, so there is nothing to choose. Times are UTC; a window belongs to the
// slot of its start, whatever its length.
//
// Thread rule: pure. Allocation rule: small, in the fit only. Cannot fail.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/clock.h"

namespace driftd {

inline constexpr int kHoursOfWeek = 168;

// 0 is Monday 00:00 to 01:00 UTC.
[[nodiscard]] int hour_of_week(TimeMs time);

enum class SeasonLevel : std::uint8_t { all, hour_of_day, hour_and_weekend, hour_of_week };
inline constexpr int kSeasonLevels = 4;

// The deepest level that a history of this length can show.
[[nodiscard]] SeasonLevel deepest_level(DurationMs history);

struct ExpectedValues {
  std::array<double, kHoursOfWeek> by_hour{};
  // Between-slot standard deviation that each level was found to have, in the unit of the series; 0
  // where a level was not looked at or adds nothing. [0] is not used.
  std::array<double, kSeasonLevels> season_sd{};
  double mean = 0;  // what the level `all` says
};

// `values`, `weights` and `hours` (of the week) are by window; a window without a value has weight
// 0. Windows from `left_out` to `left_out_end` are passed over.
[[nodiscard]] ExpectedValues fit_expected(std::span<const double> values,
                                          std::span<const double> weights,
                                          std::span<const std::uint8_t> hours, SeasonLevel deepest,
                                          std::size_t left_out = 0, std::size_t left_out_end = 0);

}  // namespace driftd
