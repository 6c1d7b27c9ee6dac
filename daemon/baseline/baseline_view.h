// What `driftd baseline show` says of a baseline, gathered before anything is printed.
//
// Thread rule: pure. Allocation rule: may allocate. Cannot fail.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/model.h"
#include "daemon/baseline/baseline_budget.h"
#include "detectors/metrics.h"
#include "state/baseline_model.h"

namespace driftd {

struct BaselineColumn {
  std::string name;
  SeriesType type = SeriesType::numeric;
  SeriesRole role = SeriesRole::feature;
  std::uint64_t present = 0;
  std::uint64_t missing = 0;
  std::uint64_t distinct = 0;
  double thinning_error = 0;
  // Numeric, of the finite values.
  double lowest = 0;
  double median = 0;
  double highest = 0;
  double mean = 0;
  double deviation = 0;
  // Categorical: the most frequent ones with their shares.
  std::vector<std::pair<std::string, double>> frequent;
  std::uint64_t sharing = 0;  // categories that are not told apart

  [[nodiscard]] double missing_share() const;
};

struct BaselineView {
  std::string file;
  std::string hash;
  std::uint64_t bytes = 0;
  BaselineNote note;
  BaselineTerms terms;
  std::uint64_t rows = 0;
  std::uint64_t duplicates = 0;
  std::optional<ReferenceVolume> volume;
  std::uint64_t labelled = 0;
  std::vector<BaselineColumn> columns;
  std::vector<NamedMetric> metrics;  // with labels; latency
  std::string estimates;             // how performance is estimated without labels; empty: not
  BaselineBudget budget;
  std::vector<std::string> limits;  // what could not be learnt, and what that costs
};

[[nodiscard]] BaselineView view_of(const Baseline& baseline, std::string file);

// The least boundary up to which a share of the column's rows lies.
[[nodiscard]] double quantile_of(const NumericReference& reference, double share);

void print_baseline(const BaselineView& view);
[[nodiscard]] std::string baseline_json(const BaselineView& view);

}  // namespace driftd
