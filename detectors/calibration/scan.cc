#include "detectors/calibration/scan.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace driftd {
namespace {

// c = 0 counts as this much, or as what was expected where that is less.
constexpr double kLeastCount = 0.25;

// How much the variance of a mean over w windows is raised by their autocorrelation.
[[nodiscard]] double variance_factor(double rho, int windows) {
  double sum = 0;
  double power = 1;
  for (int k = 1; k < windows; ++k) {
    power *= rho;
    sum += (1 - static_cast<double>(k) / windows) * power;
  }
  return 1 + 2 * sum;
}

[[nodiscard]] double term(double seen, double expected) { return seen * std::log(seen / expected); }

}  // namespace

int scales_for(std::size_t windows) {
  int scales = 0;
  while (scales < kScales &&
         static_cast<std::size_t>(kScaleWindows[static_cast<std::size_t>(scales)]) *
                 kHistoryPerScale <=
             windows) {
    ++scales;
  }
  return scales;
}

SeriesScan::SeriesScan(const ScanInput& input) : scales_(input.scales) {
  const double kappa = input.memory.kappa;
  const double rho = input.memory.rho;
  double level = 0;
  for (double& d : response_) d = input.filter.step(1, level);

  const double anchored = input.anchor_rows > 0
                              ? input.event_variance / input.anchor_rows /
                                    (input.level_variance + input.event_variance / input.mean_n)
                              : 0;
  const double long_run = 1 + 2 * kappa * rho / (1 - rho);
  const double of_mean = input.share ? anchored + (input.windows > 0 ? long_run / input.windows : 0)
                                     : anchored * response_.back() * response_.back() +
                                           (input.windows > 0 ? 1 / input.windows : 0);
  for (std::size_t scale = 0; scale < kScaleWindows.size(); ++scale) {
    const int windows = kScaleWindows[scale];
    if (input.share) {
      const double factor = 1 + kappa * (variance_factor(rho, windows) - 1) + windows * of_mean;
      norm_[scale] =
          std::sqrt((1 + input.level_variance * input.mean_n / input.event_variance) * factor);
    } else {
      double sum = 0;
      double squares = 0;
      for (int j = 0; j < windows; ++j) {
        const double d = response_[static_cast<std::size_t>(j)];
        sum += d;
        squares += d * d;
      }
      norm_[scale] = std::sqrt(squares + sum * sum * of_mean);
    }
    const double estimated = 1 + 2 * kappa * kappa * (1 + rho) / (1 - rho) * (1 - 1.0 / windows);
    freedom_[scale] =
        input.windows > 0 ? input.windows / estimated : std::numeric_limits<double>::infinity();
  }
}

double SeriesScan::for_estimates(double z, int scale) const {
  const double freedom = freedom_[static_cast<std::size_t>(scale)];
  if (!std::isfinite(freedom)) return z;
  const double size = std::sqrt(freedom * std::log1p(z * z / freedom)) * (1 - 3 / (4 * freedom));
  return std::copysign(std::max(0.0, size), z);
}

double SeriesScan::of_residuals(std::span<const double> newest, int scale) const {
  const auto windows = std::min(
      newest.size(), static_cast<std::size_t>(kScaleWindows[static_cast<std::size_t>(scale)]));
  // Where there are fewer windows than the scale has, those before the first are 0, so it is the
  // end of the response that meets them.
  const std::size_t skipped =
      static_cast<std::size_t>(kScaleWindows[static_cast<std::size_t>(scale)]) - windows;
  const double* const residuals = newest.data() + (newest.size() - windows);
  double sum = 0;
  for (std::size_t j = 0; j < windows; ++j) sum += response_[skipped + j] * residuals[j];
  return for_estimates(sum / norm_[static_cast<std::size_t>(scale)], scale);
}

double SeriesScan::of_share(const ShareSum& sum, int scale) const {
  if (sum.n <= 0 || sum.expected <= 0 || sum.expected >= sum.n) return 0;
  const double not_expected = sum.n - sum.expected;
  double count = sum.count;
  double others = sum.n - sum.count;
  if (count <= 0) {
    count = std::min(kLeastCount, sum.expected);
    others = sum.n - count;
  } else if (others <= 0) {
    others = std::min(kLeastCount, not_expected);
    count = sum.n - others;
  }
  const double deviance = 2 * std::max(0.0, term(count, sum.expected) + term(others, not_expected));
  const double z = std::copysign(std::sqrt(deviance), count - sum.expected);
  return for_estimates(z / norm_[static_cast<std::size_t>(scale)], scale);
}

}  // namespace driftd
