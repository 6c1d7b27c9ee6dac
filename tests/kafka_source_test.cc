// The Kafka source against librdkafka's mock cluster, in process. A real broker is used by the
// tests of the daemon.
#include "sources/kafka_source.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "sources/kafka_partitions.h"

namespace driftd {
namespace {

constexpr auto kPatience =
    std::chrono::seconds(40);  // a rebalance of the mock cluster takes some 10 s

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  char text[512];
  ASSERT_EQ(rd_kafka_conf_set(conf, name, value.c_str(), text, sizeof text), RD_KAFKA_CONF_OK)
      << text;
}

// A mock cluster of one broker and a producer that writes to it.
class Cluster {
 public:
  Cluster() {
    char text[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "test.mock.num.brokers", "1");
    host_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    mock_ = rd_kafka_handle_mock_cluster(host_);
    brokers_ = rd_kafka_mock_cluster_bootstraps(mock_);
  }
  ~Cluster() { rd_kafka_destroy(host_); }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] const std::string& brokers() const { return brokers_; }
  void create(const char* topic, int partitions) {
    rd_kafka_mock_topic_create(mock_, topic, partitions, 1);
  }
  void set_error(const char* topic, rd_kafka_resp_err_t error) {
    rd_kafka_mock_topic_set_error(mock_, topic, error);
  }
  void set_up(bool up) {
    up ? rd_kafka_mock_broker_set_up(mock_, 1) : rd_kafka_mock_broker_set_down(mock_, 1);
  }

