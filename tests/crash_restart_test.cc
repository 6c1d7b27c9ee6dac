// `driftd run` killed with SIGKILL, at several moments, between a real Kafka and its SQLite store:
// what is found in the end is what an undisturbed run finds.

#include <sched.h>
#include <sys/mount.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "daemon/exit_codes.h"
#include "tests/support/daemon_scene.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kReadyLimit{8};  // far less than a consumer group's session time-out of 45 s
constexpr seconds kReadLimit{40};
constexpr int kCopies = 20;
constexpr std::size_t kParts = 16;
constexpr unsigned kSeed = 7;
constexpr const char* kReadsInSmallSteps =
    R"("fetch.message.max.bytes" = "20000", "queued.max.messages.kbytes" = "10")";

class CrashRestart : public DaemonScene {
 protected:
  // One of `kParts` equal parts of the messages.
  static std::span<const KafkaMessage> part(std::span<const KafkaMessage> all, std::size_t i) {
    return all.subspan(all.size() * i / kParts,
                       all.size() * (i + 1) / kParts - all.size() * i / kParts);
  }
  void produce_part(const CarLoanTraffic& traffic, std::size_t i) const {
    broker_.produce("predictions", part(traffic.predictions, i), "lz4");
    broker_.produce("labels", part(traffic.labels, i), "lz4");
  }
  // How many messages of all partitions are committed, and how many there are.
  [[nodiscard]] std::int64_t committed() const {
    std::int64_t sum = 0;
    for (const std::int64_t offset :
         broker_.committed(kGroup, "predictions", kPredictionPartitions)) {
      sum += std::max<std::int64_t>(0, offset);
    }
    for (const std::int64_t offset : broker_.committed(kGroup, "labels", kLabelPartitions)) {
      sum += std::max<std::int64_t>(0, offset);
    }
    return sum;
  }
  [[nodiscard]] std::int64_t end() const {
    std::int64_t sum = 0;
    for (const std::int64_t end : broker_.ends("predictions", kPredictionPartitions)) sum += end;
    for (const std::int64_t end : broker_.ends("labels", kLabelPartitions)) sum += end;
    return sum;
  }
  void expect_undisturbed(DriftdProcess& last, const StoredResults& expected) const {
    EXPECT_TRUE(wait_until(kReadLimit, [&] {
      return committed() == end() && has_windows(results_in_sqlite(database()), expected);
    }));
    EXPECT_EQ(last.stop(), kExitOk);
    expect_same_results(results_in_sqlite(database()), expected);
    expect_all_committed();
  }
};

// The moments: while reading as fast as it can, at any time in between, at once when it is ready,
// and already while it starts.
TEST_F(CrashRestart, KilledAtAnyMomentItFindsWhatAnUndisturbedRunFinds) {
  const CarLoanTraffic traffic(kCopies);
  const StoredResults expected = replayed(traffic, config_, folder());
  std::mt19937 random(kSeed);
  for (std::size_t i = 0; i < kParts; ++i) {
    const auto driftd = start(config_);
    if (i % 4 == 3) {
      EXPECT_TRUE(wait_until(kReadyLimit, [&] { return driftd->get("/-/healthy").status == 200; }));
      driftd->kill();
      produce_part(traffic, i);
      continue;
    }
    EXPECT_TRUE(driftd->is_ready_within(kReadyLimit)) << "start " << i;
    produce_part(traffic, i);
    if (i % 4 == 0) {
      EXPECT_TRUE(driftd->reaches("driftd_predictions_total", 1, kReadLimit));
    }
    // Not a wait for anything: the moment of the crash is to be any.
    if (i % 4 == 1) std::this_thread::sleep_for(milliseconds(random() % 600));
    driftd->kill();
  }
  const auto driftd = start(config_);
  ASSERT_TRUE(driftd->is_ready_within(kReadyLimit));
  expect_undisturbed(*driftd, expected);
}

