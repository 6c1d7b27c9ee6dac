// How far event time has come, from how far each partition has been read.
//
// Per partition: min(largest event time seen, now + skew) - out_of_orderness. A partition is idle
// when it has been read to its end for the idle time-out; one that has not been read to its end, or
// has not shown an event, is waited for. The watermark is the minimum over the partitions that are
// not idle; when all are idle it rests at the largest. Pure functions; no allocation; cannot fail.
#pragma once

#include <span>

#include "core/clock.h"
#include "core/event_batch.h"

namespace driftd {

struct WatermarkSpec {
  DurationMs out_of_orderness = 0;
  DurationMs skew = 0;
  DurationMs idle_timeout = 0;
};

// kNoTime: nothing is known yet. `now` is wall-clock time, `steady` steady time.
[[nodiscard]] TimeMs watermark_of(std::span<const PartitionProgress> partitions,
                                  const WatermarkSpec& spec, TimeMs now, TimeMs steady);

// True where every partition has been read to its end for at least `timeout`.
[[nodiscard]] bool all_idle_for(std::span<const PartitionProgress> partitions, DurationMs timeout,
                                TimeMs steady);

}  // namespace driftd
