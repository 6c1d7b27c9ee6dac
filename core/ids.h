// Identifiers as types of their own, so that a version is never taken for a model.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace driftd {

enum class ModelIndex : std::uint32_t {};    // position of a [[model]] in the configuration
enum class VersionIndex : std::uint32_t {};  // code in the model's version names
using ClassCode = std::uint32_t;             // code in the model's class names
inline constexpr ClassCode kNoClass = 0xFFFFFFFFu;

template <typename Index>
  requires std::is_enum_v<Index>
[[nodiscard]] constexpr std::size_t position(Index index) {
  return static_cast<std::size_t>(index);
}

// A 128-bit hash of a prediction id. Two ids of one model are taken for the same when their hashes
// are: at 10^10 ids the chance that any two collide is below 10^-18.
struct IdHash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const IdHash&) const = default;
};

// A monitor: the unit that has a health state. The segment is `all` until segments are configured.
struct MonitorId {
  ModelIndex model{};
  VersionIndex version{};
  auto operator<=>(const MonitorId&) const = default;
};

}  // namespace driftd

template <>
struct std::hash<driftd::IdHash> {
  std::size_t operator()(const driftd::IdHash& id) const noexcept { return id.low; }
};

template <>
struct std::hash<driftd::MonitorId> {
  std::size_t operator()(const driftd::MonitorId& id) const noexcept {
    return (driftd::position(id.model) * 0x9E3779B97F4A7C15ull) ^ driftd::position(id.version);
  }
};
