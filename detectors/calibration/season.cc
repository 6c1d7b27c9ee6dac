#include "detectors/calibration/season.h"

#include <cmath>

#include "core/check.h"

namespace driftd {
namespace {

constexpr DurationMs kHour = 3'600'000;
constexpr DurationMs kDay = 24 * kHour;
constexpr int kHoursOfDay = 24;
constexpr int kFirstWeekendHour = 5 * kHoursOfDay;  // Saturday 00:00
// 1970-01-01 was a Thursday.
constexpr std::int64_t kEpochHourOfWeek = 3 * kHoursOfDay;

// The shortest histories that show each level; the recipe's.
constexpr DurationMs kLeastForDay = 4 * kDay;
constexpr DurationMs kLeastForWeekend = 14 * kDay;
constexpr DurationMs kLeastForWeek = 21 * kDay;

[[nodiscard]] int slot_of(SeasonLevel level, int hour) {
  switch (level) {
    case SeasonLevel::all: return 0;
    case SeasonLevel::hour_of_day: return hour % kHoursOfDay;
    case SeasonLevel::hour_and_weekend:
      return hour % kHoursOfDay + (hour >= kFirstWeekendHour ? kHoursOfDay : 0);
    case SeasonLevel::hour_of_week: return hour;
  }
  return 0;
}

struct Slots {
  std::array<double, kHoursOfWeek> weight{};
  std::array<double, kHoursOfWeek> mean{};  // of the residuals
  double mean_square = 0;                   // within slots
  int used = 0;
  std::int64_t windows = 0;
};

// One pass over the windows that are not left out.
struct Windows {
  std::span<const double> values;
  std::span<const double> weights;
  std::span<const std::uint8_t> hours;
  std::size_t left_out = 0;
  std::size_t left_out_end = 0;

  template <typename Visit>
  void each(Visit visit) const {
    for (std::size_t t = 0; t < values.size(); ++t) {
      if (weights[t] > 0 && (t < left_out || t >= left_out_end)) visit(t);
    }
  }
};

[[nodiscard]] Slots slots_at(SeasonLevel level, const Windows& windows,
                             const std::array<double, kHoursOfWeek>& expected) {
  Slots slots;
  windows.each([&](std::size_t t) {
    const auto slot = static_cast<std::size_t>(slot_of(level, windows.hours[t]));
    slots.weight[slot] += windows.weights[t];
    slots.mean[slot] += windows.weights[t] * (windows.values[t] - expected[windows.hours[t]]);
    ++slots.windows;
  });
  for (std::size_t slot = 0; slot < slots.mean.size(); ++slot) {
    if (slots.weight[slot] <= 0) continue;
    slots.mean[slot] /= slots.weight[slot];
    ++slots.used;
  }
  const std::int64_t freedom = slots.windows - slots.used;
  if (freedom <= 0) return slots;
  double squares = 0;
  windows.each([&](std::size_t t) {
    const auto slot = static_cast<std::size_t>(slot_of(level, windows.hours[t]));
    const double rest = windows.values[t] - expected[windows.hours[t]] - slots.mean[slot];
    squares += windows.weights[t] * rest * rest;
  });
  slots.mean_square = squares / static_cast<double>(freedom);
  return slots;
}

// The variance between slots; 0 where it cannot be told from the variance within.
[[nodiscard]] double variance_between(const Slots& slots) {
  if (slots.used < 2 || slots.mean_square <= 0) return 0;
  double sum = 0;
  double sum_of_squares = 0;
  double spread = 0;
  for (std::size_t slot = 0; slot < slots.weight.size(); ++slot) {
    const double weight = slots.weight[slot] / slots.mean_square;
    sum += weight;
    sum_of_squares += weight * weight;
    spread += weight * slots.mean[slot] * slots.mean[slot];
  }
  const double scale = sum - sum_of_squares / sum;
  return scale > 0 ? std::max(0.0, (spread - (slots.used - 1)) / scale) : 0;
}

}  // namespace

int hour_of_week(TimeMs time) {
  const std::int64_t hours = time / kHour - (time % kHour < 0 ? 1 : 0);
  const std::int64_t shifted = (hours + kEpochHourOfWeek) % kHoursOfWeek;
  return static_cast<int>(shifted < 0 ? shifted + kHoursOfWeek : shifted);
}

SeasonLevel deepest_level(DurationMs history) {
  if (history >= kLeastForWeek) return SeasonLevel::hour_of_week;
  if (history >= kLeastForWeekend) return SeasonLevel::hour_and_weekend;
  if (history >= kLeastForDay) return SeasonLevel::hour_of_day;
  return SeasonLevel::all;
}

ExpectedValues fit_expected(std::span<const double> values, std::span<const double> weights,
                            std::span<const std::uint8_t> hours, SeasonLevel deepest,
                            std::size_t left_out, std::size_t left_out_end) {
  DRIFTD_CHECK(values.size() == weights.size() && values.size() == hours.size());
  ExpectedValues expected;
  const Windows windows{values, weights, hours, left_out, left_out_end};
  expected.mean = slots_at(SeasonLevel::all, windows, expected.by_hour).mean[0];
  expected.by_hour.fill(expected.mean);
  for (int level = 1; level <= static_cast<int>(deepest); ++level) {
    const auto season = static_cast<SeasonLevel>(level);
    const Slots slots = slots_at(season, windows, expected.by_hour);
    const double between = variance_between(slots);
    if (between <= 0) continue;
    expected.season_sd[static_cast<std::size_t>(level)] = std::sqrt(between);
    for (int hour = 0; hour < kHoursOfWeek; ++hour) {
      const auto slot = static_cast<std::size_t>(slot_of(season, hour));
      if (slots.weight[slot] <= 0) continue;
      const double own_variance = slots.mean_square / slots.weight[slot];
      expected.by_hour[static_cast<std::size_t>(hour)] +=
          slots.mean[slot] * between / (between + own_variance);
    }
  }
  return expected;
}

}  // namespace driftd
