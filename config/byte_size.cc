#include "config/byte_size.h"

#include <array>
#include <charconv>
#include <limits>

namespace driftd {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};

// Those of powers of 1,024 from the largest down, as `format_byte_size` takes the first that fits.
constexpr std::array<Unit, 9> kUnits{{{"TiB", 1'024 * kGiB},
                                      {"GiB", kGiB},
                                      {"MiB", kMiB},
                                      {"KiB", kKiB},
                                      {"B", 1},
                                      {"kB", 1'000},
                                      {"MB", 1'000'000},
                                      {"GB", 1'000'000'000},
                                      {"TB", 1'000'000'000'000}}};

}  // namespace

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
  std::uint64_t number = 0;
  const char* const begin = text.begin();
  const char* const end = text.end();
  const auto [rest, error] = std::from_chars(begin, end, number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view name(rest, static_cast<std::size_t>(end - rest));
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / unit.bytes) return std::nullopt;
    return number * unit.bytes;
  }
  return std::nullopt;
}

std::string format_byte_size(std::uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes != 0 && bytes % unit.bytes == 0)
      return std::to_string(bytes / unit.bytes) + std::string(unit.name);
  }
  return "0B";
}

}  // namespace driftd
