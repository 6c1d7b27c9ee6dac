#include "detectors/calibration/threshold.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "detectors/calibration/normal.h"

namespace driftd {
namespace {

constexpr double kLooksPerScale = 0.7;
constexpr std::size_t kMostEpisodes = 15;
constexpr std::size_t kLeastEpisodes = 5;
constexpr std::size_t kWindowsPerEpisode = 24;
// A history of less than this much of a budget's period (6 of 30 days) knows its own noise badly.
constexpr double kLeastPeriods = 0.2;
constexpr std::size_t kEpisodeGap = kQuietWindows + 1;

// Peaks of the episodes at or above a level.
[[nodiscard]] std::vector<double> peaks_from(std::span<const double> maxima, double level) {
  std::vector<double> peaks;
  std::size_t last = 0;
  for (std::size_t t = 0; t < maxima.size(); ++t) {
    if (maxima[t] < level) continue;
    if (peaks.empty() || t - last >= kEpisodeGap) {
      peaks.push_back(maxima[t]);
    } else {
      peaks.back() = std::max(peaks.back(), maxima[t]);
    }
    last = t;
  }
  return peaks;
}

void fit_tail(std::span<const double> maxima, double budget, Threshold& threshold) {
  const double allowed = budget * static_cast<double>(maxima.size());
  const std::size_t wanted =
      std::max({kLeastEpisodes, std::min(kMostEpisodes, maxima.size() / kWindowsPerEpisode),
                static_cast<std::size_t>(std::ceil(allowed))});
  std::vector<double> levels(maxima.begin(), maxima.end());
  std::ranges::sort(levels, std::greater<>());
  // Going down, the number of episodes rises by at most one a level (and falls where two meet), so
  // the first level that reaches it has exactly as many as wanted.
  for (const double level : levels) {
    if (level <= 0) return;
    const std::vector<double> peaks = peaks_from(maxima, level);
    if (peaks.size() < wanted) continue;
    const auto episodes = static_cast<double>(peaks.size());
    threshold.episodes = static_cast<int>(peaks.size());
    threshold.low = level;
    threshold.slope =
        (std::accumulate(peaks.begin(), peaks.end(), 0.0) - episodes * level) / (episodes - 1);
    return;
  }
}

}  // namespace

double Threshold::limit() const { return std::sqrt(2 * value); }

double looks(std::size_t series, int scales) {
  return static_cast<double>(series) * (1 + kLooksPerScale * (scales - 1));
}

double p_value(double z, double looks) {
  return std::min(1.0, 2 * looks * normal_tail(std::abs(z)));
}

void Threshold::spend(double looks, double budget) {
  const bool too_short = windows > 0 && budget * windows < kLeastPeriods;
  const double spent = too_short ? budget / 2 : budget;
  const double u = normal_tail_quantile(std::min(0.5, spent / (2 * looks)));
  theory = u * u / 2;
  value = theory;
  if (episodes == 0) return;
  const double r = episodes;
  tail = low + slope * (r - 1) * (std::pow(r / (budget * windows), 1 / (r - 1)) - 1);
  value = tail + std::max(0.0, theory - tail) / 2;
}

Threshold fit_threshold(std::span<const double> maxima, double looks, double budget) {
  Threshold threshold;
  threshold.windows = static_cast<double>(maxima.size());
  fit_tail(maxima, budget, threshold);
  threshold.spend(looks, budget);
  return threshold;
}

}  // namespace driftd
