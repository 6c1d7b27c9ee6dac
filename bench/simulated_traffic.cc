#include "bench/simulated_traffic.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/event_batch.h"

namespace driftd {
namespace {

constexpr TimeMs kFirstMonday = 1'609'718'400'000;  // 2021-01-04T00:00Z
constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr double kTwoPi = 2 * std::numbers::pi;
constexpr int kRampWindows = 48;
constexpr int kTenfold = 10;
constexpr std::int64_t kHolidayEvery = 10;
constexpr std::int64_t kClockChangeDay = 20;
// How far a bounded walk goes in a window, of its bound.
constexpr double kWalkStep = 0.1;
// Of the latent value: the five categories have shares of about 0.1, 0.15, 0.25, 0.3, 0.2.
constexpr double kCuts[kCategories - 1] = {-1.2816, -0.6745, 0, 0.8416};

constexpr Family kFamilies[] = {
    {.name = "iid"},
    {.name = "wander .1", .level_sd = 0.1},
    {.name = "wander .3", .level_sd = 0.3},
    {.name = "daily .3, wander .1", .level_sd = 0.1, .daily = 0.3},
    {.name = "daily, weekly, wander .1", .level_sd = 0.1, .daily = 0.3, .weekly = 0.2},
    {.name = "10 numeric, 10 categorical", .numeric = 10, .categorical = 10, .level_sd = 0.05},
    {.name = "1 % missing, wander .05", .level_sd = 0.05, .missing = 0.01},
    {.name = "n 40 to 400, daily .2, wander .1", .least_events = 40, .level_sd = 0.1, .daily = 0.2},
    // With the usual 30 every window that lacks a value would say nothing.
    {.name = "n = 30, 1 % missing", .events = 30, .min_samples = 10, .missing = 0.01},
    {.name = "ten values, wander .05", .level_sd = 0.05, .shape = Shape::ten_values},
    {.name = "correlated .6, wander .15", .level_sd = 0.15, .correlation = 0.6},
    {.name = "bounded walk .3", .walk = 0.3},
    {.name = "iid, 2 days", .history_days = 2, .rivals = false},
    {.name = "wander .1, 3 days", .history_days = 3, .level_sd = 0.1, .rivals = false},
    {.name = "iid, 5 days", .history_days = 5, .rivals = false},
    {.name = "iid, 7 days", .history_days = 7},
    {.name = "wander .1, 7 days", .history_days = 7, .level_sd = 0.1},
    {.name = "daily .3, 7 days", .history_days = 7, .daily = 0.3},
    {.name = "daily .3, wander .1, 7 days",
     .history_days = 7,
     .level_sd = 0.1,
     .daily = 0.3,
     .rivals = false},
    {.name = "iid, 90 days", .history_days = 90, .rivals = false},
    {.name = "wander .1, 90 days", .history_days = 90, .level_sd = 0.1, .rivals = false},
    {.name = "daily, weekly, 90 days",
     .history_days = 90,
     .level_sd = 0.1,
     .daily = 0.3,
     .weekly = 0.2,
     .rivals = false},
    {.name = "Cauchy, wander .1", .level_sd = 0.1, .shape = Shape::cauchy},
    {.name = "lognormal, wander .1", .level_sd = 0.1, .shape = Shape::lognormal, .rivals = false},
    {.name = "5 features, wander .1", .numeric = 5, .level_sd = 0.1},
    {.name = "rho .3, live .9", .level_sd = 0.1, .rho = 0.3, .live_rho = 0.9},
    {.name = "5 features, n = 2,000",
     .numeric = 5,
     .events = 2'000,
     .level_sd = 0.1,
     .seeds = 8,
     .rivals = false},
    {.name = "2 features, n = 20,000",
     .numeric = 2,
     .events = 20'000,
     .level_sd = 0.1,
     .seeds = 8,
     .rivals = false},
    {.name = "200 features, n = 100",
     .numeric = 200,
     .events = 100,
     .level_sd = 0.1,
     .seeds = 4,
     .rivals = false},
    {.name = "days, 90 of them, iid", .history_days = 90, .step = kDay, .rivals = false},
    {.name = "days, 90 of them, weekly",
     .history_days = 90,
     .level_sd = 0.1,
     .weekly = 0.2,
     .step = kDay,
     .rivals = false},
    {.name = "quarter hours, 14 days",
     .history_days = 14,
     .events = 100,
     .level_sd = 0.1,
     .rho = 0.95,
     .daily = 0.3,
     .step = kHour / 4,
     .seeds = 8,
     .rivals = false},
    {.name = "no times, iid", .without_times = true},
    {.name = "no times, wander .1", .level_sd = 0.1, .without_times = true},
    {.name = "no times, daily .3, wander .1", .level_sd = 0.1, .daily = 0.3, .without_times = true},
    {.name = "holidays",
     .level_sd = 0.1,
     .daily = 0.3,
     .weekly = 0.2,
     .holidays = true,
     .in_mean = false,
     .rivals = false},
    {.name = "clock change",
     .level_sd = 0.1,
     .daily = 0.3,
     .weekly = 0.2,
     .clock_change = true,
     .in_mean = false,
     .rivals = false},
};

[[nodiscard]] double shaped(Shape shape, double latent) {
  switch (shape) {
    case Shape::normal: return latent;
    case Shape::lognormal: return std::exp(latent);
    case Shape::cauchy: {
      const double share = 0.5 * std::erfc(-latent / std::numbers::sqrt2);
      return std::tan(std::numbers::pi * (share - 0.5));
    }
    case Shape::ten_values: return std::clamp(std::floor(latent / 0.5), -5.0, 4.0);
  }
  return latent;
}

[[nodiscard]] double constant_shift(ShiftKind kind) {
  switch (kind) {
    case ShiftKind::sd_01: return 0.1;
    case ShiftKind::sd_02: return 0.2;
    case ShiftKind::sd_03: return 0.3;
    case ShiftKind::sd_05: return 0.5;
    case ShiftKind::sd_1: return 1;
    default: return 0;
  }
}

// What a shift does to the latent values of a feature.
struct Moved {
  double by = 0;
  double spread = 1;
};

[[nodiscard]] Moved moved(const Shift& shift, int feature, int since) {
  if (shift.kind == ShiftKind::all_005) return {.by = 0.05};
  if (feature != shift.feature) return {};
  if (shift.kind == ShiftKind::variance) return {.spread = std::sqrt(1.5)};
  if (shift.kind == ShiftKind::ramp) {
    return {.by = std::min(1.0, static_cast<double>(since + 1) / kRampWindows)};
  }
  return {.by = constant_shift(shift.kind)};
}

}  // namespace

std::span<const Family> families() { return kFamilies; }

const char* to_string(ShiftKind kind) {
  switch (kind) {
    case ShiftKind::none: return "none";
    case ShiftKind::sd_01: return ".1 sd";
    case ShiftKind::sd_02: return ".2 sd";
    case ShiftKind::sd_03: return ".3 sd";
    case ShiftKind::sd_05: return ".5 sd";
    case ShiftKind::sd_1: return "1 sd";
    case ShiftKind::variance: return "var x1.5";
    case ShiftKind::all_005: return "all .05";
    case ShiftKind::ramp: return "ramp";
    case ShiftKind::share: return "share +5";
    case ShiftKind::missing: return "missing 1->5 %";
  }
  return "";
}

SimulatedTraffic::SimulatedTraffic(const Family& family, std::uint64_t seed)
    : family_(&family), events_(seed * 2 + 1), levels_(~(seed * 2 + 1)), start_(kFirstMonday) {
  for (int i = 0; i < family.numeric + family.categorical; ++i) {
    level_.push_back(family.walk > 0 ? family.walk * (2 * levels_.uniform() - 1)
                                     : levels_.normal());
    phase_.push_back(kTwoPi * levels_.uniform());
  }
  common_level_ = levels_.normal();
}

void SimulatedTraffic::reseed(std::uint64_t seed) { events_ = TrafficRandom(seed); }

void SimulatedTraffic::move_levels(bool live) {
  if (family_->walk > 0) {
    for (double& level : level_) {
      level += family_->walk * kWalkStep * levels_.normal();
      if (std::abs(level) > family_->walk) level = std::copysign(2 * family_->walk, level) - level;
    }
    return;
  }
  const double rho = live && family_->live_rho >= 0 ? family_->live_rho : family_->rho;
  const double fresh = std::sqrt(1 - rho * rho);
  common_level_ = rho * common_level_ + fresh * levels_.normal();
  for (double& level : level_) level = rho * level + fresh * levels_.normal();
}

double SimulatedTraffic::season(int feature, bool live) const {
  std::int64_t time = start_;
  const std::int64_t live_day = live_windows_ * family_->step / kDay;
  if (live && family_->clock_change && live_day >= kClockChangeDay) time += kHour;
  const auto hour = static_cast<double>(time % kDay) / kHour;
  const bool sunday = live && family_->holidays && live_day % kHolidayEvery == kHolidayEvery - 1;
  const bool weekend = sunday || (time - kFirstMonday) / kDay % 7 >= 5;
  return family_->daily * std::sin(kTwoPi * hour / 24 + phase_[static_cast<std::size_t>(feature)]) -
         (weekend ? family_->weekly : 0);
}

void SimulatedTraffic::next(Columns& columns, bool live, int events, const Shift& shift,
                            int since) {
  move_levels(live);
  if (events <= 0) {
    events = family_->events;
    if (family_->least_events > 0) {
      const double hour = static_cast<double>(start_ % kDay) / kHour;
      const double height = 0.5 - 0.5 * std::cos(kTwoPi * hour / 24);
      events = static_cast<int>(family_->least_events * (1 + (kTenfold - 1) * height));
    }
  }
  const int features = family_->numeric + family_->categorical;
  columns.resize(static_cast<std::size_t>(features));
  const double common = std::sqrt(family_->correlation);
  const double own = std::sqrt(1 - family_->correlation);
  std::vector<double> shared;
  if (family_->correlation > 0) {
    shared.resize(static_cast<std::size_t>(events));
    for (double& value : shared) value = common * events_.normal();
  }
  for (int feature = 0; feature < features; ++feature) {
    const auto at = static_cast<std::size_t>(feature);
    const bool categorical = feature >= family_->numeric;
    const Moved move = categorical ? Moved{} : moved(shift, feature, since);
    const double level = family_->walk > 0
                             ? level_[at]
                             : family_->level_sd * (common * common_level_ + own * level_[at]);
    const double middle = season(feature, live) + level + move.by;
    const bool more_missing = shift.kind == ShiftKind::missing && feature == shift.feature;
    const double missing = more_missing ? 0.05 : family_->missing;
    const double more_of_one =
        shift.kind == ShiftKind::share && feature == family_->numeric ? 0.05 / 0.7 : 0;
    columns[at].resize(static_cast<std::size_t>(events));
    for (std::size_t i = 0; i < columns[at].size(); ++i) {
      const double noise = shared.empty() ? events_.normal() : shared[i] + own * events_.normal();
      const double latent = middle + move.spread * noise;
      double& value = columns[at][i];
      if (categorical) {
        value = static_cast<double>(std::ranges::upper_bound(kCuts, latent) - kCuts);
        // Category 3 has a share of 0.3; this makes it 0.35.
        if (more_of_one > 0 && events_.uniform() < more_of_one) value = 3;
      } else {
        value = shaped(family_->shape, latent);
      }
      if (missing > 0 && events_.uniform() < missing) value = missing_number();
    }
  }
  if (live) ++live_windows_;
  start_ += family_->step;
}

}  // namespace driftd
