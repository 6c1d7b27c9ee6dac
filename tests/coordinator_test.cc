#include "daemon/coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "sinks/report_json.h"
#include "state/sqlite.h"
#include "tests/support/fake_source.h"

namespace driftd {
namespace {

using ::testing::HasSubstr;

constexpr TimeMs kBegin = 1'000'000;
constexpr DurationMs kSize = 100;
constexpr std::size_t kStep = 3;  // messages between two checkpoints

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

// What stands behind a coordinator in the daemon: every report goes to the outbox of one sink.
class Recorder final : public CheckpointObserver, public OutboxComposer {
 public:
  void recalled(std::span<const Report>) override {}
  void published(std::span<const Report> reports) override {
    reports_ += reports.size();
    if (on_published) on_published();
  }
  void monitor_changed(const MonitorName& name, const MonitorState& state) override {
    health[name.version] = state.health.state;
  }
  void totals(const PipelineTotals&) override {}
  void watermark(const std::string&, TimeMs watermark) override { last_watermark = watermark; }
  void checkpoint_written(DurationMs) override { ++checkpoints; }
  std::vector<StoredOutboxEntry> compose(std::span<const Report> reports) override {
    std::vector<StoredOutboxEntry> entries;
    for (const Report& report : reports) {
      StoredOutboxEntry& entry = entries.emplace_back();
      entry.sink = "sink";
      append_json(entry.payload, report);
    }
    return entries;
  }
  std::map<std::string, std::int64_t> delivered() override { return delivered_until; }

  [[nodiscard]] std::size_t reports() const { return reports_; }
  std::function<void()> on_published;
  std::map<std::string, std::int64_t> delivered_until;
  std::map<std::string, HealthState> health;  // by version
  TimeMs last_watermark = kNoTime;
  int checkpoints = 0;

