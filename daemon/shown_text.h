// Texts, numbers and times as a terminal shows them to a person.
//
// Thread rule: pure functions. Allocation rule: for their results. Cannot fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace driftd {

// Names and categories come from files and events: what would command the terminal is replaced, and
// what has more than `width` characters is cut between two of them.
[[nodiscard]] std::string shown(std::string_view text,
                                std::size_t width = std::numeric_limits<std::size_t>::max());
// The same, with ".." at its end where it is cut.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t width);
// The same, but cut at its beginning: of a long KEY=VALUE its end tells it from others.
[[nodiscard]] std::string shortened_at_front(std::string_view text, std::size_t width);
// How many characters, taken as code points of UTF-8.
[[nodiscard]] std::size_t characters_in(std::string_view text);

// 12,500
[[nodiscard]] std::string grouped(std::uint64_t number);
// 2019-03-31, in UTC.
[[nodiscard]] std::string date_of(TimeMs time);
// 2019-03-31 03:00, in UTC.
[[nodiscard]] std::string minute_of(TimeMs time);
// With two or three digits, in one unit: "45 s", "12 min", "3.5 h", "6.1 d", "144 d".
[[nodiscard]] std::string rough_duration(DurationMs duration);

}  // namespace driftd
