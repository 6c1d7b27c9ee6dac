// Where a partition starts, decision by decision.
#include "sources/kafka_position.h"

#include <gtest/gtest.h>

#include <limits>

#include "sources/kafka_group.h"

namespace driftd {
namespace {

[[nodiscard]] PartitionProgress at(std::int64_t next, std::int64_t last) {
  PartitionProgress progress;
  progress.next_offset = next;
  progress.last_offset = last;
  return progress;
}

TEST(KafkaPosition, IsLostOnlyOutsideOfWhatTheBrokerHolds) {
  struct Case {
    std::int64_t next;
    OffsetRange held;
    std::optional<LossReason> lost;
  };
  for (const Case& one :
       {Case{5, {5, 9}, std::nullopt}, Case{9, {5, 9}, std::nullopt},
        Case{4, {5, 9}, LossReason::retention}, Case{10, {5, 9}, LossReason::recreated},
        // An empty partition: either all was deleted, or nothing was written.
        Case{9, {9, 9}, std::nullopt}, Case{3, {9, 9}, LossReason::retention},
        Case{3, {0, 0}, LossReason::recreated}, Case{0, {0, 0}, std::nullopt}}) {
    EXPECT_EQ(loss_of(at(one.next, one.next - 1), one.held), one.lost)
        << one.next << " in " << one.held.low << " to " << one.held.high;
  }
}

TEST(KafkaPosition, IsProvenByTheLastMessageWhereTheBrokerStillHoldsIt) {
  struct Case {
    std::int64_t next, last;
    OffsetRange held;
    std::int64_t fetch_at;
    bool prove;
  };
  for (const Case& one :
       {Case{7, 6, {0, 9}, 6, true}, Case{7, 6, {6, 7}, 6, true},
        Case{7, 4, {0, 9}, 4, true},    // markers of a transaction lie between
        Case{7, 6, {7, 9}, 7, false},   // deleted by now, but the next one is there
        Case{7, -1, {0, 9}, 7, false},  // nothing was ever consumed
        Case{0, -1, {0, 0}, 0, false}}) {
    const StartPosition start = start_at_stored(at(one.next, one.last), one.held);
    EXPECT_EQ(start.fetch_at, one.fetch_at) << one.next << ", " << one.last;
    EXPECT_EQ(start.next_offset, one.next);
    EXPECT_EQ(start.prove, one.prove) << one.next << ", " << one.last;
  }
}

TEST(KafkaPosition, GoesOnWhereTheOwnerSaysAndKnowsWhatRetentionTook) {
  const OffsetRange held{10, 30};
  const StartPosition earliest = start_after_loss(OffsetLost::earliest, held);
  const StartPosition latest = start_after_loss(OffsetLost::latest, held);
  EXPECT_EQ(earliest.next_offset, 10);
  EXPECT_EQ(latest.next_offset, 30);
  EXPECT_FALSE(earliest.prove || latest.prove);
  EXPECT_EQ(messages_lost(LossReason::retention, at(4, 3), earliest), 6u);
  EXPECT_EQ(messages_lost(LossReason::retention, at(4, 3), latest), 26u);
  EXPECT_EQ(messages_lost(LossReason::recreated, at(40, 39), earliest), std::nullopt);
}

TEST(KafkaPosition, SaysWhatWasStoredAndWhatTheBrokerHolds) {
  const std::string retention = describe_loss(LossReason::retention, at(4, 3), {10, 30});
  EXPECT_EQ(retention,
            "the next message to count is 4, but the broker's oldest is 10 (it ends at 30): 6 "
            "messages were deleted (retention) before they were read");
  EXPECT_EQ(describe_loss(LossReason::recreated, at(40, 39), {10, 30}),
            "the next message to count is 40, but the partition ends at 30 (its oldest is 10): the "
            "topic was created anew under the same name, or lost messages");
  EXPECT_EQ(describe_loss(LossReason::recreated, at(20, 19), {10, 30}),
            "the next message to count is 20, but the one before it is not the message that was "
            "counted (the broker holds 10 to 30): the topic was created anew under the same name");
}

TEST(KafkaPosition, FingerprintsDifferByTimeLengthAndBeginning) {
  const std::string long_payload(200, 'a');
  std::string other_end = long_payload, other_start = long_payload;
  other_end.back() = 'b';
  other_start[63] = 'b';
  const std::uint64_t print = fingerprint_of(1'600'000'000'000, long_payload);
  EXPECT_EQ(fingerprint_of(1'600'000'000'000, long_payload), print);
  EXPECT_EQ(fingerprint_of(1'600'000'000'000, other_end), print);  // beyond the first 64 bytes
  EXPECT_NE(fingerprint_of(1'600'000'000'000, other_start), print);
  EXPECT_NE(fingerprint_of(1'600'000'000'001, long_payload), print);
  EXPECT_NE(fingerprint_of(1'600'000'000'000, long_payload + "a"), print);
  EXPECT_NE(fingerprint_of(0, ""), fingerprint_of(1, ""));
  // Stored states depend on it. By libxxhash 0.8.1, from Python: XXH3_64bits(struct.pack("<qQ",
  // 1600000000000, 2) + b"{}", 18).
  EXPECT_EQ(fingerprint_of(1'600'000'000'000, "{}"), 16863870684560016479ull);
}

TEST(KafkaPosition, CommitsUnderTheInstancesName) {
  EXPECT_EQ(commit_metadata("driftd-12"), "driftd driftd-12");
  EXPECT_EQ(instance_of("driftd driftd-12"), "driftd-12");
  EXPECT_EQ(instance_of(""), "");
  EXPECT_EQ(instance_of("driftd"), "");
  EXPECT_EQ(instance_of("consumer-7"), "");
}

TEST(KafkaPosition, IsClaimedByWhoeverCountedFurther) {
  struct Case {
    std::optional<std::int64_t> stored;
    CommittedPosition committed;
    bool alone;
    Claim claim;
  };
  for (const Case& one :
       {Case{std::nullopt, {-1, ""}, false, Claim::own},   // nobody has read it
        Case{std::nullopt, {7, ""}, false, Claim::own},    // committed by no driftd
        Case{std::nullopt, {7, "me"}, false, Claim::own},  // a former self without its progress
        Case{3, {7, "me"}, false, Claim::own},             // a former self, from a backup
        Case{7, {7, "other"}, false, Claim::own},          // handed over and back
        Case{9, {7, "other"}, false, Claim::own}, Case{3, {7, "other"}, false, Claim::foreign},
        Case{std::nullopt, {7, "other"}, false, Claim::foreign},
        Case{3, {7, "other"}, true, Claim::new_state},
        Case{std::nullopt, {7, "other"}, true, Claim::new_state}}) {
    EXPECT_EQ(claim_of(one.stored, one.committed, "me", one.alone), one.claim)
        << (one.stored ? std::to_string(*one.stored) : "none") << " against "
        << one.committed.instance << " at " << one.committed.offset << ", alone " << one.alone;
  }
}

TEST(KafkaGroup, TellsWhatOthersReadOfASourcesTopics) {
  GroupView view;
  EXPECT_FALSE(view.has_others());
  view.members = {{"a-kafka-0", true, {{"predictions", 0}}},
                  {"a-kafka-1", true, {{"labels", 0}}},
                  {"b-kafka-0", false, {{"predictions", 1}, {"orders", 0}, {"predictions", 2}}},
                  {"c", false, {{"orders", 1}}}};
  EXPECT_TRUE(view.has_others());
  EXPECT_TRUE(view.is_assigned("predictions", 1));
  EXPECT_FALSE(view.is_assigned("predictions", 3));
  const ForeignPartitions foreign = foreign_partitions(view, {"predictions", "labels"});
  EXPECT_EQ(foreign.count, 2u);
  EXPECT_EQ(foreign.who, "b-kafka-0 (predictions[1], predictions[2])");
  EXPECT_EQ(foreign_partitions(view, {"labels"}).count, 0u);
  EXPECT_EQ(foreign_partitions(view, {"labels"}).who, "");
}

}  // namespace
}  // namespace driftd