// All is there from the beginning, and reading it takes a while: every crash falls into the middle.
TEST_F(CrashRestart, KilledAgainAndAgainWhileReadingItCatchesUp) {
  const CarLoanTraffic traffic(3 * kCopies);
  const StoredResults expected = replayed(traffic, config_, folder());
  broker_.produce("predictions", traffic.predictions, "zstd");
  broker_.produce("labels", traffic.labels, "snappy");
  config_.properties = kReadsInSmallSteps;
  config_.checkpoint_interval = "20ms";
  int in_the_middle = 0;
  for (int i = 0; i < 8; ++i) {
    const auto driftd = start(config_);
    EXPECT_TRUE(driftd->is_ready_within(kReadyLimit)) << "start " << i;
    const std::int64_t before = committed();
    EXPECT_TRUE(wait_until(kReadLimit, [&] { return committed() > before || before == end(); }));
    driftd->kill();
    in_the_middle += committed() < end();
  }
  EXPECT_GE(in_the_middle, 2) << "too fast to be disturbed: this test has tested nothing";
  config_.properties.clear();
  const auto driftd = start(config_);
  ASSERT_TRUE(driftd->is_ready_within(kReadyLimit));
  expect_undisturbed(*driftd, expected);
}

TEST_F(CrashRestart, GoesOnWithOpenWindowsAfterAnOrderlyStop) {
  const CarLoanTraffic traffic(1);
  const StoredResults expected = replayed(traffic, config_, folder());
  for (std::size_t i = 0; i < kParts; ++i) {
    const auto driftd = start(config_);
    ASSERT_TRUE(driftd->is_ready_within(kReadyLimit)) << "start " << i;
    produce_part(traffic, i);
    const double events = static_cast<double>(part(traffic.predictions, i).size());
    EXPECT_TRUE(driftd->reaches("driftd_predictions_total", events, kReadLimit));
    if (i + 1 == kParts) {
      expect_undisturbed(*driftd, expected);
    } else {
      EXPECT_EQ(driftd->stop(), kExitOk);
    }
  }
}

// A small file system, seen by this process and those that it starts; gone with them.
[[nodiscard]] bool mount_small_disk(const fs::path& folder) {
  fs::create_directories(folder);
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=32m") == 0;
}

TEST_F(CrashRestart, StopsReadingBeforeTheDiskIsFullAndGoesOnWhenThereIsSpace) {
  const fs::path disk = folder() / "disk";
  if (!mount_small_disk(disk)) GTEST_SKIP() << "no file system may be mounted here";
  const CarLoanTraffic traffic(1);
  const StoredResults expected = replayed(traffic, config_, folder());
  config_.state_dir = "disk/state";
  const auto driftd = start(config_);
  ASSERT_TRUE(driftd->is_ready_within(kReadyLimit));
  produce_part(traffic, 0);
  const auto first = static_cast<double>(part(traffic.predictions, 0).size());
  EXPECT_TRUE(driftd->reaches("driftd_predictions_total", first, kReadLimit));

  // Nearly all that is free: less than the tenth of the disk that must stay.
  const fs::path ballast = disk / "ballast";
  write_text(ballast, std::string(fs::space(disk).available - (1 << 20), 'x'));
  const auto readiness = [&] { return driftd->get("/-/ready"); };
  EXPECT_TRUE(wait_until(kReadyLimit, [&] { return readiness().status == 503; }));
  EXPECT_NE(readiness().body.find("is nearly full"), std::string::npos) << readiness().body;
  for (std::size_t i = 1; i < kParts; ++i) produce_part(traffic, i);
  // A daemon that still read would have come to the end within far less.
  EXPECT_FALSE(wait_until(seconds(3), [&] { return committed() == end(); }));
  EXPECT_EQ(readiness().status, 503);

  fs::remove(ballast);
  EXPECT_TRUE(wait_until(kReadyLimit, [&] { return readiness().status == 200; }));
  expect_undisturbed(*driftd, expected);
}

}  // namespace
}  // namespace driftd
