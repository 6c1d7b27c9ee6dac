// The Kafka source against librdkafka's mock cluster, in process. A real broker is used by the
// tests of the daemon.
#include "sources/kafka_source.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>

#include "sources/kafka_position.h"
#include "tests/support/kafka_scene.h"

namespace driftd {
namespace {

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
    return committed_position(topic, partition).first;
  }
  [[nodiscard]] std::string committed_metadata(const char* topic, std::int32_t partition) const {
    return committed_position(topic, partition).second;
  }
  // Commits as somebody else in the group, who has left.
  void commit(const char* topic, std::int32_t partition, std::int64_t offset,
              const std::string& metadata) const {
    rd_kafka_t* client = make_client();
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t* one = rd_kafka_topic_partition_list_add(list, topic, partition);
    one->offset = offset;
    one->metadata = strdup(metadata.c_str());
    one->metadata_size = metadata.size();
    EXPECT_EQ(rd_kafka_commit(client, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
  }

 private:
  [[nodiscard]] rd_kafka_t* make_client() const {
    char text[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers_);
    set(conf, "group.id", "driftd");
    return rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
  }
  [[nodiscard]] std::pair<std::int64_t, std::string> committed_position(
      const char* topic, std::int32_t partition) const {
    rd_kafka_t* client = make_client();
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_committed(client, list, 5'000);
    const rd_kafka_topic_partition_t& one = list->elems[0];
    std::pair<std::int64_t, std::string> position{
        one.offset, std::string(static_cast<const char*>(one.metadata), one.metadata_size)};
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
    return position;
  }

  rd_kafka_t* host_ = nullptr;
  rd_kafka_mock_cluster_t* mock_ = nullptr;
  std::string brokers_;
};

class Kafka : public KafkaScene {
 protected:
  // A pointer, because the brokers' address is wanted before members are made.
  explicit Kafka(std::unique_ptr<Cluster> cluster = std::make_unique<Cluster>())
      : KafkaScene(cluster->brokers()), own_(std::move(cluster)), cluster_(*own_) {}

  std::unique_ptr<Cluster> own_;
  Cluster& cluster_;
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
  threads.reserve(2);
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

// What a former run has consumed: the message at `last`, which the mock cluster has given.
class KafkaProof : public Kafka {
 protected:
  // Reads a partition of ten messages to its end, and leaves its progress stored.
  void read_ten() {
    cluster_.create("predictions", 2);
    cluster_.produce("predictions", 0, predictions(0, 10));
    auto source = start(1);
    ASSERT_TRUE(run(*source, [&] { return batches_[0].rows == 10; })) << source->not_ready();
    store(source->progress());
    source->stop();
    last_ = host_.states.at(id("predictions", 0)).progress;
    ASSERT_EQ(last_.last_offset, 9);
  }
  PartitionProgress& stored() { return host_.states.at(id("predictions", 0)).progress; }
  PartitionProgress last_;
};

TEST_F(KafkaProof, GoesOnBehindTheLastMessageAndDoesNotCountItAgain) {
  read_ten();
  cluster_.produce("predictions", 0, predictions(10, 15));
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(ids(0), (std::vector<int>{10, 11, 12, 13, 14}));
  EXPECT_TRUE(source->counters().losses.empty());
}

TEST_F(KafkaProof, IsCaughtUpWhereNothingCameMeanwhile) {
  read_ten();
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(batches_[0].rows, 0u);
  EXPECT_EQ(source->progress().at(id("predictions", 0)).progress.last_fingerprint,
            last_.last_fingerprint);
}

TEST_F(KafkaProof, HoldsAPartitionWhoseLastMessageIsAnotherOne) {
  read_ten();
  cluster_.produce("predictions", 0, predictions(10, 15));
  ++stored().last_fingerprint;
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] {
    return source->not_ready().find("created anew under the same name") != std::string::npos;
  })) << source->not_ready();
  EXPECT_NE(source->not_ready().find("predictions[0]: the next message to count is 10"),
            std::string::npos)
      << source->not_ready();
  EXPECT_NE(source->not_ready().find("offset_lost"), std::string::npos);
  EXPECT_EQ(batches_[0].rows, 0u);
  EXPECT_EQ(source->counters().losses.at("predictions").recreated, 1u);
  EXPECT_EQ(source->progress().at(id("predictions", 0)).progress.next_offset, 10);
  EXPECT_FALSE(source->progress().at(id("predictions", 0)).progress.caught_up);
}

TEST_F(KafkaProof, ReadsAnotherPartitionFromItsBeginningWhereThatIsWanted) {
  read_ten();
  cluster_.produce("predictions", 0, predictions(10, 15));
  ++stored().last_fingerprint;
  config_.offset_lost = OffsetLost::earliest;
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  EXPECT_EQ(batches_[0].rows, 15u);
  EXPECT_EQ(source->counters().losses.at("predictions").recreated, 1u);
  EXPECT_EQ(source->counters().losses.at("predictions").messages, 0u);
}

TEST_F(KafkaProof, SkipsToTheEndOfAnotherPartitionWhereThatIsWanted) {
  read_ten();
  stored().next_offset = 100;
  stored().last_offset = 99;
  config_.offset_lost = OffsetLost::latest;
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  cluster_.produce("predictions", 0, predictions(20, 21));
  ASSERT_TRUE(run(*source, [&] { return batches_[0].rows == 1; }));
  EXPECT_EQ(ids(0), (std::vector<int>{20}));
  EXPECT_EQ(source->counters().losses.at("predictions").recreated, 1u);
}

TEST_F(Kafka, ReadsAnAddedPartitionFromItsFirstMessageWhateverTheStart) {
  cluster_.create("predictions", 2);
  cluster_.produce("predictions", 0, predictions(0, 10));
  cluster_.produce("predictions", 1, predictions(10, 20));
  host_.states[id("predictions", 0)].progress.next_offset = 10;
  config_.start = StartAt::latest;
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return batches_[0].rows == 10; })) << source->not_ready();
  EXPECT_EQ(ids(0).front(), 10);
}

