// Numbers of bytes as the configuration writes them: "64KiB", "512MiB", "2GiB", "100MB", "4096B".
//
// Pure functions; any thread. `format_byte_size` allocates. A text that is no such number gives an
// empty optional.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace driftd {

inline constexpr std::uint64_t kKiB = 1'024;
inline constexpr std::uint64_t kMiB = 1'024 * kKiB;
inline constexpr std::uint64_t kGiB = 1'024 * kMiB;

// A whole number and one unit: B, KiB, MiB, GiB, TiB (powers of 1,024) or kB, MB, GB, TB (of
// 1,000).
[[nodiscard]] std::optional<std::uint64_t> parse_byte_size(std::string_view text);
// The shortest exact form in one unit of powers of 1,024.
[[nodiscard]] std::string format_byte_size(std::uint64_t bytes);

}  // namespace driftd
