// Whether the labels of a window that have come so far stand for all of it, class by class.
//
// Labels of one class often come later than those of another: a fraud is known in weeks, a good
// payment in a day. Until then the labelled rows are a biased sample, and metrics of them are wrong
// however many they are. Two things are known before the truth is, and the lower one holds:
//
// - *By prediction*: of the rows predicted as a class, the share that is labelled. It needs no past
//   and no assumption, and is diluted as far as the model errs.
// - *By delay*: with h_k the hazard in reverse time, the share of the labels with a delay in bucket
// k
//   among those with one up to k, over predictions old enough for both to be seen, the share of a
//   class that has come at age a is the product over the buckets beyond a of (1 - h_k). That is the
//   estimate of a right-truncated distribution (Lagakos, Barraj and De Gruttola 1988, Biometrika
//   75; as reporting delays: Kalbfleisch and Lawless 1989, J. Am. Stat. Assoc. 84; the chain ladder
//   of insurance is the same product). It assumes that labels go on coming as they came, and knows
//   nothing of delays longer than any seen.
//
// Thread rule: pure. Allocation rule: may allocate (once a window). Cannot fail.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/class_delays.h"

namespace driftd {

class DelayTable {
 public:
  // Labels of predictions all of which are at least `age` old.
  void add(const ClassDelays& delays, DurationMs age);
  // The share of a class's labels that has come to predictions of that age; empty where fewer than
  // kLeastLabels were seen.
  [[nodiscard]] std::optional<double> coverage(std::size_t slot, DurationMs age) const;

  static constexpr std::uint64_t kLeastLabels = 10;

 private:
  struct Bucket {
    std::uint64_t in = 0;     // labels with a delay in the bucket
    std::uint64_t up_to = 0;  // and with one up to it
  };
  std::vector<std::array<Bucket, ClassDelays::kBuckets>> slots_;
};

struct ClassCoverage {
  std::optional<double> share;  // empty: nothing is known
  bool is_mature_by_prediction = true;
  bool is_mature_by_delay = true;
};

// By slot. `predicted` and `labelled`: rows by the class that they were predicted as, all and
// labelled ones. A class is not mature where its share by delay is below `least`, or its share by
// prediction is so by more than chance (the upper end of Wilson's interval).
[[nodiscard]] std::vector<ClassCoverage> class_coverage(std::span<const std::uint64_t> predicted,
                                                        std::span<const std::uint64_t> labelled,
                                                        const DelayTable& delays, DurationMs age,
                                                        double least);

}  // namespace driftd
