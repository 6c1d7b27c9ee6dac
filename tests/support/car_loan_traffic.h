// The small golden set of car loans as traffic: its events with copies, spread over partitions, and
// the configuration of a daemon that reads them.
//
// Thread rule: one thread. Allocation rule: may allocate. Failure rule: throws.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/kafka_broker.h"
#include "tests/support/stored_results.h"

namespace driftd {

inline constexpr int kPredictionPartitions = 4;
inline constexpr int kLabelPartitions = 2;
inline constexpr const char* kGroup = "driftd-test";

struct CarLoanTraffic {
  // `copies` of every event, each under an id of its own; partitions and keys are random, seeded.
  explicit CarLoanTraffic(int copies);

  std::vector<KafkaMessage> predictions;
  std::vector<KafkaMessage> labels;
};

struct CarLoanConfig {
  std::string brokers = "127.0.0.1:1";
  int port = 0;
  std::string store = "sqlite:state/driftd.db";
  std::string state_dir = "state";
  std::string checkpoint_interval = "100ms";
  std::string size = "7d";          // of the windows
  std::filesystem::path reference;  // empty: the golden one
  std::string properties;           // of the source, as TOML
  std::string more;                 // further sections
};
// The text of a configuration file.
[[nodiscard]] std::string text_of(const CarLoanConfig& config);

// What `driftd replay` finds in the same events; the files it needs are left in `folder`.
[[nodiscard]] StoredResults replayed(const CarLoanTraffic& traffic, const CarLoanConfig& config,
                                     const std::filesystem::path& folder);

}  // namespace driftd
