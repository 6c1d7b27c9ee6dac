// The binned view of a reference and a window, on which PSI, chi-square and their like are
// computed.
//
// Numeric: decile bins of the reference, (-inf, e_1], (e_1, e_2], .., (e_k, inf). Categorical: one
// bin per distinct category of both, unseen ones included (beyond UnseenCategories::kMaxUnseen
// distinct ones the rest is one bin).
#pragma once

#include <cstdint>
#include <vector>

#include "windows/reference.h"

namespace driftd {

struct BinCounts {
  std::vector<std::uint64_t> reference;
  std::vector<std::uint64_t> current;
  std::uint64_t reference_total = 0;
  std::uint64_t current_total = 0;
};

[[nodiscard]] BinCounts bin_counts(const NumericReference& reference,
                                   const NumericSummary& current);
[[nodiscard]] BinCounts bin_counts(const CategoryReference& reference,
                                   const CategorySummary& current);

}  // namespace driftd