  void produce(const char* topic, std::int32_t partition, const std::vector<std::string>& messages,
               const char* codec = "none") {
    char text[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers_);
    set(conf, "compression.codec", codec);
    set(conf, "linger.ms", "20");
    rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    rd_kafka_topic_t* handle = rd_kafka_topic_new(producer, topic, nullptr);
    for (std::string message : messages) {
      ASSERT_EQ(rd_kafka_produce(handle, partition, RD_KAFKA_MSG_F_COPY, message.data(),
                                 message.size(), nullptr, 0, nullptr),
                0);
    }
    ASSERT_EQ(rd_kafka_flush(producer, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(producer);
  }

  // What the group has committed for a partition.
  [[nodiscard]] std::int64_t committed(const char* topic, std::int32_t partition) const {
    char text[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers_);
    set(conf, "group.id", "driftd");
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_committed(client, list, 5'000);
    const std::int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
    return offset;
  }

 private:
  rd_kafka_t* host_ = nullptr;
  rd_kafka_mock_cluster_t* mock_ = nullptr;
  std::string brokers_;
};

class FakeHost final : public SourceHost {
 public:
  const PartitionStates& stored() const override { return states; }
  void checkpoint_before_revoke() override {
    ++checkpoints;
    if (on_checkpoint) on_checkpoint();
  }
  PartitionStates states;
  int checkpoints = 0;
  std::function<void()> on_checkpoint;
};

std::string prediction(int id) {
  return "{\"id\":" + std::to_string(id) + ",\"ts\":" + std::to_string(1'600'000'000'000 + id) +
         ",\"features\":{},\"prediction\":" + std::to_string(id) + "}";
}
std::string label(int id) {
  return "{\"id\":" + std::to_string(id) +
         ",\"ts\":1600000000000,\"actual\":" + std::to_string(id) + "}";
}
std::vector<std::string> predictions(int from, int to) {
  std::vector<std::string> all;
  for (int id = from; id < to; ++id) all.push_back(prediction(id));
  return all;
}

class Kafka : public ::testing::Test {
 protected:
  Kafka() {
    model_.name = "m";
    model_.task = Task::regression;
    config_.name = "kafka-0";
    config_.brokers = cluster_.brokers();
    config_.predictions = {"predictions"};
    config_.properties = {{"fetch.wait.max.ms", "20"}, {"heartbeat.interval.ms", "200"}};
  }

  [[nodiscard]] std::unique_ptr<KafkaSource> make() {
    return make_kafka_source(config_, {&pointer_, 1}, clock_, discarded_, {}, "test-1");
  }
  // A source that has been started, with `lanes` batches.
  [[nodiscard]] std::unique_ptr<KafkaSource> start(unsigned lanes) {
    auto source = make();
    const auto started = source->start(host_, lanes);
    EXPECT_TRUE(started) << started.error().message;
    batches_.clear();
    for (unsigned i = 0; i < lanes; ++i) {
      LaneBatch& batch = batches_.emplace_back();
      batch.predictions.emplace_back(model_);
      batch.labels.emplace_back(model_);
    }
    return source;
  }
  // Runs the source, all lanes in this thread, until `done`.
  [[nodiscard]] bool run(KafkaSource& source, const std::function<bool()>& done,
                         std::uint32_t max_rows = 100'000) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      source.control();
      for (unsigned i = 0; i < batches_.size(); ++i)
        EXPECT_TRUE(source.poll(i, batches_[i], max_rows, 5));
    }
    return true;
  }
  [[nodiscard]] bool at_end(const KafkaSource& source) const {
    const PartitionStates states = source.progress();
    if (!source.ready() || states.empty()) return false;
    for (const auto& [id, state] : states) {
      if (!state.progress.caught_up) return false;
    }
    return true;
  }
  [[nodiscard]] static PartitionId id(const char* topic, std::int32_t partition) {
    return {"kafka-0", topic, partition};
  }
  [[nodiscard]] std::vector<int> ids(unsigned lane) const {
    std::vector<int> all;
    for (const double value : batches_[lane].predictions[0].score)
      all.push_back(static_cast<int>(value));
    return all;
  }

  Cluster cluster_;
  ModelSchema model_;
  const ModelSchema* pointer_ = &model_;
  KafkaSourceConfig config_;
  SystemClock clock_;
  DiscardedMessages discarded_{clock_, "", 0};
  FakeHost host_;
  std::vector<LaneBatch> batches_;
};

TEST_F(Kafka, SpreadsBothKindsOfPartitionsEvenlyOverTheLanes) {
  cluster_.create("predictions", 4);
  cluster_.create("labels", 2);
  config_.labels = {"labels"};
  for (int partition = 0; partition < 4; ++partition) {
    cluster_.produce("predictions", partition, predictions(partition * 10, partition * 10 + 5));
  }
  for (int partition = 0; partition < 2; ++partition)
    cluster_.produce("labels", partition, {label(partition)});
  auto source = start(2);
  EXPECT_FALSE(source->ready());
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  for (const LaneBatch& batch : batches_) {
    EXPECT_EQ(batch.predictions[0].size(), 10u);
    EXPECT_EQ(batch.labels[0].size(), 1u);
  }
  const PartitionStates states = source->progress();
  ASSERT_EQ(states.size(), 6u);
  EXPECT_EQ(states.at(id("predictions", 3)).progress.next_offset, 5);
  EXPECT_EQ(states.at(id("predictions", 3)).progress.max_event_time, 1'600'000'000'034);
  EXPECT_EQ(states.at(id("predictions", 3)).kind, MessageKind::prediction);
  EXPECT_EQ(states.at(id("labels", 1)).kind, MessageKind::label);
  for (const auto& [partition, behind] : source->lag()) EXPECT_EQ(behind, 0) << partition.topic;
}

TEST_F(Kafka, StartsAtTheStoredOffsetAndNotAtTheCommittedOne) {
  cluster_.create("predictions", 2);
  cluster_.produce("predictions", 0, predictions(0, 10));
  cluster_.produce("predictions", 1, predictions(100, 110));
  host_.states[id("predictions", 0)].progress = {.next_offset = 7,
                                                 .max_event_time = 1'700'000'000'000};
  host_.states[id("predictions", 1)].progress.next_offset = 10;
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(ids(0), (std::vector<int>{7, 8, 9}));
  EXPECT_EQ(source->progress().at(id("predictions", 0)).progress.max_event_time, 1'700'000'000'000);
}

TEST_F(Kafka, StartsAtTheLatestWhereConfigured) {
  cluster_.create("predictions", 1);
  cluster_.produce("predictions", 0, predictions(0, 10));
  config_.start = StartAt::latest;
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  cluster_.produce("predictions", 0, predictions(10, 12));
  ASSERT_TRUE(run(*source, [&] { return batches_[0].rows == 2; }));
  EXPECT_EQ(ids(0), (std::vector<int>{10, 11}));
}

TEST_F(Kafka, StartsAtTheEndWhereNoMessageIsAsNewAsTheStartTime) {
  cluster_.create("predictions", 1);
  cluster_.produce("predictions", 0, predictions(0, 10));
  config_.start = StartAt::time;
  config_.start_time = 4'000'000'000'000;
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(batches_[0].rows, 0u);
  EXPECT_EQ(source->progress().at(id("predictions", 0)).progress.next_offset, 10);
}

TEST_F(Kafka, IsReadByLanesOnThreadsOfTheirOwn) {
  cluster_.create("predictions", 4);
  for (int partition = 0; partition < 4; ++partition) {
    cluster_.produce("predictions", partition,
                     predictions(partition * 1'000, partition * 1'000 + 1'000), "lz4");
  }
  auto source = start(2);
  std::atomic<int> busy{2};
  std::vector<std::thread> threads;
  for (unsigned lane = 0; lane < 2; ++lane) {
    threads.emplace_back([&, lane] {
      const auto deadline = std::chrono::steady_clock::now() + kPatience;
      while (batches_[lane].rows < 2'000 && std::chrono::steady_clock::now() < deadline) {
        (void)source->poll(lane, batches_[lane], 100, 10);
      }
      --busy;
    });
  }
  while (busy > 0) {
    source->control();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(batches_[0].rows, 2'000u);
  EXPECT_EQ(batches_[1].rows, 2'000u);
  for (const auto& [partition, state] : source->progress())
    EXPECT_EQ(state.progress.next_offset, 1'000);
}

TEST_F(Kafka, HoldsAPartitionWhoseStoredOffsetTheBrokerDoesNotHave) {
  cluster_.create("predictions", 2);
  cluster_.produce("predictions", 0, predictions(0, 10));
  cluster_.produce("predictions", 1, predictions(10, 20));
  host_.states[id("predictions", 0)].progress.next_offset = 11;
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return batches_[0].rows == 10; }));
  EXPECT_EQ(ids(0).front(), 10);
  EXPECT_FALSE(source->ready());
  EXPECT_NE(source->not_ready().find(
                "predictions[0]: the next message to count is 11, but the partition ends at 10"),
            std::string::npos)
      << source->not_ready();
  // It still holds the watermark back, as a partition that is not read to its end.
  const PartitionProgress held = source->progress().at(id("predictions", 0)).progress;
  EXPECT_EQ(held.next_offset, 11);
  EXPECT_FALSE(held.caught_up);
  EXPECT_GT(source->counters().errors_total, 0u);
}

TEST(KafkaPartitions, AStoredOffsetMustLieInWhatTheBrokerHolds) {
  EXPECT_EQ(start_at_stored(5, {5, 9}).hold, "");
  EXPECT_EQ(start_at_stored(9, {5, 9}).hold, "");
  EXPECT_NE(start_at_stored(4, {5, 9}).hold.find("1 messages were deleted"), std::string::npos);
  EXPECT_NE(start_at_stored(10, {5, 9}).hold.find("created anew"), std::string::npos);
}

TEST_F(Kafka, StopsAtMaxRowsAndGoesOnBehindThem) {
  cluster_.create("predictions", 1);
  cluster_.produce("predictions", 0, predictions(0, 1'000));
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return batches_[0].rows > 0; }, 7));
  std::vector<int> all = ids(0);
  EXPECT_LE(batches_[0].rows, 7u);
  for (int turn = 0; turn < 10'000 && all.size() < 1'000; ++turn) {
    batches_[0].clear();
    source->control();
    ASSERT_TRUE(source->poll(0, batches_[0], 7, 5));
    ASSERT_LE(batches_[0].rows, 7u);
    for (const int one : ids(0)) all.push_back(one);
  }
  ASSERT_EQ(all.size(), 1'000u);
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(all[static_cast<std::size_t>(i)], i);
}

TEST_F(Kafka, DiscardsBadMessagesAndCountsThemAsRead) {
  cluster_.create("predictions", 1);
  cluster_.produce("predictions", 0, {prediction(1), "{", "", prediction(2), "[]"});
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(ids(0), (std::vector<int>{1, 2}));
  const auto& reasons = batches_[0].discarded.by_reason;
  EXPECT_EQ(reasons[static_cast<std::size_t>(DiscardReason::malformed_json)], 2u);
  EXPECT_EQ(reasons[static_cast<std::size_t>(DiscardReason::empty)], 1u);
  EXPECT_EQ(source->progress().at(id("predictions", 0)).progress.next_offset, 5);
}

TEST_F(Kafka, ReadsEveryCodec) {
  cluster_.create("predictions", 1);
  std::vector<int> expected;
  int from = 0;
  for (const char* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    cluster_.produce("predictions", 0, predictions(from, from + 50), codec);
    for (int i = from; i < from + 50; ++i) expected.push_back(i);
    from += 50;
  }
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(ids(0), expected);
}

TEST_F(Kafka, IsCaughtUpOnlyUntilTheNextMessage) {
  cluster_.create("predictions", 1);
  cluster_.produce("predictions", 0, predictions(0, 1));
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  const TimeMs since = source->progress().at(id("predictions", 0)).progress.caught_up_since;
  EXPECT_LE(since, clock_.steady());
  cluster_.produce("predictions", 0, predictions(1, 2));
  ASSERT_TRUE(run(*source, [&] { return batches_[0].rows == 2 && at_end(*source); }));
  EXPECT_GT(source->progress().at(id("predictions", 0)).progress.caught_up_since, since);
}

TEST_F(Kafka, CommitsWhatIsDurableAndAtTheEnd) {
  cluster_.create("predictions", 2);
  cluster_.produce("predictions", 0, predictions(0, 10));
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  PartitionStates durable = source->progress();
  durable.at(id("predictions", 0)).progress.next_offset = 4;
  source->acknowledge(durable);
  ASSERT_TRUE(run(*source, [&] { return cluster_.committed("predictions", 0) == 4; }));
  source->acknowledge(source->progress());
  const auto before = std::chrono::steady_clock::now();
  source->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
  EXPECT_EQ(cluster_.committed("predictions", 0), 10);
  EXPECT_EQ(cluster_.committed("predictions", 1), 0);
}

TEST_F(Kafka, TakesACheckpointBeforeItGivesPartitionsAway) {
  cluster_.create("predictions", 2);
  cluster_.produce("predictions", 0, predictions(0, 10));
  cluster_.produce("predictions", 1, predictions(10, 20));
  auto first = start(1);
  ASSERT_TRUE(run(*first, [&] { return at_end(*first); })) << first->not_ready();
  PartitionStates at_revoke;
  host_.on_checkpoint = [&] {
    at_revoke = first->progress();
    first->acknowledge(at_revoke);
  };
  FakeHost other_host;
  auto second = make_kafka_source(config_, {&pointer_, 1}, clock_, discarded_, {}, "test-2");
  ASSERT_TRUE(second->start(other_host, 1));
  LaneBatch other;
  other.predictions.emplace_back(model_);
  other.labels.emplace_back(model_);
  ASSERT_TRUE(run(*first, [&] {
    second->control();
    (void)second->poll(0, other, 1'000, 1);
    return first->progress().size() == 1 && second->progress().size() == 1;
  }));
  EXPECT_EQ(host_.checkpoints, 1);
  EXPECT_EQ(at_revoke.size(), 2u);
  const PartitionId moved = second->progress().begin()->first;
  EXPECT_EQ(cluster_.committed("predictions", moved.partition), 10);
  EXPECT_GT(first->counters().rebalances_total, 1u);
}

TEST_F(Kafka, WaitsForATopicThatDoesNotExistYet) {
  // The mock cluster would create a topic that it is asked for.
  cluster_.create("predictions", 1);
  cluster_.set_error("predictions", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  auto source = start(1);
  source->control();
  EXPECT_FALSE(source->ready());
  EXPECT_NE(source->not_ready().find("topic 'predictions' does not exist"), std::string::npos)
      << source->not_ready();
  const auto topics = describe_topics(config_, 1'000);
  ASSERT_FALSE(topics);
  EXPECT_EQ(topics.error().code, ErrorCode::not_found);

  cluster_.set_error("predictions", RD_KAFKA_RESP_ERR_NO_ERROR);
  cluster_.produce("predictions", 0, predictions(0, 3));
  ASSERT_TRUE(run(*source, [&] { return batches_[0].rows == 3; })) << source->not_ready();
  EXPECT_TRUE(source->ready()) << source->not_ready();
}

TEST_F(Kafka, IsNeverIdleWhileNoBrokerAnswers) {
  cluster_.create("predictions", 1);
  cluster_.produce("predictions", 0, predictions(0, 3));
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  cluster_.set_up(false);
  ASSERT_TRUE(run(*source, [&] { return !source->progress().begin()->second.progress.caught_up; }));
  const TimeMs down = clock_.steady();
  cluster_.set_up(true);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_GE(source->progress().begin()->second.progress.caught_up_since, down);
  EXPECT_GT(source->counters().errors_total, 0u);
  cluster_.produce("predictions", 0, predictions(3, 5));
  ASSERT_TRUE(run(*source, [&] { return batches_[0].rows == 5; }));
}

TEST_F(Kafka, DescribesItsTopics) {
  cluster_.create("predictions", 3);
  cluster_.produce("predictions", 1, predictions(0, 4));
  const auto topics = describe_topics(config_, 10'000);
  ASSERT_TRUE(topics) << topics.error().message;
  ASSERT_EQ(topics->size(), 1u);
  ASSERT_EQ(topics->at(0).partitions.size(), 3u);
  EXPECT_EQ(topics->at(0).partitions[1].high, 4);
  EXPECT_EQ(topics->at(0).partitions[2].high, 0);
}

TEST_F(Kafka, SaysThatNoBrokerAnswers) {
  config_.brokers = "127.0.0.1:1";
  const auto topics = describe_topics(config_, 1'000);
  ASSERT_FALSE(topics);
  EXPECT_EQ(topics.error().code, ErrorCode::unavailable);
  EXPECT_NE(topics.error().message.find("127.0.0.1:1"), std::string::npos)
      << topics.error().message;
}

TEST_F(Kafka, RefusesPropertiesThatItCannotWorkWith) {
  for (const auto& [name, value, part] :
       std::initializer_list<std::tuple<const char*, const char*, const char*>>{
           {"enable.auto.commit", "true", "set by driftd itself"},
           {"group.id", "x", "set by driftd itself"},
           {"no.such.property", "1", "no.such.property"},
           {"session.timeout.ms", "soon", "session.timeout.ms"}}) {
    config_.properties = {{name, value}};
    const auto started = make()->start(host_, 1);
    ASSERT_FALSE(started) << name;
    EXPECT_EQ(started.error().code, ErrorCode::invalid_config);
    EXPECT_NE(started.error().message.find(part), std::string::npos) << started.error().message;
  }
}

}  // namespace
}  // namespace driftd
