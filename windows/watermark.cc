#include "windows/watermark.h"

#include <algorithm>

namespace driftd {
namespace {

[[nodiscard]] bool idle_for(const PartitionProgress& partition, DurationMs timeout, TimeMs steady) {
  return partition.caught_up && steady - partition.caught_up_since >= timeout;
}

}  // namespace

TimeMs watermark_of(std::span<const PartitionProgress> partitions, const WatermarkSpec& spec,
                    TimeMs now, TimeMs steady) {
  TimeMs lowest = kEndOfTime;  // of those that are waited for
  TimeMs highest = kNoTime;    // of all
  bool waits_for_any = false;
  for (const PartitionProgress& partition : partitions) {
    const bool seen = partition.max_event_time != kNoTime;
    const TimeMs at =
        seen ? std::min(partition.max_event_time, now + spec.skew) - spec.out_of_orderness
             : kNoTime;
    highest = std::max(highest, at);
    if (idle_for(partition, spec.idle_timeout, steady)) continue;
    waits_for_any = true;
    lowest = std::min(lowest, at);
  }
  return waits_for_any ? lowest : highest;
}

bool all_idle_for(std::span<const PartitionProgress> partitions, DurationMs timeout,
                  TimeMs steady) {
  return !partitions.empty() &&
         std::all_of(partitions.begin(), partitions.end(),
                     [&](const PartitionProgress& p) { return idle_for(p, timeout, steady); });
}

}  // namespace driftd
