// What driftd has found, as a stranger reads it: from the tables of a store with plain SQL, or from
// the report lines of a replay; and the comparison of two.
//
// Thread rule: one thread. Allocation rule: may allocate. Failure rule: what cannot be read throws,
// a difference is a failure of the running test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace driftd {

// A row of `findings` or `metrics` in its highest revision.
struct StoredResult {
  std::int64_t revision = 0;
  std::vector<std::int64_t> counts;           // n; for a metric also labelled
  std::vector<std::optional<double>> values;  // statistic ... or coverage, value ...; none is NULL
  std::string level;
};
// By table, model, version, segment, series and detector or metric, and window.
using StoredResults = std::map<std::string, StoredResult>;

// A row that is there twice is a failure of the test. A database that is not there yet is empty.
[[nodiscard]] StoredResults results_in_sqlite(const std::filesystem::path& database);
[[nodiscard]] StoredResults results_in_postgres(const std::string& url);
[[nodiscard]] StoredResults results_in_report(const std::filesystem::path& report);

// Counts and levels are equal, numbers to 1e-9; revisions may differ.
void expect_same_results(const StoredResults& actual, const StoredResults& expected);

}  // namespace driftd
