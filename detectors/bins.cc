#include "detectors/bins.h"

#include <algorithm>
#include <numeric>

namespace driftd {

BinCounts bin_counts(const NumericReference& reference, const NumericSummary& current) {
  BinCounts bins;
  std::vector<std::uint64_t> counts(current.counters.cells(), 0);
  current.counters.add_to(counts);
  std::size_t cell = 0;
  std::uint64_t reference_below = 0;
  const auto close_bin = [&](std::size_t last_cell) {
    std::uint64_t in_bin = 0;
    for (; cell <= last_cell; ++cell) in_bin += counts[cell];
    bins.current.push_back(in_bin);
    bins.reference.push_back(reference.cumulative[last_cell] - reference_below);
    reference_below = reference.cumulative[last_cell];
  };
  for (const std::uint32_t edge_cell : reference.edge_cells) close_bin(edge_cell);
  close_bin(counts.size() - 1);
  bins.reference_total = reference_below;
  bins.current_total = current.present();
  return bins;
}

BinCounts bin_counts(const CategoryReference& reference, const CategorySummary& current) {
  BinCounts bins;
  bins.reference = reference.counts;
  bins.current.assign(reference.counts.size(), 0);
  current.counters.add_to(bins.current);
  if (!reference.others.empty()) bins.lumped.push_back(reference.categories.size());
  for (const auto& [key, times] : current.unseen.counts()) bins.current.push_back(times);
  if (current.unseen.other() > 0) {
    bins.lumped.push_back(bins.current.size());
    bins.current.push_back(current.unseen.other());
  }
  bins.reference.resize(bins.current.size(), 0);
  bins.reference_total =
      std::accumulate(reference.counts.begin(), reference.counts.end(), std::uint64_t{0});
  bins.current_total = current.present();
  return bins;
}

BinCounts bin_counts(std::span<const double> reference, std::span<const double> current,
                     std::span<const double> edges) {
  BinCounts bins;
  const auto count = [&](std::span<const double> sorted, std::vector<std::uint64_t>& counts) {
    auto from = sorted.begin();
    for (const double edge : edges) {
      const auto to = std::upper_bound(from, sorted.end(), edge);
      counts.push_back(static_cast<std::uint64_t>(to - from));
      from = to;
    }
    counts.push_back(static_cast<std::uint64_t>(sorted.end() - from));
    return sorted.size();
  };
  bins.reference_total = count(reference, bins.reference);
  bins.current_total = count(current, bins.current);
  return bins;
}

}  // namespace driftd
