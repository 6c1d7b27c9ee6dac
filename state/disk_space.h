// Whether the file system of the state directory has room left, before a write fails for want of
// it.
//
// Pure questions to the system; any thread. Failure rule: a file system that does not answer is
// taken as having room, as writing to it will say what is wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace driftd {

struct DiskSpace {
  std::uint64_t free = 0;  // bytes that this process may still use
  std::uint64_t size = 0;
};

[[nodiscard]] std::optional<DiskSpace> disk_space(const std::string& folder);

// How much must stay free: what is configured, or 64 MiB, but at most a tenth of the file system.
[[nodiscard]] std::uint64_t reserve_of(const DiskSpace& space,
                                       std::optional<std::uint64_t> configured);

// Why nothing more should be read; empty where there is room. Once full, there is room again only
// with an eighth more than the reserve, so that it does not come and go.
[[nodiscard]] std::string why_full(const std::string& folder,
                                   std::optional<std::uint64_t> configured, bool was_full);

}  // namespace driftd
