#include "detectors/rank_table.h"

#include <algorithm>

namespace driftd {

RankTable rank_table(const NumericReference& reference, const NumericSummary& current) {
  RankTable table;
  table.reference_total = reference.cumulative.empty() ? 0 : reference.cumulative.back();
  table.current_total = current.present();
  table.thinning_error = reference.thinning_error;
  const std::uint32_t cells = current.counters.cells();
  std::vector<std::uint64_t> counts(cells, 0);
  current.counters.add_to(counts);
  const std::span<const double> boundaries = reference.index.boundaries();

  const std::optional<std::vector<GapValues::Entry>> entries = current.gaps.entries();
  std::vector<ExactSum> sums;
  if (current.gaps.form() != GapValues::Form::none) {
    sums.assign(cells / 2 + 1, {});
    current.gaps.add_sums_to(sums);
  }
  std::size_t entry = 0;
  table.groups.reserve(boundaries.size() + (entries ? entries->size() : boundaries.size()) + 1);
  std::uint64_t below = 0;
  for (std::uint32_t cell = 0; cell < cells; ++cell) {
    const std::uint64_t in_reference = reference.cumulative[cell] - below;
    below = reference.cumulative[cell];
    if (cell % 2 == 1) {
      table.groups.push_back({boundaries[cell / 2], in_reference, counts[cell]});
      continue;
    }
    if (entries && in_reference == 0) {
      for (; entry < entries->size() && (*entries)[entry].cell == cell; ++entry)
        table.groups.push_back({(*entries)[entry].value, 0, (*entries)[entry].count});
      continue;
    }
    while (entries && entry < entries->size() && (*entries)[entry].cell == cell) ++entry;
    if (in_reference == 0 && counts[cell] == 0) continue;
    table.groups.push_back({std::numeric_limits<double>::quiet_NaN(), in_reference, counts[cell]});
    ++table.open_groups;
    if (!sums.empty()) {
      const ExactSum of_reference =
          reference.gap_sums.empty() ? ExactSum() : reference.gap_sums[cell / 2];
      table.open_sums.push_back({of_reference, sums[cell / 2]});
    }
  }
  return table;
}

RankTable rank_table(std::span<const double> reference, std::span<const double> current) {
  RankTable table;
  table.reference_total = reference.size();
  table.current_total = current.size();
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < reference.size() || j < current.size()) {
    const bool from_reference =
        j == current.size() || (i < reference.size() && reference[i] <= current[j]);
    TieGroup& group = table.groups.emplace_back();
    group.value = (from_reference ? reference[i] : current[j]) + 0.0;  // -0 is 0
    for (; i < reference.size() && reference[i] == group.value; ++i) ++group.reference;
    for (; j < current.size() && current[j] == group.value; ++j) ++group.current;
  }
  return table;
}

}  // namespace driftd
