// What has become of the predictions and labels that wait for each other, of one model.
#pragma once

#include <cstdint>

namespace driftd {

struct JoinCounts {
  std::uint64_t rows = 0;  // ids that are remembered now
  // Since the start of the process:
  std::uint64_t evicted = 0;              // dropped early, for lack of memory
  std::uint64_t expired_predictions = 0;  // whose label never came
  std::uint64_t expired_labels = 0;       // whose prediction never came
};

}  // namespace driftd
