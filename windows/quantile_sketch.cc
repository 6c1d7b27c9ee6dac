#include "windows/quantile_sketch.h"

#include <algorithm>

namespace driftd {

void QuantileSketch::add(std::span<const double> values) {
  count_ += values.size();
  while (!values.empty()) {
    const std::size_t taken = std::min(values.size(), kPending - pending_.size());
    for (const double value : values.first(taken)) pending_.push_back(value + 0.0);  // -0 is 0
    values = values.subspan(taken);
    if (pending_.size() == kPending) fold_pending();
  }
}

void QuantileSketch::fold_pending() {
  if (pending_.empty()) return;
  std::ranges::sort(pending_);
  std::vector<Entry> merged;
  merged.reserve(entries_.size() + pending_.size());
  auto old = entries_.begin();
  for (std::size_t i = 0; i < pending_.size();) {
    const double value = pending_[i];
    std::size_t end = i;
    while (end < pending_.size() && pending_[end] == value) ++end;
    while (old != entries_.end() && old->value < value) merged.push_back(*old++);
    if (old != entries_.end() && old->value == value) {
      merged.push_back(*old++);
      merged.back().weight += end - i;
    } else {
      // Some of what the next entry stands for may lie below this value; not the entry itself.
      const std::uint64_t slack = old == entries_.end() ? 0
                                  : old->pure           ? old->slack
                                                        : old->weight + old->slack - 1;
      merged.push_back({.value = value, .weight = end - i, .slack = slack, .pure = true});
    }
    i = end;
  }
  merged.insert(merged.end(), old, entries_.end());
  entries_ = std::move(merged);
  pending_.clear();
  if (entries_.size() > most_) pool();
}

// Pools to half of what is allowed, so that it is seldom needed.
void QuantileSketch::pool() {
  if (exact_) distinct_ = entries_.size();
  exact_ = false;
  std::uint64_t bound = std::max<std::uint64_t>(2, 2 * count_ / most_);
  for (;;) {
    std::vector<Entry> fewer = pooled(bound);
    if (fewer.size() <= most_ / 2 || fewer.size() <= 2) {
      entries_ = std::move(fewer);
      return;
    }
    bound += bound / 2;
  }
}

std::vector<QuantileSketch::Entry> QuantileSketch::pooled(std::uint64_t bound) const {
  std::vector<Entry> fewer;
  fewer.push_back(entries_.back());
  // From above, so that an entry takes in the ones below it. The least value keeps its own.
  for (std::size_t i = entries_.size() - 1; i-- > 0;) {
    const Entry& below = entries_[i];
    Entry& above = fewer.back();
    const bool is_end = i == 0 || fewer.size() == 1;
    if (!is_end && below.weight + above.weight + above.slack <= bound) {
      above.weight += below.weight;
      above.pure = false;
    } else {
      fewer.push_back(below);
    }
  }
  std::ranges::reverse(fewer);
  return fewer;
}

std::vector<double> QuantileSketch::values() const {
  std::vector<double> values;
  values.reserve(entries_.size());
  for (const Entry& entry : entries_) values.push_back(entry.value);
  return values;
}

std::vector<double> QuantileSketch::at(std::span<const std::uint64_t> ranks) const {
  std::vector<double> values;
  values.reserve(ranks.size());
  std::size_t at = 0;
  std::uint64_t below = 0;  // values surely below entry `at`
  for (const std::uint64_t rank : ranks) {
    while (at + 1 < entries_.size() &&
           below + entries_[at].weight + entries_[at].slack / 2 <= rank) {
      below += entries_[at++].weight;
    }
    values.push_back(entries_[at].value);
  }
  return values;
}

double QuantileSketch::rank_error() const {
  std::uint64_t most = 0;
  for (const Entry& entry : entries_)
    most = std::max(most, entry.slack + (entry.pure ? 0 : entry.weight));
  return count_ == 0 ? 0 : static_cast<double>(most) / static_cast<double>(count_);
}

}  // namespace driftd
