// Two numeric samples as groups of equal values, in order of value: how many rows of the reference
// and how many current ones each group has.
//
// Every rank statistic and the Wasserstein distance are functions of this table alone, whether it
// was made from a window's counters or from two raw samples. From raw samples, and from counters of
// a series that keeps what lies between the boundaries (windows/gap_values.h), every group is a set
// of equal values. Otherwise a gap between two boundaries is one *open* group: its rows lie
// somewhere strictly between the neighbouring values. Thread rule: pure. Allocation rule: may
// allocate (once a window and series). Cannot fail.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "windows/reference.h"

namespace driftd {

struct TieGroup {
  double value = std::numeric_limits<double>::quiet_NaN();  // NaN: an open group
  std::uint64_t reference = 0;
  std::uint64_t current = 0;

  [[nodiscard]] bool is_open() const { return std::isnan(value); }
};

struct GroupSums {
  ExactSum reference;
  ExactSum current;
};

struct RankTable {
  std::vector<TieGroup> groups;
  // The sums of the values of each open group, in order; empty where they were not kept. Without
  // open groups nothing is missing.
  std::vector<GroupSums> open_sums;
  std::size_t open_groups = 0;
  std::uint64_t reference_total = 0;
  std::uint64_t current_total = 0;
  // The largest share of the reference that lies inside an open group.
  double thinning_error = 0;

  [[nodiscard]] bool has_sums() const { return open_sums.size() == open_groups; }
};

[[nodiscard]] RankTable rank_table(const NumericReference& reference,
                                   const NumericSummary& current);
// Both sorted, without NaN.
[[nodiscard]] RankTable rank_table(std::span<const double> reference,
                                   std::span<const double> current);

// The bound that a statistic of this table carries: empty where it is exact, i.e. zero.
[[nodiscard]] inline std::optional<double> bound_of(double error) {
  if (error > 0) return error;
  return std::nullopt;
}

}  // namespace driftd
