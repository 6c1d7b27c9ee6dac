// The binned view of a reference and a window, on which PSI, chi-square and their like are
// computed.
//
// Numeric: decile bins of the reference, (-inf, e_1], (e_1, e_2], .., (e_k, inf). Categorical: one
// bin per distinct category of both, unseen ones included. Only what is beyond the limits of
// windows/reference.h and UnseenCategories shares a bin, `other`. Thread rule: pure. Allocation
// rule: may allocate. Cannot fail.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "windows/reference.h"

namespace driftd {

struct BinCounts {
  std::vector<std::uint64_t> reference;
  std::vector<std::uint64_t> current;
  std::uint64_t reference_total = 0;
  std::uint64_t current_total = 0;
  // Bins that stand for several categories; a distance over them may be too small.
  std::vector<std::size_t> lumped;

  [[nodiscard]] bool is_empty() const { return reference_total == 0 || current_total == 0; }
  // The share of bin i in the reference and in the window.
  [[nodiscard]] double p(std::size_t i) const {
    return static_cast<double>(reference[i]) / static_cast<double>(reference_total);
  }
  [[nodiscard]] double q(std::size_t i) const {
    return static_cast<double>(current[i]) / static_cast<double>(current_total);
  }
};

[[nodiscard]] BinCounts bin_counts(const NumericReference& reference,
                                   const NumericSummary& current);
[[nodiscard]] BinCounts bin_counts(const CategoryReference& reference,
                                   const CategorySummary& current);
// Two sorted samples without NaN, over the decile edges of the first one's finite values.
[[nodiscard]] BinCounts bin_counts(std::span<const double> reference,
                                   std::span<const double> current, std::span<const double> edges);

}  // namespace driftd