 private:
  std::size_t reports_ = 0;
};

// A report as it compares: what it is about, and what it says in its highest revision.
struct Said {
  std::int32_t revision = -1;
  std::string exact;
  std::vector<double> rounded;
};
using Book = std::map<std::string, Said>;

[[nodiscard]] double value_of(const std::optional<double>& value) { return value.value_or(-1e300); }

void note(Book& book, const Report& report) {
  std::string key;
  Said said;
  if (const auto* finding = std::get_if<Finding>(&report)) {
    const WindowName& window = finding->window;
    key = finding->monitor.version + " " + finding->series + "/" + finding->detector + " " +
          std::to_string(window.index);
    said.revision = window.revision;
    said.exact = std::to_string(window.start) + " " + std::to_string(window.end) +
                 " n=" + std::to_string(window.n) + " " + std::string(to_string(finding->level));
    said.rounded = {value_of(finding->statistic), value_of(finding->p_value)};
  } else if (const auto* metric = std::get_if<MetricValue>(&report)) {
    const WindowName& window = metric->window;
    key = metric->monitor.version + " " + metric->metric + " " + std::to_string(window.index);
    said.revision = window.revision;
    said.exact = std::to_string(window.start) + " " + std::to_string(window.end) +
                 " n=" + std::to_string(window.n) +
                 " labelled=" + std::to_string(metric->labelled) + " " +
                 std::string(to_string(metric->level));
    said.rounded = {value_of(metric->value), metric->coverage};
  } else {
    return;
  }
  Said& before = book[key];
  // The outbox is written with the offsets, so that no revision is ever said twice.
  EXPECT_NE(before.revision, said.revision) << key;
  if (said.revision > before.revision) before = said;
}

void expect_same(const Book& book, const Book& expected) {
  for (const auto& [key, said] : expected) {
    const auto found = book.find(key);
    ASSERT_NE(found, book.end()) << key << " is missing";
    EXPECT_EQ(found->second.exact, said.exact) << key;
    ASSERT_EQ(found->second.rounded.size(), said.rounded.size());
    for (std::size_t i = 0; i < said.rounded.size(); ++i) {
      EXPECT_NEAR(found->second.rounded[i], said.rounded[i],
                  1e-9 * std::max(1.0, std::abs(said.rounded[i])))
          << key;
    }
  }
  for (const auto& [key, said] : book) EXPECT_TRUE(expected.contains(key)) << key << " is too much";
}

using Stream = std::vector<std::pair<std::int32_t, FakeMessage>>;  // partition, message

// One state directory, and the processes that use it one after the other.
class Pipeline {
 public:
  Pipeline() : clock_(2 * kBegin) {
    spdlog::set_level(spdlog::level::off);
    std::string pattern = std::filesystem::temp_directory_path() / "driftd-coordinator-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream reference(folder_ / "reference.csv");
    reference << "amount,channel,prediction\n";
    for (int i = 0; i < 40; ++i) {
      reference << i % 10 << (i % 3 == 0 ? ",shop," : ",web,") << 0.05 * (i % 20) << "\n";
    }
    config.daemon.checkpoint_interval = 1'000;
    config.sources.emplace_back().labels = {"labels"};
    ModelConfig& model = config.models.emplace_back();
    model.name = "fraud";
    model.reference = folder_ / "reference.csv";
    model.window.size = kSize;
    model.min_samples = 1;
    model.amend_interval = 2'000;
  }
  ~Pipeline() {
    kill();
    std::filesystem::remove_all(folder_);
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // A process begins: everything is made anew but the state directory and what the broker holds.
  void start(unsigned lanes = 1, std::size_t released = 0) {
    const Result<> started = try_start(lanes, released);
    ASSERT_TRUE(started) << started.error().message;
  }
  [[nodiscard]] Result<> try_start(unsigned lanes = 1, std::size_t released = 0) {
    auto models = ModelSetup::load(config.models, !config.sources[0].labels.empty());
    if (!models) return std::unexpected(models.error());
    models_ = std::move(*models);
    auto store = StateStore::open(folder_ / "state");
    if (!store) return std::unexpected(store.error());
    store_ = std::move(*store);
    source_ = std::make_unique<FakeSource>(clock_);
    for (const auto& [partition, message] : stream) source_->write(partition, message);
    source_->release(released);
    released_ = released;
    recorder_ = std::make_unique<Recorder>();
    coordinator_ = std::make_unique<Coordinator>(config, *models_, *store_, *source_, *recorder_,
                                                 *recorder_, clock_, lanes);
    return coordinator_->start();
  }
  // Lets `count` more messages be read, without a checkpoint.
  void read(std::size_t count) {
    released_ = std::min(stream.size(), released_ + count);
    source_->release(released_);
    ASSERT_TRUE(source_->settle());
  }
  void checkpoint() {
    clock_.advance(config.daemon.checkpoint_interval);
    coordinator_->step();
  }
  // Reads up to the `count`-th message, with a checkpoint after every few.
  void run_to(std::size_t count) {
    while (released_ + kStep <= count) {
      read(kStep);
      checkpoint();
    }
    read(count - released_);
  }
  void kill() {
    coordinator_.reset();
    recorder_.reset();
    source_.reset();
    store_.reset();
    models_.reset();
  }
  // All that has been published durably, over all processes.
  [[nodiscard]] Book book() {
    Book book;
    for (const Report& report : outbox()) note(book, report);
    return book;
  }
  [[nodiscard]] std::vector<Report> outbox() {
    std::vector<Report> reports;
    const auto reader = OutboxReader::open(database());
    const auto entries = (*reader)->read("sink", 0, 1'000'000);
    EXPECT_TRUE(entries);
    for (const StoredOutboxEntry& entry : *entries) {
      const Result<Report> report = parse_report(entry.payload);
      EXPECT_TRUE(report) << entry.payload;
      reports.push_back(*report);
    }
    return reports;
  }
  // The newest revision of one metric of one window.
  [[nodiscard]] std::optional<MetricValue> metric(const std::string& name, TimeMs window_start) {
    std::optional<MetricValue> newest;
    for (const Report& report : outbox()) {
      const auto* value = std::get_if<MetricValue>(&report);
      if (value != nullptr && value->metric == name && value->window.start == window_start)
        newest = *value;
    }
    return newest;
  }
  // On a connection of its own: what is durable, as the next process would find it.
  [[nodiscard]] std::int64_t stored_offset(const std::string& topic, int partition = 0) {
    const auto connection = SqliteConnection::open(database());
    SqliteStatement query =
        (*connection)
            ->prepare("SELECT next_offset FROM partitions WHERE topic = ?1 AND partition = ?2");
    query.bind_text(1, topic).bind(2, partition);
    return query.step() ? query.integer(0) : -1;
  }
  void run_sql(const char* sql) {
    const auto connection = SqliteConnection::open(database());
    const Result<> done = (*connection)->execute(sql);
    ASSERT_TRUE(done) << done.error().message;
  }
  // As a full disk: everything can be read, nothing written.
  void refuse_writes() {
    run_sql(
        "CREATE TRIGGER refuse BEFORE INSERT ON partitions BEGIN SELECT RAISE(ABORT, 'disk is "
        "full'); END");
  }
  void allow_writes() { run_sql("DROP TRIGGER refuse"); }

  [[nodiscard]] std::string database() const { return folder_ / "state" / "state.db"; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] Coordinator& coordinator() { return *coordinator_; }
  [[nodiscard]] FakeSource& source() { return *source_; }
  [[nodiscard]] Recorder& recorder() { return *recorder_; }
  [[nodiscard]] ManualClock& clock() { return clock_; }

  Config config;
  Stream stream;

 private:
  ManualClock clock_;
  std::filesystem::path folder_;
  std::unique_ptr<ModelSetup> models_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<FakeSource> source_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<Coordinator> coordinator_;
  std::size_t released_ = 0;
};

[[nodiscard]] FakeMessage prediction(const std::string& id, DurationMs after, double amount = 1) {
  FakeMessage message;
  message.id = id;
  message.ts = kBegin + after;
  message.amount = amount;
  message.score = 0.1 * std::fmod(amount, 10);
  message.latency_ms = 10 + amount;
  message.channel = amount > 5 ? "fax" : "web";
  return message;
}

[[nodiscard]] FakeMessage label(const std::string& id, DurationMs after,
                                const std::string& actual = "1") {
  return label_of(id, kBegin + after, actual);
}

// Two partitions of predictions and one of labels, with what is hard to count once: a duplicate, a
// prediction that comes after its window closed, labels before their prediction, twice, against
// each other, and late.
[[nodiscard]] Stream hard_stream(bool with_labels) {
  Stream all;
  const auto canary = [](FakeMessage message) {
    message.version = "v2";
    return message;
  };
  all.emplace_back(0, prediction("a", 10, 1));
  all.emplace_back(1, prediction("b", 20, 9));
  all.emplace_back(0, label("c", 30, "0"));
  all.emplace_back(1, prediction("c", 35, 3));
  all.emplace_back(0, canary(prediction("d", 40, 4)));
  all.emplace_back(0, label("a", 45));
  all.emplace_back(0, prediction("e", 110, 5));
  all.emplace_back(1, canary(prediction("f", 120, 6)));
  all.emplace_back(0, prediction("a", 125, 8));
  all.emplace_back(0, label("b", 130));
  all.emplace_back(1, prediction("g", 130, 7));
  all.emplace_back(0, label("b", 140, "0"));
  all.emplace_back(0, prediction("h", 210, 2));
  all.emplace_back(1, prediction("i", 215, 9));
  all.emplace_back(0, prediction("late", 60, 9));
  all.emplace_back(0, label("late", 216));
  all.emplace_back(0, label("e", 217));
  all.emplace_back(0, label("d", 218, "0"));
  all.emplace_back(1, canary(prediction("j", 330, 1)));
  all.emplace_back(0, canary(prediction("k", 340, 2)));
  all.emplace_back(0, label("f", 345));
  all.emplace_back(0, label("g", 346, "0"));
  all.emplace_back(0, label("g", 347, "0"));
  all.emplace_back(0, label("h", 350));
  all.emplace_back(1, prediction("y", 460, 1));
  all.emplace_back(0, prediction("z", 460, 1));
  if (!with_labels)
    std::erase_if(all, [](const auto& m) { return m.second.kind == MessageKind::label; });
  return all;
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
