#include "daemon/coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include "tests/support/hard_stream.h"
#include "tests/support/pipeline.h"
#include "tests/support/report_book.h"

namespace driftd {
namespace {

using ::testing::HasSubstr;

// Asks until it is so, for at most ten seconds.
template <typename Condition>
[[nodiscard]] bool eventually(Condition condition) {
  std::mutex mutex;
  std::condition_variable never;
  for (int tries = 0; tries < 2'000; ++tries) {
    if (condition()) return true;
    std::unique_lock lock(mutex);
    never.wait_for(lock, std::chrono::milliseconds(5));
  }
  return false;
}

struct Scenario {
  const char* name;
  bool labels = true;
  std::int64_t count = 0;  // windows by count; then all predictions come from one partition
  DurationMs horizon = 0;  // 0: far longer than the stream
  DurationMs slide = 0;
  unsigned lanes_before = 1;
  unsigned lanes_after = 1;
};
std::ostream& operator<<(std::ostream& out, const Scenario& scenario) {
  return out << scenario.name;
}

void arrange(Pipeline& pipeline, const Scenario& scenario) {
  pipeline.stream = hard_stream(scenario.labels);
  if (!scenario.labels) pipeline.config.sources[0].labels.clear();
  ModelConfig& model = pipeline.config.models[0];
  if (scenario.horizon > 0) {
    model.label_horizon = scenario.horizon;
    // The whole stream passes within a horizon of the clock, too, or labels would be given up.
    pipeline.config.daemon.checkpoint_interval = 10;
  }
  model.window.slide = scenario.slide;
  if (scenario.count == 0) return;
  model.window.size = 0;
  model.window.count = scenario.count;
  for (auto& [partition, message] : pipeline.stream) partition = 1;
}

class AnyCut : public ::testing::TestWithParam<Scenario> {};

TEST_P(AnyCut, EndsInTheNumbersOfAnUndisturbedRun) {
  const Scenario& scenario = GetParam();
  Pipeline undisturbed;
  arrange(undisturbed, scenario);
  undisturbed.start(scenario.lanes_before);
  undisturbed.run_to(undisturbed.stream.size());
  undisturbed.coordinator().stop();
  const Book expected = undisturbed.book();
  const auto expected_health = undisturbed.recorder().health;
  ASSERT_GT(expected.size(), 20U);

  for (std::size_t cut = 0; cut <= undisturbed.stream.size(); ++cut) {
    SCOPED_TRACE("killed after message " + std::to_string(cut));
    Pipeline pipeline;
    arrange(pipeline, scenario);
    pipeline.start(scenario.lanes_before);
    pipeline.run_to(cut);
    pipeline.kill();
    pipeline.start(scenario.lanes_after, cut);
    pipeline.run_to(pipeline.stream.size());
    pipeline.coordinator().stop();
    expect_same(pipeline.book(), expected);
    EXPECT_EQ(pipeline.recorder().health, expected_health);
    if (HasFailure()) break;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Coordinator, AnyCut,
    ::testing::Values(
        Scenario{.name = "OneLane"},
        Scenario{.name = "TwoLanes", .lanes_before = 2, .lanes_after = 2},
        Scenario{.name = "FromOneLaneToTwo", .lanes_before = 1, .lanes_after = 2},
        Scenario{.name = "FromTwoLanesToOne", .lanes_before = 2, .lanes_after = 1},
        Scenario{.name = "WithoutLabels", .labels = false},
        Scenario{.name = "WithoutLabelsFromTwoLanesToOne", .labels = false, .lanes_before = 2},
        Scenario{.name = "ShortHorizon", .horizon = 250},
        Scenario{.name = "HoppingWindows", .slide = 25},
        Scenario{.name = "HoppingWindowsOfUnevenPanes",
                 .slide = 40,
                 .lanes_before = 2,
                 .lanes_after = 2},
        Scenario{.name = "HoppingWindowsWithAShortHorizon", .horizon = 250, .slide = 50},
        Scenario{.name = "CountWindows", .count = 4},
        Scenario{.name = "CountWindowsFromTwoLanesToOne", .count = 4, .lanes_before = 2},
        Scenario{.name = "CountWindowsWithoutLabels", .labels = false, .count = 3}),
    [](const auto& instance) { return std::string(instance.param.name); });

// By definition: the first prediction of each id is in every window that its time lies in.
TEST(Coordinator, PutsAPredictionIntoEveryHoppingWindowThatHoldsItsTime) {
  for (const DurationMs slide : {10, 25, 40, 100}) {
    Pipeline pipeline;
    pipeline.stream = hard_stream(true);
    pipeline.config.models[0].window.slide = slide;
    pipeline.start();
    pipeline.run_to(pipeline.stream.size());
    pipeline.checkpoint();
    pipeline.coordinator().stop();

    std::map<std::pair<std::string, TimeMs>, std::int64_t> expected;
    std::set<std::string> seen;
    for (const auto& [partition, message] : pipeline.stream) {
      if (message.kind != MessageKind::prediction || !seen.insert(message.id).second) continue;
      for (TimeMs start = message.ts / slide * slide; start > message.ts - kSize; start -= slide) {
        // Later windows are still open: the watermark has come to the last prediction.
        if (start + kSize <= kBegin + 460) ++expected[{message.version, start}];
      }
    }
    std::map<std::pair<std::string, TimeMs>, std::int64_t> found;
    std::map<std::string, std::set<std::int64_t>> indexes;
    for (const Report& report : pipeline.outbox()) {
      const auto* metric = std::get_if<MetricValue>(&report);
      if (metric == nullptr || metric->metric != "accuracy") continue;
      EXPECT_EQ(metric->window.end, metric->window.start + kSize);
      found[{metric->monitor.version, metric->window.start}] = metric->window.n;
      indexes[metric->monitor.version].insert(metric->window.index);
    }
    EXPECT_EQ(found, expected) << "slide " << slide;
    for (const auto& [version, numbers] : indexes)
      EXPECT_EQ(*numbers.rbegin() + 1, static_cast<std::int64_t>(numbers.size())) << version;
  }
}

TEST(Coordinator, PublishesAndAcknowledgesNothingBeforeTheCheckpointIsWritten) {
  Pipeline pipeline;
  pipeline.stream = hard_stream(true);
  pipeline.start();
  int asked = 0;
  const auto is_durable = [&] {
    ++asked;
    EXPECT_EQ(pipeline.stored_offset("predictions"),
              pipeline.source().acknowledged(MessageKind::prediction, 0));
    EXPECT_EQ(pipeline.stored_offset("labels"),
              pipeline.source().acknowledged(MessageKind::label, 0));
    EXPECT_GE(pipeline.outbox().size(), pipeline.recorder().reports());
  };
  pipeline.source().on_acknowledge(is_durable);
  pipeline.recorder().on_published = is_durable;
  pipeline.read(9);
  EXPECT_EQ(pipeline.stored_offset("predictions"), -1);
  EXPECT_EQ(pipeline.source().acknowledgements(), 0);
  EXPECT_EQ(pipeline.recorder().reports(), 0U);
  pipeline.run_to(pipeline.stream.size());
  pipeline.coordinator().stop();
  EXPECT_GT(asked, 10);
  EXPECT_GT(pipeline.recorder().reports(), 20U);
  EXPECT_EQ(pipeline.source().acknowledged(MessageKind::label, 0),
            pipeline.stored_offset("labels"));
  EXPECT_TRUE(pipeline.source().stopped());
}

TEST(Coordinator, WritesCheckpointsAtTheirIntervalAndNotBefore) {
  Pipeline pipeline;
  pipeline.start();
  pipeline.coordinator().step();
  pipeline.clock().advance(999);
  pipeline.coordinator().step();
  EXPECT_EQ(pipeline.recorder().checkpoints, 0);
  pipeline.clock().advance(1);
  pipeline.coordinator().step();
  pipeline.coordinator().step();
  EXPECT_EQ(pipeline.recorder().checkpoints, 1);
}

TEST(Coordinator, CountsADuplicateOverARestartOnce) {
  Pipeline pipeline;
  for (const char* id : {"a", "b", "a", "b", "c"})
    pipeline.stream.emplace_back(0, prediction(id, 10));
  pipeline.stream.emplace_back(0, prediction("z", 500));
  pipeline.start();
  pipeline.read(2);
  pipeline.checkpoint();
  pipeline.kill();
  pipeline.start(2, 2);
  pipeline.read(4);
  pipeline.checkpoint();
  const PipelineTotals totals = pipeline.coordinator().totals();
  EXPECT_EQ(totals.predictions, 2U);
  EXPECT_EQ(
      totals.discarded.by_reason[static_cast<std::size_t>(DiscardReason::duplicate_prediction)],
      2U);
  const auto latency = pipeline.metric("latency_mean", kBegin);
  ASSERT_TRUE(latency);
  EXPECT_EQ(latency->window.n, 3);
}

TEST(Coordinator, HoldsAWindowOpenForAPartitionThatHasNotCaughtUp) {
  Pipeline pipeline;
  pipeline.stream.emplace_back(0, prediction("a", 10));
  pipeline.stream.emplace_back(0, prediction("b", 500));
  pipeline.stream.emplace_back(1, prediction("c", 20));
  pipeline.stream.emplace_back(1, prediction("d", 520));
  pipeline.start();
  pipeline.read(3);
  pipeline.checkpoint();
  EXPECT_EQ(pipeline.recorder().last_watermark, kBegin + 20);
  EXPECT_EQ(pipeline.recorder().reports(), 0U);
  pipeline.read(1);
  pipeline.checkpoint();
  EXPECT_EQ(pipeline.recorder().last_watermark, kBegin + 500);
  ASSERT_TRUE(pipeline.metric("latency_mean", kBegin));
  EXPECT_EQ(pipeline.metric("latency_mean", kBegin)->window.n, 2);
}

TEST(Coordinator, ClosesOpenWindowsOnceAllIsIdleAndRevisesThemLater) {
  Pipeline pipeline;
  pipeline.stream.emplace_back(0, prediction("a", 10));
  pipeline.stream.emplace_back(0, prediction("b", 20));
  pipeline.start();
  pipeline.read(1);
  pipeline.checkpoint();
  pipeline.clock().advance(*pipeline.config.models[0].window.idle_close - 2'000);
  pipeline.coordinator().step();
  EXPECT_FALSE(pipeline.metric("latency_mean", kBegin));
  pipeline.clock().advance(2'000);
  pipeline.coordinator().step();
  ASSERT_TRUE(pipeline.metric("latency_mean", kBegin));
  EXPECT_EQ(pipeline.metric("latency_mean", kBegin)->window.n, 1);
  EXPECT_EQ(pipeline.recorder().last_watermark, kBegin + 10);

  pipeline.read(1);
  pipeline.coordinator().stop();
  const auto revised = pipeline.metric("latency_mean", kBegin);
  EXPECT_EQ(revised->window.n, 2);
  EXPECT_EQ(revised->window.revision, 1);
}

TEST(Coordinator, NeverClosesByTheClockWhereTheOwnerSaysNever) {
  Pipeline pipeline;
  pipeline.config.models[0].window.idle_close.reset();
  pipeline.stream.emplace_back(0, prediction("a", 10));
  pipeline.start();
  pipeline.read(1);
  pipeline.clock().advance(86'400'000);
  pipeline.coordinator().step();
  EXPECT_EQ(pipeline.recorder().checkpoints, 1);
  EXPECT_EQ(pipeline.recorder().reports(), 0U);
}

TEST(Coordinator, AcknowledgesBeforePartitionsAreGivenAway) {
  Pipeline pipeline;
  pipeline.stream.emplace_back(0, prediction("a", 10));
  pipeline.stream.emplace_back(0, prediction("b", 20));
  pipeline.start();
  pipeline.read(2);
  pipeline.source().at_next_control([&](SourceHost& host) {
    host.checkpoint_before_revoke();
    EXPECT_EQ(pipeline.source().acknowledged(MessageKind::prediction, 0), 2);
    EXPECT_EQ(host.stored().at({"fake", "predictions", 0}).progress.next_offset, 2);
  });
  pipeline.coordinator().step();
  EXPECT_EQ(pipeline.source().acknowledgements(), 1);
  EXPECT_EQ(pipeline.stored_offset("predictions"), 2);
}

TEST(Coordinator, SaysWhyItIsNotReady) {
  Pipeline pipeline;
  pipeline.start();
  pipeline.source().set_ready(false);
  pipeline.coordinator().step();
  EXPECT_FALSE(pipeline.coordinator().readiness().ready);
  EXPECT_THAT(pipeline.coordinator().readiness().reasons,
              ::testing::ElementsAre(HasSubstr("partitions")));
  pipeline.source().set_ready(true);
  pipeline.coordinator().step();
  EXPECT_TRUE(pipeline.coordinator().readiness().ready);
  pipeline.coordinator().request_stop();
  EXPECT_THAT(pipeline.coordinator().readiness().reasons, ::testing::ElementsAre("stopping"));
}

TEST(Coordinator, StopsIntakeBeforeTheDiskIsFullAndThenGoesOn) {
  Pipeline pipeline;
  pipeline.stream = hard_stream(true);
  pipeline.config.state.min_free = 0;
  pipeline.start();
  pipeline.read(kStep);
  pipeline.config.state.min_free = 1ULL << 60;
  pipeline.checkpoint();
  EXPECT_THAT(pipeline.coordinator().readiness().reasons,
              ::testing::ElementsAre(HasSubstr("is nearly full")));
  EXPECT_EQ(pipeline.stored_offset("predictions") + pipeline.stored_offset("predictions", 1) +
                pipeline.stored_offset("labels"),
            static_cast<std::int64_t>(kStep))
      << "what has been read is made durable while there is room";
  pipeline.source().release(pipeline.stream.size());
  for (int i = 0; i < 3; ++i) pipeline.checkpoint();
  EXPECT_EQ(pipeline.source().given(), kStep) << "nothing more is read";

  pipeline.config.state.min_free = 0;
  pipeline.checkpoint();
  EXPECT_TRUE(pipeline.coordinator().readiness().ready);
  ASSERT_TRUE(pipeline.source().settle());
  EXPECT_EQ(pipeline.source().given(), pipeline.stream.size());
  pipeline.coordinator().stop();
}

TEST(Coordinator, StopsIntakeForGoodWhereAJoinRowIsDamaged) {
  Pipeline pipeline;
  pipeline.stream = {{0, prediction("a", 10, 1)}, {0, label("a", 45)}};
  pipeline.start();
  pipeline.read(1);
  pipeline.checkpoint();
  const auto rows = pipeline.folder() / "state" / "join" / "fraud";
  const auto file = std::filesystem::directory_iterator(rows)->path();
  {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(32 + 41);
    bytes.put('x');
  }
  pipeline.read(1);
  pipeline.checkpoint();
  EXPECT_THAT(pipeline.coordinator().readiness().reasons,
              ::testing::ElementsAre(HasSubstr(file.string())));
  EXPECT_EQ(pipeline.stored_offset("labels"), 0) << "the label is read again";
  pipeline.coordinator().stop();
  pipeline.kill();
  const Result<> refused = pipeline.try_start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupted);
  EXPECT_THAT(refused.error().message, HasSubstr(file.string()));
}

TEST(Coordinator, StopsIntakeWhileNoCheckpointCanBeWrittenAndThenGoesOn) {
  Pipeline pipeline;
  pipeline.stream = hard_stream(true);
  pipeline.start();
  pipeline.read(kStep);
  pipeline.checkpoint();
  pipeline.refuse_writes();
  pipeline.read(kStep);
  const int acknowledged = pipeline.source().acknowledgements();
  std::thread stepping([&] { pipeline.checkpoint(); });
  EXPECT_TRUE(eventually([&] { return !pipeline.coordinator().readiness().ready; }));
  EXPECT_THAT(pipeline.coordinator().readiness().reasons,
              ::testing::ElementsAre(HasSubstr("disk is full")));
  std::size_t polls = 0;
  EXPECT_TRUE(eventually([&] {
    return std::exchange(polls, pipeline.source().polls()) == pipeline.source().polls();
  }));
  pipeline.source().release(pipeline.stream.size());
  EXPECT_EQ(pipeline.source().given(), 2 * kStep);
  EXPECT_EQ(pipeline.source().acknowledgements(), acknowledged);
  EXPECT_EQ(pipeline.stored_offset("predictions") + pipeline.stored_offset("predictions", 1) +
                pipeline.stored_offset("labels"),
            static_cast<std::int64_t>(kStep));

  pipeline.allow_writes();
  stepping.join();
  EXPECT_TRUE(pipeline.coordinator().readiness().ready);
  pipeline.run_to(pipeline.stream.size());
  pipeline.coordinator().stop();

  Pipeline undisturbed;
  undisturbed.stream = pipeline.stream;
  undisturbed.start();
  undisturbed.run_to(undisturbed.stream.size());
  undisturbed.coordinator().stop();
  expect_same(pipeline.book(), undisturbed.book());
}

TEST(Coordinator, AcknowledgesAndPublishesNothingOfALastCheckpointThatItGivesUp) {
  Pipeline pipeline;
  pipeline.stream = hard_stream(true);
  pipeline.start();
  pipeline.read(kStep);
  pipeline.checkpoint();
  pipeline.refuse_writes();
  pipeline.read(pipeline.stream.size());
  const int acknowledged = pipeline.source().acknowledgements();
  const std::size_t reports = pipeline.recorder().reports();
  pipeline.coordinator().stop();
  EXPECT_EQ(pipeline.source().acknowledgements(), acknowledged);
  EXPECT_EQ(pipeline.recorder().reports(), reports);
  EXPECT_TRUE(pipeline.source().stopped());
}

TEST(Coordinator, LosesNothingWhereItIsStoppedWhileNoCheckpointCanBeWritten) {
  Pipeline pipeline;
  pipeline.stream = hard_stream(true);
  pipeline.start();
  pipeline.read(kStep);
  pipeline.refuse_writes();
  std::thread stepping([&] { pipeline.checkpoint(); });
  EXPECT_TRUE(eventually([&] { return !pipeline.coordinator().readiness().ready; }));
  pipeline.coordinator().request_stop();
  stepping.join();
  // The disk is well again, but what the checkpoint held is in no other one.
  pipeline.allow_writes();
  pipeline.coordinator().stop();
  pipeline.kill();
  pipeline.start(1, kStep);
  pipeline.run_to(pipeline.stream.size());
  pipeline.coordinator().stop();

  Pipeline undisturbed;
  undisturbed.stream = pipeline.stream;
  undisturbed.start();
  undisturbed.run_to(undisturbed.stream.size());
  undisturbed.coordinator().stop();
  expect_same(pipeline.book(), undisturbed.book());
}

TEST(Coordinator, FillsEveryCountWindowWithExactlyItsCountInAnyNumberOfLanes) {
  Pipeline pipeline;
  pipeline.config.models[0].window.size = 0;
  pipeline.config.models[0].window.count = 4;
  for (int i = 0; i < 24; ++i)
    pipeline.stream.emplace_back(i % 2, prediction(std::to_string(i), i));
  pipeline.start(2);
  pipeline.run_to(pipeline.stream.size());
  pipeline.coordinator().stop();
  std::map<std::int64_t, std::int64_t> rows;  // by index of the window
  for (const Report& report : pipeline.outbox()) {
    if (const auto* metric = std::get_if<MetricValue>(&report))
      rows[metric->window.index] = metric->window.n;
  }
  EXPECT_EQ(rows.size(), 6U);
  for (const auto& [index, n] : rows) EXPECT_EQ(n, 4) << "window " << index;
}

TEST(Coordinator, RefusesTheStateOfAnotherWindowOrReference) {
  Pipeline pipeline;
  pipeline.stream = hard_stream(true);
  pipeline.start();
  pipeline.run_to(6);
  pipeline.kill();
  pipeline.config.models[0].window.size = 2 * kSize;
  const Result<> refused = pipeline.try_start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::incompatible);
  EXPECT_THAT(refused.error().message, HasSubstr("state_dir"));
  EXPECT_THAT(refused.error().message,
              HasSubstr("model `fraud` has changed in the window's size. "));
  pipeline.kill();
  pipeline.config.models[0].window.size = kSize;
  pipeline.start(1, 6);
}

TEST(Coordinator, SetsTheStateOfAChangedModelAsideAndGoesOnAtTheStoredOffsets) {
  Pipeline pipeline;
  pipeline.stream = hard_stream(true);
  pipeline.start();
  pipeline.run_to(12);
  pipeline.coordinator().stop();
  const std::int64_t offset = pipeline.stored_offset("predictions");
  ASSERT_GT(offset, 0);
  pipeline.kill();
  pipeline.config.models[0].window.size = 2 * kSize;
  pipeline.config.state.on_change = OnChange::set_aside;
  pipeline.start(1, 12);
  EXPECT_EQ(pipeline.stored_offset("predictions"), offset);
  pipeline.run_to(pipeline.stream.size());
  pipeline.coordinator().stop();
  EXPECT_GT(pipeline.stored_offset("predictions"), offset);
  pipeline.kill();

  // The copy is a state of its own, which the old configuration can read.
  const auto aside = pipeline.folder() / "state" / "set-aside";
  ASSERT_EQ(std::distance(std::filesystem::directory_iterator(aside), {}), 1);
  const auto copy = StateStore::open(std::filesystem::directory_iterator(aside)->path());
  ASSERT_TRUE(copy) << copy.error().message;
  const auto state = (*copy)->load();
  ASSERT_TRUE(state) << state.error().message;
  ASSERT_EQ(state->joins.size(), 1U);
  EXPECT_TRUE(JoinLog::open(join_folder((*copy)->folder(), "fraud"), 72, state->joins[0].segments));

  // What is stored now is of the new configuration alone.
  pipeline.start(1, pipeline.stream.size());
}

TEST(Coordinator, SaysOfADamagedStateWhatToDo) {
  Pipeline pipeline;
  pipeline.stream = hard_stream(true);
  pipeline.start();
  pipeline.run_to(6);
  pipeline.kill();
  pipeline.run_sql("UPDATE open_panes SET features = substr(features, 1, 5)");
  const Result<> refused = pipeline.try_start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupted);
  EXPECT_THAT(refused.error().message, HasSubstr("put a copy back"));
}

TEST(Coordinator, DeletesFromTheOutboxWhatHasBeenDelivered) {
  Pipeline pipeline;
  pipeline.stream = hard_stream(true);
  pipeline.start();
  pipeline.run_to(pipeline.stream.size());
  pipeline.checkpoint();
  const std::size_t before = pipeline.outbox().size();
  ASSERT_GT(before, 5U);
  pipeline.recorder().delivered_until["sink"] = 5;
  pipeline.checkpoint();
  EXPECT_EQ(pipeline.outbox().size(), before - 5);
}

}  // namespace
}  // namespace driftd
