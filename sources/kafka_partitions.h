// The partitions that a Kafka source reads: which lane each belongs to, how far it has come, where
// it starts.
//
// Thread rule: a reader's `progress` is written by its lane while `reading`, else by the
// coordinator; the coordinator reads it with lanes parked. The table may be searched by any thread
// while the coordinator adds to it; readers are never removed, so a pointer to one stays valid as
// long as the table. Allocation rule: only a new partition allocates. Failure rule: none.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "config/config.h"
#include "sources/kafka_client.h"
#include "sources/source.h"

namespace driftd {

struct PartitionReader {
  PartitionId id;
  MessageKind kind = MessageKind::prediction;
  unsigned lane = 0;
  // The lane counts messages only while this is set. It is cleared before the checkpoint that
  // precedes giving the partition away, so that nothing is counted behind that checkpoint.
  std::atomic<bool> reading{false};
  std::atomic<std::int64_t> position{0};  // a copy of progress.next_offset for `lag`
  std::atomic<bool> out_of_range{false};  // the broker refused the position
  PartitionProgress progress;
  bool has_progress = false;

  bool assigned = false;  // by the consumer group; guarded by the table

  // Of the coordinator alone.
  bool fetching = false;        // handed to librdkafka with a position
  std::int64_t durable = -1;    // next offset of the last checkpoint
  std::int64_t committed = -1;  // next offset last sent to Kafka
};

// Where a partition starts, or why it must not be read.
struct StartPosition {
  std::int64_t offset = 0;
  std::string hold;
};
// By the stored position, which must lie in what the broker holds: [low, high].
[[nodiscard]] StartPosition start_at_stored(std::int64_t next_offset, const OffsetRange& range);

class PartitionTable {
 public:
  // The reader of a partition that the group has assigned, on the lane with the fewest of its kind.
  [[nodiscard]] PartitionReader& assign(const PartitionId& id, MessageKind kind, unsigned lanes);
  void release(PartitionReader& reader);
  // Raised by both: what was remembered of librdkafka's topics does not hold any more.
  [[nodiscard]] std::uint64_t generation() const {
    return generation_.load(std::memory_order_acquire);
  }
  [[nodiscard]] PartitionReader* find(const PartitionId& id);
  // Calls for every partition that is assigned now.
  void for_each_assigned(const std::function<void(PartitionReader&)>& visit);
  void for_each_assigned(const std::function<void(const PartitionReader&)>& visit) const;

 private:
  std::atomic<std::uint64_t> generation_{1};
  mutable std::mutex mutex_;
  std::map<PartitionId, PartitionReader> readers_;
};

}  // namespace driftd
