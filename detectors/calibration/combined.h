// All locations together: one statistic that finds many small shifts at once.
//
// A_w = mean over the numeric location series of Z_w^2; with c_w its mean over the history and F =
// 2 / mean over w = 1, 2 of var(A_w / c_w), the effective number of independent series,
// Z_all,w = ((A_w / c_w)^(1/3) - 1 + 2 / (9 F)) / sqrt(2 / (9 F)), judged one-sided.
// Source: Wilson and Hilferty (1931), Proc. Nat. Acad. Sci. 17; F by matching two moments,
// Satterthwaite (1946), Biometrics Bulletin 2.
//
// Thread rule: pure. Allocation rule: none. Cannot fail.
#pragma once

#include <array>
#include <span>

#include "detectors/calibration/scan.h"

namespace driftd {

// Fewer location series say together what each says alone.
inline constexpr int kLeastLocations = 2;

struct CombinedModel {
  int scales = 0;                      // 0: there is no combined statistic
  int series = 0;                      // locations that enter
  double freedom = 0;                  // F
  std::array<double, kScales> mean{};  // c_w

  [[nodiscard]] double deviate(double mean_square, int scale) const;
};

// c_w and F from A_w by window of the history, scale by scale; an empty list ends the scales.
[[nodiscard]] CombinedModel fit_combined(
    const std::array<std::span<const double>, kScales>& mean_squares, int series);

}  // namespace driftd
