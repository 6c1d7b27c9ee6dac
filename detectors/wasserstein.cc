#include "detectors/wasserstein.h"

#include <algorithm>
#include <cmath>

namespace driftd {
namespace {

__extension__ using Wide = __int128;

struct Area {
  double value = 0;
  double error = 0;
};

// The integral of |D| over an open group, where the difference D of the two distribution functions
// stays within [lowest, highest] and its integral is known.
[[nodiscard]] Area area_over(double lowest, double highest, double width, double integral) {
  const double least = std::abs(integral);
  if (lowest >= 0 || highest <= 0 || width <= 0) return {least, 0};
  // Of all D of a given mean the mean magnitude is largest where D takes the two ends only, by
  // Jensen's inequality, the magnitude being convex; it is smallest where D is constant.
  const double mean = std::clamp(integral / width, lowest, highest);
  const double share = (mean - lowest) / (highest - lowest);
  const double most = std::max(least, width * (share * highest - (1 - share) * lowest));
  return {(least + most) / 2, (most - least) / 2};
}

}  // namespace

Outcome wasserstein(const NumericComparison& samples) {
  const RankTable& table = samples.ranks;
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(table.current_total);
  const double deviation = samples.reference.deviation;
  if (table.reference_total == 0 || table.current_total == 0 || !table.has_sums() ||
      samples.reference.non_finite + samples.current.non_finite > 0 || !(deviation > 0)) {
    return outcome;
  }
  const std::uint64_t m = table.reference_total;
  const std::uint64_t n = table.current_total;
  const auto reference_rows = static_cast<double>(m);
  const auto rows = static_cast<double>(n);

  double distance = 0;
  double error = 0;
  std::uint64_t reference_below = 0;
  std::uint64_t current_below = 0;
  std::size_t open = 0;
  const std::vector<TieGroup>& groups = table.groups;
  // In deviations. 1e308 - -1e308 is no double, but divided first it mostly is.
  const auto width = [&](double low, double high) {
    return std::isfinite(high - low) ? (high - low) / deviation
                                     : high / deviation - low / deviation;
  };
  // F_reference - F_current, as whole numbers so that equal shares leave exactly nothing.
  const auto difference = [&] {
    const Wide cross =
        static_cast<Wide>(reference_below) * n - static_cast<Wide>(current_below) * m;
    return static_cast<double>(cross) / (reference_rows * rows);
  };
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const TieGroup& group = groups[i];
    const bool last = i + 1 == groups.size();
    if (!group.is_open()) {
      reference_below += group.reference;
      current_below += group.current;
      if (!last && !groups[i + 1].is_open())
        distance += std::abs(difference()) * width(group.value, groups[i + 1].value);
      continue;
    }
    if (groups.size() == 1) return outcome;
    const GroupSums& sums = table.open_sums[open++];
    if (!sums.reference.is_finite() || !sums.current.is_finite()) return outcome;
    // The integral of F up to `end` is that of its value before the group plus the sum of
    // (end - x) / rows over the group. Beyond the ends of the reference only the latter is left.
    const double end = last ? groups[i - 1].value : groups[i + 1].value;
    const double inside =
        sums.reference.distance_from(end, group.reference) / reference_rows / deviation -
        sums.current.distance_from(end, group.current) / rows / deviation;
    const double before = difference();
    const double f_low = static_cast<double>(reference_below) / reference_rows;
    const double g_low = static_cast<double>(current_below) / rows;
    reference_below += group.reference;
    current_below += group.current;
    if (i == 0 || last) {
      distance += std::abs(inside);
      continue;
    }
    const double f_high = static_cast<double>(reference_below) / reference_rows;
    const double g_high = static_cast<double>(current_below) / rows;
    const double across = width(groups[i - 1].value, end);
    const Area area = area_over(f_low - g_high, f_high - g_low, across, before * across + inside);
    distance += area.value;
    error += area.error;
  }
  if (!std::isfinite(distance)) return outcome;
  outcome.statistic = distance;
  outcome.effect = distance;
  outcome.bound = bound_of(error);
  return outcome;
}

}  // namespace driftd
