// What a new baseline would change, column by column: what `driftd baseline refresh` says before
// anybody accepts it.
//
// Both baselines hold exact counts, so that a column's distance is a two-sample statistic of their
// rows: Kolmogorov-Smirnov's where it is numeric, total variation where it is categorical. Thread
// rule: pure. Allocation rule: may allocate. Cannot fail.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/model.h"
#include "detectors/metrics.h"
#include "state/baseline_model.h"

namespace driftd {

struct ColumnChange {
  std::string name;
  SeriesType type = SeriesType::numeric;
  double distance = 0;
  // As large as two samples of one distribution reach once in a thousand times.
  double by_chance = 0;
  double missing = 0;  // how much more of the rows, as a share
  // Numeric: in standard deviations of the old baseline's normal scores, and as a factor.
  std::optional<double> location;
  std::optional<double> spread;
  // Categorical: the category whose share changes most, before and after.
  std::string category;
  double share_before = 0;
  double share_after = 0;
  std::vector<std::string> appeared;
  std::vector<std::string> vanished;

  [[nodiscard]] double size() const;
  [[nodiscard]] bool is_chance() const;
};

struct MetricChange {
  NamedMetric before;
  NamedMetric after;
};

struct BaselineChanges {
  std::vector<ColumnChange> columns;  // the most changed first
  std::vector<std::string> added;     // columns that only the new one has
  std::vector<std::string> removed;
  std::vector<std::string> retyped;
  std::vector<MetricChange> metrics;
  // On how many standard errors a series alerts; empty where no budget was learnt.
  std::optional<double> limit_before;
  std::optional<double> limit_after;
  std::size_t windows_before = 0;
  std::size_t windows_after = 0;
  std::uint64_t rows_before = 0;
  std::uint64_t rows_after = 0;
};

[[nodiscard]] BaselineChanges changes_of(const Baseline& before, const Baseline& after);

void print_changes(const BaselineChanges& changes);
[[nodiscard]] std::string changes_json(const BaselineChanges& changes, const Baseline& before,
                                       const Baseline& after, const std::string& proposed);

}  // namespace driftd
