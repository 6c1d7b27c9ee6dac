// Durations as the configuration writes them: "500ms", "10s", "5m", "1h", "7d".
//
// Pure functions; any thread. `format_duration` allocates. A text that is no duration gives an
// empty optional.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace driftd {

inline constexpr DurationMs kSecondMs = 1'000;
inline constexpr DurationMs kMinuteMs = 60 * kSecondMs;
inline constexpr DurationMs kHourMs = 60 * kMinuteMs;
inline constexpr DurationMs kDayMs = 24 * kHourMs;

// A whole number and one unit, nothing else: "1h30m" and "1.5h" are refused, "90m" says the same.
[[nodiscard]] std::optional<DurationMs> parse_duration(std::string_view text);
// The shortest exact form in one unit.
[[nodiscard]] std::string format_duration(DurationMs duration);

}  // namespace driftd
