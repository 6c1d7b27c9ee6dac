#include "daemon/outbox_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "state/outbox_reader.h"
#include "state/state_store.h"

namespace driftd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kAnyTestsPatience = std::chrono::seconds(20);

// What the far side saw and how it answers; outlives the sink, which belongs to the worker.
class FarSide {
 public:
  // The answers to the next deliveries; after them everything is taken.
  void answer(std::vector<ErrorCode> codes) {
    const std::scoped_lock lock(mutex_);
    answers_ = std::move(codes);
  }
  // Deliveries from now on do not return until `release`.
  void hold() {
    const std::scoped_lock lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::scoped_lock lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  [[nodiscard]] Result<void> take(std::span<const OutboxEntry> entries) {
    std::unique_lock lock(mutex_);
    ++attempts_;
    changed_.notify_all();
    changed_.wait_for(lock, kAnyTestsPatience, [this] { return !held_; });
    if (!answers_.empty()) {
      const ErrorCode code = answers_.front();
      answers_.erase(answers_.begin());
      return fail(code, "the far side says no");
    }
    for (const OutboxEntry& entry : entries) taken_.push_back(entry.payload);
    return {};
  }
  void note(const DeliveryResult& result) {
    const std::scoped_lock lock(mutex_);
    results_.push_back(std::string(result.result) + " " + std::to_string(result.entries) + " try " +
                       std::to_string(result.attempts));
    changed_.notify_all();
  }
  [[nodiscard]] bool wait_for_attempts(int attempts) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kAnyTestsPatience, [&] { return attempts_ >= attempts; });
  }
  [[nodiscard]] bool wait_for_results(std::size_t results) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kAnyTestsPatience, [&] { return results_.size() >= results; });
  }
  [[nodiscard]] std::vector<std::string> taken() {
    const std::scoped_lock lock(mutex_);
    return taken_;
  }
  [[nodiscard]] std::vector<std::string> results() {
    const std::scoped_lock lock(mutex_);
    return results_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ErrorCode> answers_;
  std::vector<std::string> taken_;
  std::vector<std::string> results_;
  int attempts_ = 0;
  bool held_ = false;
};

class FakeSink final : public Sink {
 public:
  FakeSink(FarSide& far_side, std::size_t batch_size)
      : far_side_(far_side), batch_size_(batch_size) {}
  const std::string& name() const override { return name_; }
  std::size_t batch_size() const override { return batch_size_; }
  Result<void> deliver(std::span<const OutboxEntry> entries) override {
    return far_side_.take(entries);
  }

 private:
  const std::string name_ = "sink";
  FarSide& far_side_;
  const std::size_t batch_size_;
};

