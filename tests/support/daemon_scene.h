// The scene of the tests of `driftd run`: a folder, a Kafka broker with both topics, and daemons in
// the folder.
//
// Thread rule: one thread. Failure rule: as GoogleTest's.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/car_loan_traffic.h"
#include "tests/support/driftd_process.h"
#include "tests/support/kafka_broker.h"

namespace driftd {

class DaemonScene : public ::testing::Test {
 protected:
  DaemonScene() {
    broker_.create_topic("predictions", kPredictionPartitions);
    broker_.create_topic("labels", kLabelPartitions);
    config_.brokers = broker_.address();
    config_.port = free_port();
  }
  // A test that fails shows what the daemons said.
  void TearDown() override {
    if (HasFailure()) std::printf("%s\n", read_text(log()).c_str());
  }

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
  [[nodiscard]] std::filesystem::path database() const { return folder() / "state/driftd.db"; }
  [[nodiscard]] std::filesystem::path log() const { return folder() / "driftd.log"; }

  [[nodiscard]] std::unique_ptr<DriftdProcess> start(const CarLoanConfig& config,
                                                     const std::string& name = "driftd") const {
    const std::filesystem::path file = folder() / (name + ".toml");
    write_text(file, text_of(config));
    return std::make_unique<DriftdProcess>(file, config.port, log());
  }

  // Windows close one after the other, and labels come after them: counts are only complete when
  // the daemon has been stopped, but the windows must all be there before that.
  [[nodiscard]] static bool has_windows(const StoredResults& found, const StoredResults& expected) {
    return std::ranges::all_of(expected,
                               [&](const auto& entry) { return found.contains(entry.first); });
  }

  // Committed is the end: everything is durable and counted.
  void expect_all_committed() const {
    EXPECT_EQ(broker_.committed(kGroup, "predictions", kPredictionPartitions),
              broker_.ends("predictions", kPredictionPartitions));
    EXPECT_EQ(broker_.committed(kGroup, "labels", kLabelPartitions),
              broker_.ends("labels", kLabelPartitions));
  }

  TemporaryFolder folder_;
  KafkaBroker broker_;
  CarLoanConfig config_;
};

}  // namespace driftd
