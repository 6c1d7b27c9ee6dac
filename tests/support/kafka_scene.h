// A Kafka source in a test: a host with the progress that the test stores, lanes read by the test's
// own thread, and the events that are written.
//
// Thread rule: one thread. Failure rule: waits are bounded and say whether what they wait for came.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sources/kafka_source.h"

namespace driftd {

// A rebalance of the mock cluster takes some 10 s.
inline constexpr auto kPatience = std::chrono::seconds(40);

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

inline std::string prediction(int id) {
  return "{\"id\":" + std::to_string(id) + ",\"ts\":" + std::to_string(1'600'000'000'000 + id) +
         ",\"features\":{},\"prediction\":" + std::to_string(id) + "}";
}
inline std::string label(int id) {
  return "{\"id\":" + std::to_string(id) +
         ",\"ts\":1600000000000,\"actual\":" + std::to_string(id) + "}";
}
inline std::vector<std::string> predictions(int from, int to) {
  std::vector<std::string> all;
  for (int id = from; id < to; ++id) all.push_back(prediction(id));
  return all;
}

class KafkaScene : public ::testing::Test {
 protected:
  explicit KafkaScene(const std::string& brokers) {
    model_.name = "m";
    model_.task = Task::regression;
    config_.name = "kafka-0";
    config_.brokers = brokers;
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
  // The progress of a source that has ended, as a next one finds it.
  void store(const PartitionStates& states) { host_.states = states; }
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

  ModelSchema model_;
  const ModelSchema* pointer_ = &model_;
  KafkaSourceConfig config_;
  SystemClock clock_;
  DiscardedMessages discarded_{clock_, "", 0};
  FakeHost host_;
  std::vector<LaneBatch> batches_;
};

}  // namespace driftd
