// How long after their predictions labels come: the distribution of label time less prediction
// time, in buckets, of the labels that count.
//
// A commutative monoid under `merge`. No allocation; cannot fail.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "core/clock.h"

namespace driftd {

struct LabelDelays {
  // Upper bounds of the buckets, inclusive, in seconds; the last bucket has none. From a click to
  // a chargeback.
  static constexpr std::array<double, 14> kBoundsInSeconds = {
      1,          10,         60,         600,         3'600,       6 * 3'600,   86'400,
      2 * 86'400, 3 * 86'400, 7 * 86'400, 14 * 86'400, 30 * 86'400, 60 * 86'400, 90 * 86'400};

  std::array<std::uint64_t, kBoundsInSeconds.size() + 1> counts{};
  double sum_s = 0;

  // A label that is older than its prediction has no delay.
  void add(DurationMs delay) {
    const double seconds = std::max(0.0, static_cast<double>(delay) / 1e3);
    const auto bucket = std::lower_bound(kBoundsInSeconds.begin(), kBoundsInSeconds.end(), seconds);
    ++counts[static_cast<std::size_t>(bucket - kBoundsInSeconds.begin())];
    sum_s += seconds;
  }
  void merge(const LabelDelays& other) {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum_s += other.sum_s;
  }
  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : counts) sum += count;
    return sum;
  }
  // The bound, in seconds, below which a share of the labels came; empty where there is none, or
  // where it is beyond the last bound.
  [[nodiscard]] std::optional<double> bound_of(double share) const {
    const std::uint64_t all = total();
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < kBoundsInSeconds.size() && all > 0; ++i) {
      so_far += counts[i];
      if (static_cast<double>(so_far) >= share * static_cast<double>(all))
        return kBoundsInSeconds[i];
    }
    return std::nullopt;
  }
};

}  // namespace driftd
