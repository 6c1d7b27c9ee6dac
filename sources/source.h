// Where events come from. One of the two virtual interfaces of driftd (the other is sinks/sink.h).
//
// Thread rule: `start`, `control`, `acknowledge`, `progress` and `stop` are called by the
// coordinator's thread; `poll` of lane i only by lane i's thread. While lanes are parked (see
// daemon/lane.h) the coordinator may read what lanes write. Allocation rule: `poll` allocates
// nothing in steady state. Failure rule: errors of a running source are counted, logged and retried
// inside; `start` returns what cannot be retried.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/event_batch.h"
#include "core/result.h"

namespace driftd {

// One partition of one input, by name: (source, topic or file, partition number).
struct PartitionId {
  std::string source;
  std::string topic;
  std::int32_t partition = 0;
  auto operator<=>(const PartitionId&) const = default;
};

struct PartitionState {
  MessageKind kind = MessageKind::prediction;
  PartitionProgress progress;
};
using PartitionStates = std::map<PartitionId, PartitionState>;

// What the coordinator offers to a source: asked when partitions come and go.
class SourceHost {
 public:
  virtual ~SourceHost() = default;
  // The stored progress of partitions, by which a source starts reading them; absent: by the
  // source's own `start`.
  [[nodiscard]] virtual const PartitionStates& stored() const = 0;
  // Makes everything consumed so far durable (a checkpoint), before partitions are given away.
  virtual void checkpoint_before_revoke() = 0;
};

class Source {
 public:
  virtual ~Source() = default;

  [[nodiscard]] virtual Result<void> start(SourceHost& host, unsigned lanes) = 0;

  // Serves rebalances and errors; to be called often by the coordinator's thread (at least every
  // 100 ms).
  virtual void control() = 0;

  // True once every partition that this instance is to read has been assigned.
  [[nodiscard]] virtual bool ready() const = 0;

  // Appends up to `max_rows` accepted rows to `batch`, waiting at most `timeout` for the first.
  // Returns false when this lane will never have more (the end of a file); a source without an end
  // always returns true.
  [[nodiscard]] virtual bool poll(unsigned lane, LaneBatch& batch, std::uint32_t max_rows,
                                  DurationMs timeout) = 0;

  // The progress of every partition assigned now. Call with lanes parked.
  [[nodiscard]] virtual PartitionStates progress() const = 0;

  // Everything before these positions is durable and counted.
  virtual void acknowledge(const PartitionStates& durable) = 0;

  // Stops fetching and leaves; `poll` must not be called afterwards.
  virtual void stop() = 0;
};

}  // namespace driftd
