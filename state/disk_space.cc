#include "state/disk_space.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

namespace driftd {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kUsualReserve = 64 * kMiB;

}  // namespace

std::optional<DiskSpace> disk_space(const std::string& folder) {
  struct statvfs answer{};
  if (::statvfs(folder.c_str(), &answer) != 0) return std::nullopt;
  return DiskSpace{answer.f_bavail * answer.f_frsize, answer.f_blocks * answer.f_frsize};
}

std::uint64_t reserve_of(const DiskSpace& space, std::optional<std::uint64_t> configured) {
  return configured ? *configured : std::min(kUsualReserve, space.size / 10);
}

std::string why_full(const std::string& folder, std::optional<std::uint64_t> configured,
                     bool was_full) {
  const std::optional<DiskSpace> space = disk_space(folder);
  if (!space) return {};
  const std::uint64_t reserve = reserve_of(*space, configured);
  const std::uint64_t wanted = was_full ? reserve + reserve / 8 : reserve;
  if (space->free >= wanted) return {};
  return fmt::format(
      "the disk of {} is nearly full ({:.1f} MiB free, {:.1f} MiB wanted), intake is stopped: free "
      "some space, or lower [state] min_free; driftd goes on by itself",
      folder, static_cast<double>(space->free) / kMiB, static_cast<double>(wanted) / kMiB);
}

}  // namespace driftd
