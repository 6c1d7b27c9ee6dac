#include "sources/kafka_position.h"

#include <algorithm>
#include <array>
#include <cstring>

#define XXH_INLINE_ALL
#include <spdlog/fmt/fmt.h>
#include <xxhash.h>

#include "core/check.h"

namespace driftd {
namespace {

// Enough to tell events apart, which carry their id and time at their beginning; little enough that
// hashing them is lost in decoding.
constexpr std::size_t kFingerprintedBytes = 64;

constexpr std::string_view kMetadataPrefix = "driftd ";

}  // namespace

std::uint64_t fingerprint_of(TimeMs timestamp, std::string_view payload) {
  // As they lie in memory: driftd runs on little-endian machines only, as its state format says.
  const std::uint64_t length = payload.size();
  const std::size_t kept = std::min(payload.size(), kFingerprintedBytes);
  std::array<char, sizeof timestamp + sizeof length + kFingerprintedBytes> bytes;
  std::memcpy(bytes.data(), &timestamp, sizeof timestamp);
  std::memcpy(bytes.data() + sizeof timestamp, &length, sizeof length);
  if (kept > 0) std::memcpy(bytes.data() + sizeof timestamp + sizeof length, payload.data(), kept);
  return XXH3_64bits(bytes.data(), sizeof timestamp + sizeof length + kept);
}

std::string_view to_string(LossReason reason) {
  return reason == LossReason::retention ? "retention" : "recreated";
}

std::optional<LossReason> loss_of(const PartitionProgress& stored, const OffsetRange& held) {
  if (stored.next_offset > held.high) return LossReason::recreated;
  if (stored.next_offset < held.low) return LossReason::retention;
  return std::nullopt;
}

StartPosition start_at_stored(const PartitionProgress& stored, const OffsetRange& held) {
  const bool prove = stored.last_offset >= held.low;
  return {prove ? stored.last_offset : stored.next_offset, stored.next_offset, prove};
}

StartPosition start_after_loss(OffsetLost policy, const OffsetRange& held) {
  DRIFTD_CHECK(policy != OffsetLost::stop);
  const std::int64_t offset = policy == OffsetLost::earliest ? held.low : held.high;
  return {offset, offset, false};
}

std::optional<std::uint64_t> messages_lost(LossReason reason, const PartitionProgress& stored,
                                           const StartPosition& start) {
  // Of a partition that is gone nobody knows how far it went.
  if (reason == LossReason::recreated) return std::nullopt;
  return static_cast<std::uint64_t>(start.next_offset - stored.next_offset);
}

std::string describe_loss(LossReason reason, const PartitionProgress& stored,
                          const OffsetRange& held) {
  const std::string next = fmt::format("the next message to count is {}", stored.next_offset);
  if (reason == LossReason::retention) {
    return fmt::format(
        "{}, but the broker's oldest is {} (it ends at {}): {} messages were deleted (retention) "
        "before they were read",
        next, held.low, held.high, held.low - stored.next_offset);
  }
  if (stored.next_offset > held.high) {
    return fmt::format(
        "{}, but the partition ends at {} (its oldest is {}): the topic was created anew under the "
        "same name, or lost messages",
        next, held.high, held.low);
  }
  return fmt::format(
      "{}, but the one before it is not the message that was counted (the broker holds {} to {}): "
      "the topic was created anew under the same name",
      next, held.low, held.high);
}

std::string commit_metadata(std::string_view instance) {
  return std::string(kMetadataPrefix).append(instance);
}

std::string_view instance_of(std::string_view metadata) {
  if (!metadata.starts_with(kMetadataPrefix)) return {};
  return metadata.substr(kMetadataPrefix.size());
}

Claim claim_of(std::optional<std::int64_t> stored_next, const CommittedPosition& committed,
               std::string_view own_instance, bool begins_alone) {
  if (committed.instance.empty() || committed.instance == own_instance) return Claim::own;
  if (stored_next && *stored_next >= committed.offset) return Claim::own;
  return begins_alone ? Claim::new_state : Claim::foreign;
}

}  // namespace driftd
