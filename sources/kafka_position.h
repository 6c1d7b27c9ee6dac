// Where a partition starts: what follows from the stored position, from what the broker holds, and
// from what the group has committed. The decisions alone; asking is in kafka_starts.h.
//
// Thread rule: pure functions. Allocation rule: `fingerprint_of` allocates nothing, it runs per
// message; the others run per assignment. Failure rule: cannot fail.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "core/event_batch.h"
#include "sources/kafka_client.h"

namespace driftd {

// Of one message, by its timestamp at the broker and the beginning of its payload: what another
// message at the same offset of a topic created anew does not share.
[[nodiscard]] std::uint64_t fingerprint_of(TimeMs timestamp, std::string_view payload);

struct StartPosition {
  std::int64_t fetch_at = 0;     // where the broker is to begin
  std::int64_t next_offset = 0;  // the next message to count
  // The message at `fetch_at` is the last one that was counted: it must come again, as it was, and
  // is dropped. Without it nothing of the partition is counted.
  bool prove = false;
};

// Why a stored position is of no use.
enum class LossReason : std::uint8_t {
  retention,  // the next message was deleted before it was read
  recreated,  // the partition is another one under the same name, or has lost its end
};
[[nodiscard]] std::string_view to_string(LossReason reason);

// By the offsets alone: nothing where the next message can be in what the broker holds.
[[nodiscard]] std::optional<LossReason> loss_of(const PartitionProgress& stored,
                                                const OffsetRange& held);
// Where to go on with a position that is not lost. Where the last message counted is gone already,
// or none was counted, the position is in range but cannot be proven.
[[nodiscard]] StartPosition start_at_stored(const PartitionProgress& stored,
                                            const OffsetRange& held);
// Where to go on after a loss; `policy` is not `stop`.
[[nodiscard]] StartPosition start_after_loss(OffsetLost policy, const OffsetRange& held);
// How many messages are passed over by that, as far as it can be known.
[[nodiscard]] std::optional<std::uint64_t> messages_lost(LossReason reason,
                                                         const PartitionProgress& stored,
                                                         const StartPosition& start);
// What was stored, what the broker holds, and what that means.
[[nodiscard]] std::string describe_loss(LossReason reason, const PartitionProgress& stored,
                                        const OffsetRange& held);

// The state directory (by its instance id) that counted a partition's messages for this group, as
// offsets committed to Kafka tell.
struct CommittedPosition {
  std::int64_t offset = -1;  // negative: none
  std::string instance;      // empty: none, or not committed by a driftd that says it
};
[[nodiscard]] std::string commit_metadata(std::string_view instance);
// Empty where the metadata is not a driftd's.
[[nodiscard]] std::string_view instance_of(std::string_view metadata);

enum class Claim : std::uint8_t {
  own,        // nobody else has counted what would be counted here
  new_state,  // another has, but it is gone: this state directory begins anew in its place
  foreign,    // another counts this partition: reading it would count its messages twice
};
// `stored_next`: where this state directory would go on; nothing where it has not read the
// partition. `begins_alone`: the partition is of the first assignment of this process, and no other
// member of the group is alive.
[[nodiscard]] Claim claim_of(std::optional<std::int64_t> stored_next,
                             const CommittedPosition& committed, std::string_view own_instance,
                             bool begins_alone);

}  // namespace driftd
