#include "detectors/variance_shift.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "detectors/distributions.h"

namespace driftd {
namespace {

// One sample's view of the table.
struct Side {
  std::uint64_t TieGroup::* count;
  ExactSum GroupSums::* sum;
  const SampleMoments& moments;
  std::uint64_t rows;
};

// What stands for all values of a group: they are equal, or their mean.
[[nodiscard]] double value_of(const RankTable& table, const Side& side, std::size_t group,
                              std::size_t open) {
  const TieGroup& at = table.groups[group];
  if (!at.is_open()) return at.value;
  return (table.open_sums[open].*side.sum).value() / static_cast<double>(at.*side.count);
}

// The mean of the middle two of an even number.
[[nodiscard]] double median_of(const RankTable& table, const Side& side) {
  const std::uint64_t lower_rank = (side.rows - 1) / 2;
  const std::uint64_t upper_rank = side.rows / 2;
  double lower = 0;
  std::uint64_t below = 0;
  std::size_t open = 0;
  for (std::size_t i = 0; i < table.groups.size(); ++i) {
    const std::uint64_t count = table.groups[i].*side.count;
    if (count > 0) {
      if (below <= lower_rank && lower_rank < below + count) lower = value_of(table, side, i, open);
      if (upper_rank < below + count) return lower / 2 + value_of(table, side, i, open) / 2;
    }
    below += count;
    open += table.groups[i].is_open();
  }
  return lower;
}

struct Distances {
  double mean = 0;
  double squares = 0;  // sum of (z - mean z)^2
};

[[nodiscard]] Distances distances_of(const RankTable& table, const Side& side) {
  const double median = median_of(table, side);
  const auto rows = static_cast<double>(side.rows);
  Distances made;
  if (table.open_groups == 0) {
    // Groups without a row of this sample add nothing, which is quicker than asking.
    for (const TieGroup& group : table.groups)
      made.mean += std::abs(group.value - median) * static_cast<double>(group.*side.count);
    made.mean /= rows;
    for (const TieGroup& group : table.groups) {
      const double off = std::abs(group.value - median) - made.mean;
      made.squares += off * off * static_cast<double>(group.*side.count);
    }
    return made;
  }
  std::size_t open = 0;
  for (std::size_t i = 0; i < table.groups.size(); ++i) {
    const auto count = static_cast<double>(table.groups[i].*side.count);
    if (count > 0) made.mean += std::abs(value_of(table, side, i, open) - median) * (count / rows);
    open += table.groups[i].is_open();
  }
  // The squares of what lies in a gap are not known one by one, but those of all are.
  const double shift = side.moments.moments.mean - median;
  made.squares = side.moments.moments.squares + rows * (shift - made.mean) * (shift + made.mean);
  made.squares = std::max(0.0, made.squares);
  return made;
}

}  // namespace

Outcome variance_shift(const NumericComparison& samples) {
  constexpr std::uint64_t kLeastRows = 3;
  const RankTable& table = samples.ranks;
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(table.current_total);
  if (table.reference_total == 0 || table.current_total == 0 ||
      table.reference_total + table.current_total < kLeastRows || !table.has_sums() ||
      samples.reference.non_finite + samples.current.non_finite > 0) {
    return outcome;
  }
  const Distances reference = distances_of(table, {&TieGroup::reference, &GroupSums::reference,
                                                   samples.reference, table.reference_total});
  const Distances current = distances_of(
      table, {&TieGroup::current, &GroupSums::current, samples.current, table.current_total});
  const auto m = static_cast<double>(table.reference_total);
  const auto n = static_cast<double>(table.current_total);
  const double overall = reference.mean * (m / (m + n)) + current.mean * (n / (m + n));
  const double between = m * (reference.mean - overall) * (reference.mean - overall) +
                         n * (current.mean - overall) * (current.mean - overall);
  const double within = reference.squares + current.squares;
  const double statistic = (m + n - 2) * (between / within);
  if (!(within > 0) || !std::isfinite(statistic)) return outcome;
  outcome.statistic = statistic;
  outcome.p_value = fisher_f_sf(statistic, 1, m + n - 2);
  // From nothing to something is as large a change as there is; the largest double stands for it.
  const bool constant = reference.mean == 0 || current.mean == 0;
  outcome.effect = constant
                       ? (reference.mean == current.mean ? 0 : std::numeric_limits<double>::max())
                       : std::abs(std::log(current.mean) - std::log(reference.mean));
  return outcome;
}

}  // namespace driftd
