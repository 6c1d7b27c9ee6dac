// What a sequential detector measured with the value it took last.
//
// Thread rule: a plain value. Allocation rule: none. Failure rule: a number that is not defined is
// an empty optional, never NaN.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

namespace driftd {

struct SequentialReading {
  bool ready = false;               // it has seen enough to fire
  std::optional<double> statistic;  // what it compares with its threshold
  std::optional<double> threshold;
  std::optional<double> p_value;
};

// Which change of the mean a two-sided detector fires at.
enum class Side : std::uint8_t { both, up, down };

[[nodiscard]] inline Side side_from(std::string_view mode) {
  if (mode == "up") return Side::up;
  return mode == "down" ? Side::down : Side::both;
}

// 1 where a value of a detector of errors is one, else 0. By its bits (all but the sign), because
// compilers branch on numbers, and no processor could foretell where errors are.
[[nodiscard]] inline std::uint32_t error_of(double x) {
  return std::bit_cast<std::uint64_t>(x) << 1 != 0 ? 1 : 0;
}

[[nodiscard]] inline std::optional<double> finite_or_nothing(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace driftd
