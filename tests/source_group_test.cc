#include "daemon/source_group.h"

#include <gtest/gtest.h>

#include "core/clock.h"
#include "tests/support/fake_source.h"

namespace driftd {
namespace {

class Host final : public SourceHost {
 public:
  const PartitionStates& stored() const override { return states; }
  void checkpoint_before_revoke() override {}
  PartitionStates states;
};

class SourceGroupTest : public ::testing::Test {
 protected:
  SourceGroupTest() : schema_(), a_(clock_, "a"), b_(clock_, "b"), group_({&a_, &b_}) {
    batch_.predictions.emplace_back(schema_);
    batch_.labels.emplace_back(schema_);
  }
  void write(FakeSource& source, int messages) {
    for (int i = 0; i < messages; ++i) {
      FakeMessage message;
      message.id = std::to_string(i);
      message.ts = i;
      source.write(0, message);
    }
    source.release(static_cast<std::size_t>(messages));
  }
  [[nodiscard]] std::int64_t next(const std::string& source) const {
    return group_.progress().at({source, "predictions", 0}).progress.next_offset;
  }

  ManualClock clock_;
  ModelSchema schema_;
  FakeSource a_;
  FakeSource b_;
  SourceGroup group_;
  Host host_;
  LaneBatch batch_;
};

// One that never has more, and one that cannot begin.
class Finished final : public Source {
 public:
  Result<void> start(SourceHost&, unsigned) override {
    return fail(ErrorCode::not_found, "no such topic");
  }
  void control() override {}
  bool ready() const override { return true; }
  bool poll(unsigned, LaneBatch&, std::uint32_t, DurationMs) override { return false; }
  PartitionStates progress() const override { return {}; }
  void acknowledge(const PartitionStates&) override {}
  void stop() override {}
};

TEST_F(SourceGroupTest, GivesTheMessagesOfAllSourcesInOneBatch) {
  write(a_, 3);
  write(b_, 4);
  ASSERT_TRUE(group_.start(host_, 1));
  EXPECT_TRUE(group_.poll(0, batch_, 100, 0));
  EXPECT_EQ(batch_.rows, 7U);
  EXPECT_EQ(next("a"), 3);
  EXPECT_EQ(next("b"), 4);
}

TEST_F(SourceGroupTest, LetsNoSourceWaitForAnotherThatAlwaysHasMore) {
  write(a_, 1'000);
  write(b_, 10);
  ASSERT_TRUE(group_.start(host_, 1));
  for (int polls = 0; polls < 5; ++polls) {
    batch_.clear();
    EXPECT_TRUE(group_.poll(0, batch_, 8, 0));
    EXPECT_LE(batch_.rows, 8U);
  }
  EXPECT_EQ(next("b"), 10);
  EXPECT_GE(next("a"), 20);
}

TEST_F(SourceGroupTest, StartsEverySourceWhereTheHostSays) {
  write(a_, 3);
  write(b_, 4);
  host_.states[{"b", "predictions", 0}].progress.next_offset = 3;
  ASSERT_TRUE(group_.start(host_, 1));
  EXPECT_TRUE(group_.poll(0, batch_, 100, 0));
  EXPECT_EQ(batch_.rows, 4U);
}

TEST_F(SourceGroupTest, IsReadyOnceAllOfThemAre) {
  EXPECT_TRUE(group_.ready());
  b_.set_ready(false);
  EXPECT_FALSE(group_.ready());
  b_.set_ready(true);
  EXPECT_TRUE(group_.ready());
}

TEST_F(SourceGroupTest, TellsAllOfThemWhatIsDurableAndWhenToLeave) {
  write(a_, 1);
  write(b_, 2);
  ASSERT_TRUE(group_.start(host_, 1));
  EXPECT_TRUE(group_.poll(0, batch_, 100, 0));
  group_.acknowledge(group_.progress());
  EXPECT_EQ(a_.acknowledged(MessageKind::prediction, 0), 1);
  EXPECT_EQ(b_.acknowledged(MessageKind::prediction, 0), 2);
  int controls = 0;
  a_.at_next_control([&](SourceHost&) { ++controls; });
  b_.at_next_control([&](SourceHost&) { ++controls; });
  group_.control();
  EXPECT_EQ(controls, 2);
  group_.stop();
  EXPECT_TRUE(a_.stopped() && b_.stopped());
}

TEST_F(SourceGroupTest, HasMoreAsLongAsOneOfThemHas) {
  Finished finished;
  write(a_, 1);
  ASSERT_TRUE(a_.start(host_, 1));
  SourceGroup both({&finished, &a_});
  EXPECT_TRUE(both.poll(0, batch_, 100, 0));
  EXPECT_EQ(batch_.rows, 1U);
  SourceGroup none({&finished});
  EXPECT_FALSE(none.poll(0, batch_, 100, 0));
}

TEST_F(SourceGroupTest, GivesTheErrorOfTheSourceThatCannotBegin) {
  Finished finished;
  SourceGroup both({&a_, &finished});
  const Result<> begun = both.start(host_, 1);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().message, "no such topic");
}

}  // namespace
}  // namespace driftd
