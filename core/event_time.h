// Event times as events write them -> milliseconds since the epoch, rounded down.
//
// Thread rule: pure functions. Allocation rule: none. Failure rule: nothing where the value is no
// time between the years 0 and 9999.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/clock.h"

namespace driftd {

enum class TimestampUnit : std::uint8_t { detect, seconds, milliseconds, microseconds, rfc3339 };

// Below 1e11 seconds, below 1e14 milliseconds, else microseconds.
[[nodiscard]] TimestampUnit unit_by_magnitude(double value);

// With TimestampUnit::detect the magnitude tells the unit.
[[nodiscard]] std::optional<TimeMs> time_from_number(double value, TimestampUnit unit);

// RFC 3339: `2023-11-14T22:13:20.123Z`, any number of fraction digits, `Z` or `+hh:mm`; an offset
// is required.
[[nodiscard]] std::optional<TimeMs> time_from_text(std::string_view text);

}  // namespace driftd