TEST_F(Kafka, CommitsUnderItsStateDirectorysName) {
  cluster_.create("predictions", 1);
  cluster_.produce("predictions", 0, predictions(0, 3));
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return at_end(*source); })) << source->not_ready();
  source->acknowledge(source->progress());
  source->stop();
  EXPECT_EQ(cluster_.committed_metadata("predictions", 0), "driftd test-1");
}

// The mock cluster does not say who is in a group: then nobody is taken to have gone.
TEST_F(Kafka, HoldsWhatAnotherStateHasCounted) {
  cluster_.create("predictions", 2);
  cluster_.produce("predictions", 0, predictions(0, 10));
  cluster_.produce("predictions", 1, predictions(10, 20));
  cluster_.commit("predictions", 0, 7, "driftd test-2");
  cluster_.commit("predictions", 1, 7, "of somebody else");
  auto source = start(1);
  ASSERT_TRUE(run(*source, [&] { return batches_[0].rows == 10; })) << source->not_ready();
  EXPECT_EQ(ids(0).front(), 10);
  EXPECT_NE(source->not_ready().find("predictions[0]: driftd with the state test-2 has counted it "
                                     "up to offset 7"),
            std::string::npos)
      << source->not_ready();
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
  first->acknowledge(first->progress());
  ASSERT_TRUE(run(*first, [&] {
    return cluster_.committed("predictions", 0) == 10 && cluster_.committed("predictions", 1) == 10;
  }));
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
  const std::string refusal = "driftd with the state test-1 has counted it up to offset 10";
  ASSERT_TRUE(run(*first, [&] {
    second->control();
    (void)second->poll(0, other, 1'000, 1);
    return first->lag().size() == 1 && second->not_ready().find(refusal) != std::string::npos;
  })) << second->not_ready();
  EXPECT_EQ(host_.checkpoints, 1);
  EXPECT_EQ(at_revoke.size(), 2u);
  EXPECT_GT(first->counters().rebalances_total, 1u);
  // What the first has counted the second does not.
  EXPECT_EQ(other.rows, 0u);
  EXPECT_TRUE(second->progress().empty());
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
