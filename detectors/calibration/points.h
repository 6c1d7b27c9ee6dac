// The signed series that the false-alarm budget watches, and their points: one number a window.
//
// A column gives several series (its location, its spread, shares of its values); each is a signed
// number with a known variance between events, so that a shift up and one down are told apart and
// windows of any size stand on one scale. docs/false-alarms.md explains the whole method.
#pragma once

#include <cstdint>
#include <limits>

namespace driftd {

enum class SeriesKind : std::uint8_t {
  location,  // mean normal score of a numeric column
  spread,    // cube root of the variance of its normal scores; follows the column's location
  missing,   // share of the predictions without a usable value
  category,  // share of the values that are one category of the reference
  unseen,    // share of the values that are none of the reference's
};

[[nodiscard]] constexpr bool is_share(SeriesKind kind) {
  return kind != SeriesKind::location && kind != SeriesKind::spread;
}

// Stands for all categories of the reference that have no series of their own.
inline constexpr std::uint32_t kOtherCategories = std::numeric_limits<std::uint32_t>::max();

struct SeriesSpec {
  std::uint32_t column = 0;  // position in Reference::series
  SeriesKind kind = SeriesKind::location;
  std::uint32_t category = 0;  // code of the category, or kOtherCategories; 0 for other kinds
  bool operator==(const SeriesSpec&) const = default;
};

// What one window says about one series.
//
// | kind | value | variance (of one event, so that `value` has variance / n) |
// | location | mean normal score X | sum c a^2 / n - X^2 |
// | spread | cube root of s^2 | var(b); of the value only after division by 9 M^(4/3), M = mean s^2
// | | shares | the count, a whole number | not used: X (1 - X) with X = value / n |
struct Point {
  double value = 0;
  double variance = 0;
  double n = 0;  // events that entered
};

}  // namespace driftd
