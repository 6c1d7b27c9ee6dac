// The partitions that a Kafka source reads: which lane each belongs to, how far it has come.
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

// Whether a lane counts the messages of a partition.
enum class Reading : std::uint8_t {
  off,      // what comes is dropped
  proving,  // the first message must be the last one that was counted; it is dropped
  on,
};
// What a lane met that it cannot go on with; the coordinator then looks for another start.
enum class Trouble : std::uint8_t {
  none,
  out_of_range,  // the broker refused the position
  another,       // the message to prove the position by is another one
};

struct PartitionReader {
  PartitionId id;
  MessageKind kind = MessageKind::prediction;
  unsigned lane = 0;
  // Cleared before the checkpoint that precedes giving the partition away, so that nothing is
  // counted behind that checkpoint. The lane itself goes from `proving` to `on` or `off`.
  std::atomic<Reading> reading{Reading::off};
  std::atomic<std::int64_t> position{0};  // a copy of progress.next_offset for `lag`
  std::atomic<Trouble> trouble{Trouble::none};
  PartitionProgress progress;
  bool has_progress = false;

  bool assigned = false;  // by the consumer group; guarded by the table

  // Of the coordinator alone.
  bool is_first_assignment = false;  // of this process
  bool is_added = false;             // to a topic of which other partitions had been read
  bool is_another = false;           // its messages are not those that were counted
  // Another member of the group has it, or it is on its way between two: it is not read here, but
  // what has not been read of it still holds windows back.
  bool is_away = false;
  int missed_views = 0;         // of the group, in a row, in which nobody had it
  bool fetching = false;        // handed to librdkafka with a position
  std::int64_t durable = -1;    // next offset of the last checkpoint
  std::int64_t committed = -1;  // next offset last sent to Kafka
};

class PartitionTable {
 public:
  // The reader of a partition that the group has assigned, on the lane with the fewest of its kind.
  [[nodiscard]] PartitionReader& assign(const PartitionId& id, MessageKind kind, unsigned lanes);
  void release(PartitionReader& reader);
  // A partition that has been read before and is not assigned.
  [[nodiscard]] PartitionReader& expect(const PartitionId& id, MessageKind kind);
  // Raised by both: what was remembered of librdkafka's topics does not hold any more.
  [[nodiscard]] std::uint64_t generation() const {
    return generation_.load(std::memory_order_acquire);
  }
  [[nodiscard]] PartitionReader* find(const PartitionId& id);
  // Calls for every partition that is assigned now.
  void for_each_assigned(const std::function<void(PartitionReader&)>& visit);
  void for_each_assigned(const std::function<void(const PartitionReader&)>& visit) const;
  // And for every one that was assigned once or expected, and is not now.
  void for_each_other(const std::function<void(PartitionReader&)>& visit);
  void for_each_other(const std::function<void(const PartitionReader&)>& visit) const;

 private:
  std::atomic<std::uint64_t> generation_{1};
  mutable std::mutex mutex_;
  std::map<PartitionId, PartitionReader> readers_;
};

}  // namespace driftd
