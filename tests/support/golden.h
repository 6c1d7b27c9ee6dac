// Golden values from other projects' tools: the shared data folder, beside the repository or where
// DRIFTD_SHARED says. A checkout without it skips what needs it, and says so.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace driftd {

// The shared folder; where there is none, "SKIPPED: ..." is printed, to be followed by GTEST_SKIP.
[[nodiscard]] std::optional<std::filesystem::path> find_shared();
inline constexpr const char* kNoShared = "no shared data folder (DRIFTD_SHARED, or ../shared)";

// The rows of a CSV file with quoted cells, without its header.
[[nodiscard]] std::vector<std::vector<std::string>> read_csv(const std::filesystem::path& file);

// The numbers of a CSV file of one column, plain or gzipped, without its header.
[[nodiscard]] std::vector<double> read_number_column(const std::filesystem::path& file);

// golden/stats/pairs.jsonl.gz: a is the reference, b the current sample. Missing is the mark of
// core/event_batch.h.
struct SamplePair {
  std::string id;
  std::vector<double> a;
  std::vector<double> b;
};
[[nodiscard]] std::vector<SamplePair> read_sample_pairs(const std::filesystem::path& shared);

// golden/metrics/cases.jsonl.gz. Binary: a score a row; multiclass: `classes` of them.
struct MetricCase {
  std::string id;
  std::string task;
  std::vector<double> actual;
  std::vector<double> predicted;
  std::vector<double> scores;
  std::size_t classes = 0;
};
[[nodiscard]] std::vector<MetricCase> read_metric_cases(const std::filesystem::path& shared);

}  // namespace driftd