class OutboxWorkerTest : public ::testing::Test {
 protected:
  OutboxWorkerTest() {
    spdlog::set_level(spdlog::level::off);
    std::string pattern = std::filesystem::temp_directory_path() / "driftd-outbox-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    store_ = StateStore::open(folder_).value();
  }
  ~OutboxWorkerTest() override {
    far_side_.release();
    worker_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void put(const std::vector<std::string>& payloads, const std::string& sink = "sink") {
    Checkpoint checkpoint;
    for (const std::string& payload : payloads) {
      StoredOutboxEntry& entry = checkpoint.outbox.emplace_back();
      entry.sink = sink;
      entry.payload = payload;
    }
    ASSERT_TRUE(store_->write(checkpoint));
  }
  // What a checkpoint does with what has been delivered.
  void forget_delivered() {
    Checkpoint checkpoint;
    checkpoint.delivered["sink"] = worker_->delivered();
    ASSERT_TRUE(store_->write(checkpoint));
  }
  void start(std::size_t batch_size = 2) {
    worker_ = std::make_unique<OutboxWorker>(
        std::make_unique<FakeSink>(far_side_, batch_size),
        OutboxReader::open(store_->path()).value(),
        [this](const DeliveryResult& result) { far_side_.note(result); });
    worker_->start();
  }

  FarSide far_side_;
  std::filesystem::path folder_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<OutboxWorker> worker_;
};

TEST_F(OutboxWorkerTest, DeliversInOrderInBatchesWhatIsThereAndWhatComes) {
  put({"a", "b", "c"});
  put({"another sink's"}, "other");
  start();
  ASSERT_TRUE(far_side_.wait_for_results(2));
  put({"d"});
  worker_->notify();
  ASSERT_TRUE(far_side_.wait_for_results(3));
  EXPECT_THAT(far_side_.taken(), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(far_side_.results(),
              ElementsAre("delivered 2 try 1", "delivered 1 try 1", "delivered 1 try 1"));
}

TEST_F(OutboxWorkerTest, TriesTheSameEntriesAgainWhileTheFarSideIsAway) {
  far_side_.answer({ErrorCode::unavailable, ErrorCode::unavailable});
  put({"a", "b", "c"});
  start();
  ASSERT_TRUE(far_side_.wait_for_results(4));
  EXPECT_THAT(far_side_.taken(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(far_side_.results(), ElementsAre("failed 2 try 1", "failed 2 try 2",
                                               "delivered 2 try 3", "delivered 1 try 1"));
}

TEST_F(OutboxWorkerTest, DropsWhatIsRejectedAndGoesOn) {
  far_side_.answer({ErrorCode::rejected});
  put({"a", "b", "c"});
  start();
  ASSERT_TRUE(far_side_.wait_for_results(2));
  EXPECT_THAT(far_side_.taken(), ElementsAre("c"));
  EXPECT_THAT(far_side_.results(), ElementsAre("rejected 2 try 1", "delivered 1 try 1"));
  worker_->finish(5'000);
  EXPECT_EQ(worker_->delivered(), 3) << "what was rejected needs no delivery any more";
}

TEST_F(OutboxWorkerTest, FinishesOnceTheOutboxIsEmpty) {
  start();
  put({"a", "b", "c", "d", "e"});
  worker_->finish(20'000);
  EXPECT_THAT(far_side_.taken(), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(worker_->delivered(), 5);
}

TEST_F(OutboxWorkerTest, FinishesAtTheFirstFailureAndNotAfterItsLimit) {
  far_side_.answer(std::vector<ErrorCode>(1'000, ErrorCode::unavailable));
  put({"a"});
  start();
  ASSERT_TRUE(far_side_.wait_for_results(1));
  const auto begun = std::chrono::steady_clock::now();
  worker_->finish(20'000);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  EXPECT_EQ(worker_->delivered(), 0);
}

TEST_F(OutboxWorkerTest, GivesUpAfterTheDeliveryThatTheLimitMeets) {
  far_side_.hold();
  put({"a", "b", "c", "d"});
  start();
  ASSERT_TRUE(far_side_.wait_for_attempts(1));
  std::thread finishing([this] { worker_->finish(1); });
  // `finish` has given up by the time the next batch would begin: the far side answers only after
  // the limit.
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, until);
  far_side_.release();
  finishing.join();
  EXPECT_THAT(far_side_.taken(), ElementsAre("a", "b"));
  EXPECT_EQ(worker_->delivered(), 2);
}

TEST_F(OutboxWorkerTest, DeliversAfterARestartAtMostWhatWasNotAcknowledged) {
  put({"a", "b", "c", "d"});
  start();
  ASSERT_TRUE(far_side_.wait_for_results(2));
  worker_->finish(5'000);
  worker_.reset();  // no checkpoint has said so
  start();
  ASSERT_TRUE(far_side_.wait_for_results(4));
  EXPECT_THAT(far_side_.taken(), ElementsAre("a", "b", "c", "d", "a", "b", "c", "d"));
  worker_->finish(5'000);
  forget_delivered();
  worker_.reset();
  put({"e"});
  start();
  ASSERT_TRUE(far_side_.wait_for_results(5));
  EXPECT_EQ(far_side_.taken().back(), "e");
  EXPECT_EQ(far_side_.taken().size(), 9U);
}

TEST_F(OutboxWorkerTest, EndsWithoutHavingBeenStarted) {
  OutboxWorker idle(std::make_unique<FakeSink>(far_side_, 1),
                    OutboxReader::open(store_->path()).value(), {});
  idle.finish(1'000);
  EXPECT_THAT(far_side_.taken(), IsEmpty());
}

}  // namespace
}  // namespace driftd
