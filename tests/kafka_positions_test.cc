// The Kafka source against a real broker: topics that are created anew, cut by retention or given
// further partitions, and a second instance in the group. Nothing here sleeps: every wait is for a
// condition, and has a limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_scene.h"

namespace driftd {
namespace {

using ::testing::HasSubstr;

class KafkaPositions : public KafkaScene {
 protected:
  // One broker for all; each test has a topic and a group of its own.
  static void SetUpTestSuite() { broker = std::make_unique<KafkaBroker>(); }
  static void TearDownTestSuite() { broker.reset(); }
  KafkaPositions() : KafkaScene(broker->address()) {
    topic_ = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    config_.group_id = topic_;
    config_.predictions = {topic_};
    config_.properties["topic.metadata.refresh.interval.ms"] = "500";
    config_.properties["session.timeout.ms"] = "6000";  // the least that a broker takes
    broker->create_topic(topic_, 1);
  }

  void produce(int from, int to, std::int32_t partition = 0) const {
    std::vector<KafkaMessage> messages;
    for (const std::string& event : predictions(from, to))
      messages.push_back({partition, "", event});
    broker->produce(topic_, messages);
  }
  // Messages 0 to 10 are read and their progress is stored.
  void read_ten() {
    produce(0, 10);
    auto source = start(1);
    ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
    ASSERT_EQ(batches_[0].rows, 10u);
    source->acknowledge(source->progress());
    store(source->progress());
    source->stop();
  }
  void recreate() const {
    broker->delete_topic(topic_);
    // The broker forgets it in the background.
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (bool made = false; !made;) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      try {
        broker->create_topic(topic_, 1);
        made = true;
      } catch (const std::runtime_error&) {
        made = false;
      }
    }
  }
  [[nodiscard]] bool says(KafkaSource& source, const std::string& words) {
    return run(source, [&] { return source.not_ready().find(words) != std::string::npos; });
  }
  [[nodiscard]] PartitionProgress progress_of(const KafkaSource& source) const {
    return source.progress().at({"kafka-0", topic_, 0}).progress;
  }
  [[nodiscard]] OffsetLosses losses_of(const KafkaSource& source) const {
    return source.counters().losses.at(topic_);
  }

  static std::unique_ptr<KafkaBroker> broker;
  std::string topic_;
};
std::unique_ptr<KafkaBroker> KafkaPositions::broker;

TEST_F(KafkaPositions, GoesOnBehindTheLastMessageCounted) {
  read_ten();
  produce(10, 15);
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(ids(0), (std::vector<int>{10, 11, 12, 13, 14}));
  EXPECT_EQ(source->counters().foreign_partitions, 0u);
}

TEST_F(KafkaPositions, HoldsATopicThatWasCreatedAnewWithMoreMessages) {
  read_ten();
  recreate();
  produce(100, 115);
  auto source = start(1);
  ASSERT_TRUE(says(*source, "created anew")) << source->not_ready();
  EXPECT_THAT(source->not_ready(), HasSubstr(topic_ + "[0]: the next message to count is 10"));
  EXPECT_THAT(source->not_ready(), HasSubstr("the broker holds 0 to 15"));
  EXPECT_EQ(batches_[0].rows, 0u);
  EXPECT_EQ(losses_of(*source).recreated, 1u);
}

TEST_F(KafkaPositions, HoldsATopicThatWasCreatedAnewWithAsManyMessages) {
  read_ten();
  recreate();
  produce(100, 110);
  auto source = start(1);
  ASSERT_TRUE(says(*source, "created anew")) << source->not_ready();
  EXPECT_EQ(batches_[0].rows, 0u);
}

TEST_F(KafkaPositions, ReadsATopicThatWasCreatedAnewWhereThatIsWanted) {
  read_ten();
  recreate();
  produce(100, 103);
  config_.offset_lost = OffsetLost::earliest;
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(ids(0), (std::vector<int>{100, 101, 102}));
  EXPECT_EQ(losses_of(*source).recreated, 1u);
  EXPECT_EQ(progress_of(*source).next_offset, 3);
}

TEST_F(KafkaPositions, NoticesWhileItReadsThatATopicIsCreatedAnew) {
  produce(0, 10);
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  store(source->progress());
  recreate();
  produce(100, 103);
  ASSERT_TRUE(says(*source, "created anew")) << source->not_ready();
  EXPECT_EQ(batches_[0].rows, 10u);
}

TEST_F(KafkaPositions, SaysWhatRetentionHasTakenAndStops) {
  read_ten();
  produce(10, 30);
  broker->delete_records(topic_, 0, 16);
  auto source = start(1);
  ASSERT_TRUE(says(*source, "6 messages were deleted (retention)")) << source->not_ready();
  EXPECT_EQ(batches_[0].rows, 0u);
  EXPECT_EQ(losses_of(*source).retention, 1u);
  EXPECT_EQ(losses_of(*source).messages, 0u);
}

TEST_F(KafkaPositions, GoesOnBehindWhatRetentionHasTakenWhereThatIsWanted) {
  read_ten();
  produce(10, 30);
  broker->delete_records(topic_, 0, 16);
  config_.offset_lost = OffsetLost::earliest;
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(ids(0).front(), 16);
  EXPECT_EQ(batches_[0].rows, 14u);
  EXPECT_EQ(losses_of(*source).retention, 1u);
  EXPECT_EQ(losses_of(*source).messages, 6u);
}

TEST_F(KafkaPositions, GoesOnWhereOnlyTheProofWasDeleted) {
  read_ten();
  produce(10, 12);
  broker->delete_records(topic_, 0, 10);
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(ids(0), (std::vector<int>{10, 11}));
  EXPECT_TRUE(source->counters().losses.empty());
}

TEST_F(KafkaPositions, ReadsAnAddedPartitionFromItsFirstMessage) {
  config_.start = StartAt::latest;
  produce(0, 10);
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(batches_[0].rows, 0u);
  store(source->progress());
  broker->add_partitions(topic_, 2);
  produce(50, 55, 1);
  ASSERT_TRUE(run(*source, [&] { return batches_[0].rows == 5; })) << source->not_ready();
  EXPECT_EQ(ids(0), (std::vector<int>{50, 51, 52, 53, 54}));
}

// The state directory is a new one and nobody else is there: that is how an owner begins anew.
TEST_F(KafkaPositions, BeginsAnewInThePlaceOfAStateThatIsGone) {
  read_ten();
  host_.states.clear();
  auto source = make_kafka_source(config_, {&pointer_, 1}, clock_, discarded_, {}, "test-2");
  ASSERT_TRUE(source->start(host_, 1));
  batches_[0].clear();
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(batches_[0].rows, 10u);
}

}  // namespace
}  // namespace driftd
