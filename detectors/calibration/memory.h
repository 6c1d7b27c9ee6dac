// How long a series remembers: an AR(1) level plus white noise, and the filter that takes it out.
//
// The autocorrelations of the standardised residuals are fitted by r_k = kappa rho^k, least squares
// over lags 1 to min(24, T / 8), rho from a grid, 0 <= kappa <= `most` (the level's share of the
// variance); kappa is then multiplied by max(0, 1 - 2 / gain), gain = T times the fall of the sum
// of squares, so that noise is not taken for memory. Whitening is by the steady Kalman filter of
// the level (variance kappa) in white noise (1 - kappa). Source: Kalman (1960), J. Basic Eng. 82;
// the shrinking is positive-part, as James and Stein (1961).
//
// Thread rule: pure. Allocation rule: none. Cannot fail.
#pragma once

#include <span>

namespace driftd {

struct Memory {
  double kappa = 0;  // variance of the level that remembers, of 1
  double rho = 0;    // its autocorrelation from window to window
};

// `z`: standardised residuals by window, NaN where there is none; a lag's autocorrelation is the
// mean over pairs that are both there, over the mean square.
[[nodiscard]] Memory fit_memory(std::span<const double> z, double most);

// eps = (z - a) / sqrt(S); a <- rho (a + K (z - a)).
struct SteadyFilter {
  double rho = 0;
  double gain = 0;      // K
  double variance = 1;  // S

  // The whitened residual; `level` is the prediction a before and after.
  double step(double z, double& level) const;
  // A window that says nothing.
  void skip(double& level) const { level *= rho; }
};

[[nodiscard]] SteadyFilter steady_filter(const Memory& memory);

}  // namespace driftd
