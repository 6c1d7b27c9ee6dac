#include "config/duration.h"

#include <array>
#include <charconv>
#include <limits>

namespace driftd {
namespace {

struct Unit {
  std::string_view name;
  DurationMs length;
};

constexpr std::array<Unit, 5> kUnits{
    {{"d", kDayMs}, {"h", kHourMs}, {"m", kMinuteMs}, {"s", kSecondMs}, {"ms", 1}}};

}  // namespace

std::optional<DurationMs> parse_duration(std::string_view text) {
  if (text.empty() || text.front() == '-') return std::nullopt;
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view name(rest, static_cast<std::size_t>(end - rest));
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    if (number > std::numeric_limits<DurationMs>::max() / unit.length) return std::nullopt;
    return number * unit.length;
  }
  return std::nullopt;
}

std::string format_duration(DurationMs duration) {
  if (duration == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (duration % unit.length == 0) {
      return std::to_string(duration / unit.length) + std::string(unit.name);
    }
  }
  return std::to_string(duration) + "ms";
}

}  // namespace driftd
