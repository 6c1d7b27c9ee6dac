// Texts, numbers and times as a terminal shows them to a person.
//
// Thread rule: pure functions. Allocation rule: for their results. Cannot fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"

namespace driftd {

// About four digits, without an exponent where that is shorter.
[[nodiscard]] std::string number_text(double number);

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

[[nodiscard]] std::vector<std::string> shown(const std::vector<std::string>& names);
// Filled up with spaces to so many characters, or cut to them.
[[nodiscard]] std::string padded(std::string_view text, std::size_t width);
// Broken between words into lines of at most `width` characters; those behind the first begin with
// so many spaces.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t indent,
                                  std::size_t width = 96);
// A bar a value, as high as its share of the greatest; what is more than 0 is never shown as
// nothing.
[[nodiscard]] std::string bars(const std::vector<double>& heights);

// 12,500
[[nodiscard]] std::string grouped(std::uint64_t number);
// 2019-03-31, in UTC.
[[nodiscard]] std::string date_of(TimeMs time);
// 2019-03-31 03:00, in UTC.
[[nodiscard]] std::string minute_of(TimeMs time);
// The same, with " UTC".
[[nodiscard]] std::string minute_text(TimeMs time);
// With two or three digits, in one unit: "45 s", "12 min", "3.5 h", "6.1 d", "144 d".
[[nodiscard]] std::string rough_duration(DurationMs duration);

}  // namespace driftd
