#include "detectors/label_maturity.h"

#include <algorithm>

#include "detectors/intervals.h"

namespace driftd {

void DelayTable::add(const ClassDelays& delays, DurationMs age) {
  if (slots_.size() < delays.slots().size()) slots_.resize(delays.slots().size());
  for (std::size_t slot = 0; slot < delays.slots().size(); ++slot) {
    const ClassDelays::Counts& counts = delays.slots()[slot];
    std::uint64_t up_to = 0;
    for (std::size_t k = 0; k < counts.size() && ClassDelays::bound(k) <= age; ++k) {
      up_to += counts[k];
      slots_[slot][k].in += counts[k];
      slots_[slot][k].up_to += up_to;
    }
  }
}

std::optional<double> DelayTable::coverage(std::size_t slot, DurationMs age) const {
  if (slot >= slots_.size()) return std::nullopt;
  const auto& buckets = slots_[slot];
  std::uint64_t seen = 0;
  for (const Bucket& bucket : buckets) seen += bucket.in;
  if (seen < kLeastLabels) return std::nullopt;
  double share = 1;
  for (std::size_t k = 0; k < buckets.size(); ++k) {
    const DurationMs end = ClassDelays::bound(k);
    if (end <= age || buckets[k].up_to == 0) continue;
    const DurationMs begin = k == 0 ? 0 : ClassDelays::bound(k - 1);
    // Within a bucket labels are taken to come evenly; the last bucket has no end to go to.
    const double to_come = age <= begin || end == kEndOfTime
                               ? 1
                               : static_cast<double>(end - age) / static_cast<double>(end - begin);
    share *=
        1 - to_come * static_cast<double>(buckets[k].in) / static_cast<double>(buckets[k].up_to);
  }
  return share;
}

std::vector<ClassCoverage> class_coverage(std::span<const std::uint64_t> predicted,
                                          std::span<const std::uint64_t> labelled,
                                          const DelayTable& delays, DurationMs age, double least) {
  std::vector<ClassCoverage> classes(predicted.size());
  for (std::size_t slot = 0; slot < predicted.size(); ++slot) {
    ClassCoverage& of = classes[slot];
    if (predicted[slot] > 0) {
      const auto rows = static_cast<double>(predicted[slot]);
      const double labels = std::min(static_cast<double>(labelled[slot]), rows);
      of.share = labels / rows;
      of.is_mature_by_prediction = wilson(labels, rows)->high >= least;
    }
    if (const std::optional<double> by_delay = delays.coverage(slot, age)) {
      of.share = std::min(of.share.value_or(1), *by_delay);
      of.is_mature_by_delay = *by_delay >= least;
    }
  }
  return classes;
}

}  // namespace driftd
