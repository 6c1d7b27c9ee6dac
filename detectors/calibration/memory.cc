#include "detectors/calibration/memory.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace driftd {
namespace {

// The recipe's grid and largest lag.
constexpr double kRhos[] = {0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99};
constexpr std::size_t kLargestLag = 24;
constexpr std::size_t kWindowsPerLag = 8;

[[nodiscard]] std::vector<double> autocorrelations(std::span<const double> z, std::size_t lags,
                                                   double mean_square) {
  std::vector<double> correlation(lags, 0);
  for (std::size_t lag = 1; lag <= lags; ++lag) {
    double sum = 0;
    std::size_t pairs = 0;
    for (std::size_t t = lag; t < z.size(); ++t) {
      const double product = z[t] * z[t - lag];
      if (std::isnan(product)) continue;
      sum += product;
      ++pairs;
    }
    if (pairs > 0) correlation[lag - 1] = sum / static_cast<double>(pairs) / mean_square;
  }
  return correlation;
}

}  // namespace

Memory fit_memory(std::span<const double> z, double most) {
  double squares = 0;
  std::size_t windows = 0;
  for (const double value : z) {
    if (std::isnan(value)) continue;
    squares += value * value;
    ++windows;
  }
  const std::size_t lags = std::min(kLargestLag, windows / kWindowsPerLag);
  if (lags == 0 || squares <= 0 || most <= 0) return {};
  const std::vector<double> correlation =
      autocorrelations(z, lags, squares / static_cast<double>(windows));

  Memory best;
  double largest_fall = 0;
  for (const double rho : kRhos) {
    double product = 0;
    double power_squares = 0;
    double power = 1;
    for (const double r : correlation) {
      power *= rho;
      product += r * power;
      power_squares += power * power;
    }
    const double kappa = std::clamp(product / power_squares, 0.0, most);
    // sum r^2 - sum (r - kappa rho^k)^2
    const double fall = kappa * (2 * product - kappa * power_squares);
    if (fall > largest_fall) {
      largest_fall = fall;
      best = {kappa, rho};
    }
  }
  const double gain = static_cast<double>(windows) * largest_fall;
  best.kappa *= gain > 2 ? 1 - 2 / gain : 0;
  return best.kappa > 0 ? best : Memory{};
}

double SteadyFilter::step(double z, double& level) const {
  const double surprise = z - level;
  level = rho * (level + gain * surprise);
  return surprise / std::sqrt(variance);
}

SteadyFilter steady_filter(const Memory& memory) {
  const double noise = 1 - memory.kappa;                              // R
  const double fresh = memory.kappa * (1 - memory.rho * memory.rho);  // Q
  // The positive root of P = rho^2 P R / (P + R) + Q.
  const double linear = noise * (1 - memory.rho * memory.rho) - fresh;
  const double uncertainty = (-linear + std::sqrt(linear * linear + 4 * fresh * noise)) / 2;
  const double variance = uncertainty + noise;
  return {memory.rho, variance > 0 ? uncertainty / variance : 0, variance};
}

}  // namespace driftd
