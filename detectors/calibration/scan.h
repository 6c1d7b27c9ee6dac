// The scan of a series over its last 1 to 64 windows: the likelihood ratio for "a lasting step
// began w windows ago", so that one jump and a slow shift stand on one scale.
//
// With d_1 .. d_64 the whitening filter's answer to z = 1, 1, 1, .., numeric series have
// Z_w = sum_j d_j eps_{t-w+j} / sqrt(D2 + (sum d)^2 m), j = 1..w, D2 = sum d^2, m the error of the
// reference mean in the filter's units: 1 / T, and d_64^2 (v / M) / (lam2 + v / n_mean) for a mean
// that was taken from M rows. Shares have the counts of w windows, c of n where e were expected:
// Z_w = sign(c - e) sqrt(2 (c ln(c / e) + (n - c) ln((n - c) / (n - e)))) /
// sqrt((1 + lam2 n_mean / v) V_w), V_w = 1 + kappa (g_w - 1) + w m, g_w = 1 + 2 sum_{k<w} (1 - k/w)
// rho^k, m = (1 + 2 kappa rho / (1 - rho)) / T and the same addition; c = 0 counts as min(1/4, e),
// and n - c likewise, which makes it the mid-p normal deviate to 0.25. Last, because kappa and rho
// are estimates: nu = T / (1 + 2 kappa^2 (1 + rho) / (1 - rho) (1 - 1/w)),
// Z <- sign(Z) sqrt(nu ln(1 + Z^2 / nu)) (1 - 3 / (4 nu)).
// Sources: Lai (1995), J. Royal Stat. Soc. B 57 (window-limited likelihood ratios); Wilks (1938)
// for the deviance; Wallace (1959), Ann. Math. Stat. 30, for t to normal.
//
// Thread rule: immutable once made. Allocation rule: none. Cannot fail.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "detectors/calibration/memory.h"

namespace driftd {

inline constexpr int kScales = 7;
inline constexpr std::array<int, kScales> kScaleWindows = {1, 2, 4, 8, 16, 32, 64};
inline constexpr int kLongestScale = 64;
// A scale is used only where the history holds it so many times.
inline constexpr std::size_t kHistoryPerScale = 10;

// How many of the scales a history of so many windows can judge.
[[nodiscard]] int scales_for(std::size_t windows);

// What the scan needs to know of a series.
struct ScanInput {
  bool share = false;
  Memory memory;
  SteadyFilter filter;
  double event_variance = 1;  // v
  double level_variance = 0;  // lam2
  double mean_n = 1;          // n_mean
  double windows = 0;         // T; 0: nothing was estimated, so nothing is added for it
  double anchor_rows = 0;     // M; 0: the reference mean is the history's own
  int scales = 0;
};

struct ShareSum {
  double count = 0;
  double n = 0;
  double expected = 0;
};

class SeriesScan {
 public:
  SeriesScan() = default;
  explicit SeriesScan(const ScanInput& input);

  [[nodiscard]] int scales() const { return scales_; }
  [[nodiscard]] std::span<const double> response() const { return response_; }
  // Whitened residuals, the newest last; a window that said nothing is 0, and so are those before
  // the first.
  [[nodiscard]] double of_residuals(std::span<const double> newest, int scale) const;
  // Sums over the scale's windows; 0 where they hold no event.
  [[nodiscard]] double of_share(const ShareSum& sum, int scale) const;

 private:
  [[nodiscard]] double for_estimates(double z, int scale) const;

  int scales_ = 0;
  std::array<double, kLongestScale> response_{};  // d
  std::array<double, kScales> norm_{};
  std::array<double, kScales> freedom_{};  // nu; infinite where nothing was estimated
};

}  // namespace driftd
