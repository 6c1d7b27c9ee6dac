#include "detectors/calibration/budget_model.h"

#include <algorithm>
#include <cmath>

namespace driftd {
namespace {

constexpr std::uint8_t kFormat = 3;

constexpr int kAssumedLongFrom = 24;
// Of X = cbrt(s^2) to the standard deviation of an event, about sqrt(2) / 3.
constexpr double kSpreadUnit = 0.4;

void write(ByteWriter& out, const SeriesModel& series) {
  out.varint(series.spec.column);
  out.byte(static_cast<std::uint8_t>(series.spec.kind));
  out.varint(series.spec.category);
  out.byte(static_cast<std::uint8_t>(series.learnt));
  if (!is_watched(series.learnt)) return;
  out.number(series.event_variance);
  out.number(series.level_variance);
  out.number(series.mean_n);
  out.varint(series.windows);
  out.number(series.anchor_rows);
  out.number(series.expected.mean);
  for (const double sd : series.expected.season_sd) out.number(sd);
  for (const double value : series.expected.by_hour) out.number(value);
  out.number(series.memory.kappa);
  out.number(series.memory.rho);
  out.number(series.filter.gain);
  out.number(series.filter.variance);
  out.byte(static_cast<std::uint8_t>(series.scan.scales()));
}

[[nodiscard]] bool read(ByteReader& in, SeriesModel& series, int& scales) {
  series.spec.column = static_cast<std::uint32_t>(in.varint());
  const std::uint8_t kind = in.byte();
  series.spec.category = static_cast<std::uint32_t>(in.varint());
  const std::uint8_t learnt = in.byte();
  if (kind > static_cast<std::uint8_t>(SeriesKind::unseen) ||
      learnt > static_cast<std::uint8_t>(Learnt::no_variance)) {
    return false;
  }
  series.spec.kind = static_cast<SeriesKind>(kind);
  series.learnt = static_cast<Learnt>(learnt);
  if (!is_watched(series.learnt)) return in.ok();
  series.event_variance = in.number();
  series.level_variance = in.number();
  series.mean_n = in.number();
  series.windows = in.varint();
  series.anchor_rows = in.number();
  series.expected.mean = in.number();
  for (double& sd : series.expected.season_sd) sd = in.number();
  for (double& value : series.expected.by_hour) value = in.number();
  series.memory.kappa = in.number();
  series.memory.rho = in.number();
  series.filter = {series.memory.rho, in.number(), in.number()};
  scales = in.byte();
  const bool sound = series.event_variance > 0 && series.level_variance >= 0 && series.mean_n > 0 &&
                     series.memory.kappa >= 0 && series.memory.kappa < 1 &&
                     series.memory.rho >= 0 && series.memory.rho < 1 &&
                     series.filter.variance > 0 && scales <= kScales;
  return in.ok() && sound;
}

[[nodiscard]] const char* plural(std::uint64_t count) { return count == 1 ? "" : "s"; }

}  // namespace

double budget_per_window(double alerts, DurationMs period, DurationMs step, std::size_t monitors) {
  return alerts * static_cast<double>(step) / static_cast<double>(period) /
         static_cast<double>(std::max<std::size_t>(1, monitors));
}

double SeriesModel::expected_at(TimeMs start) const {
  return expected.by_hour[static_cast<std::size_t>(hour_of_week(start))];
}

double SeriesModel::standardised(double value, double n, double expected_value) const {
  const double x = share() ? value / n : value;
  return (x - expected_value) / std::sqrt(level_variance + event_variance / n);
}

void SeriesModel::make_scan() {
  scan = SeriesScan({.share = share(),
                     .memory = memory,
                     .filter = filter,
                     .event_variance = event_variance,
                     .level_variance = level_variance,
                     .mean_n = mean_n,
                     .windows = static_cast<double>(windows),
                     .anchor_rows = anchor_rows,
                     .scales = learnt == Learnt::assumed ? kScales : scales_for(windows)});
}

double BudgetModel::least_effect(const SeriesModel& model, int w) const {
  const double least = model.share()                           ? options.min_share_effect
                       : model.spec.kind == SeriesKind::spread ? options.min_spread_effect
                                                               : options.min_effect;
  if (!assumed) return least;
  const double deviations =
      w < kAssumedLongFrom ? options.assumed_effect : options.assumed_long_effect;
  const double unit = model.spec.kind == SeriesKind::spread ? kSpreadUnit
                      : model.share()                       ? std::sqrt(model.event_variance)
                                                            : 1;
  return std::max(least, deviations * unit);
}

void BudgetModel::spend(double budget) {
  options.budget = budget;
  threshold.spend(looks(), budget);
}

double BudgetModel::looks() const {
  return driftd::looks(std::max<std::uint64_t>(1, varying), scales);
}

double BudgetModel::p_value(double z) const { return driftd::p_value(z, looks()); }

void BudgetModel::write(ByteWriter& out) const {
  out.byte(kFormat);
  out.number(options.budget);
  out.signed_varint(options.step);
  out.varint(options.min_samples);
  out.number(options.min_effect);
  out.number(options.min_spread_effect);
  out.number(options.min_share_effect);
  out.byte(options.only_rises ? 1 : 0);
  out.number(options.assumed_level_sd);
  out.number(options.assumed_effect);
  out.number(options.assumed_long_effect);
  out.varint(windows);
  out.varint(varying);
  out.byte(static_cast<std::uint8_t>(deepest));
  out.byte(static_cast<std::uint8_t>(scales));
  out.byte(assumed ? 1 : 0);
  for (const double number : {threshold.value, threshold.theory, threshold.tail, threshold.low,
                              threshold.slope, threshold.windows}) {
    out.number(number);
  }
  out.varint(static_cast<std::uint64_t>(threshold.episodes));
  out.byte(static_cast<std::uint8_t>(combined.scales));
  out.varint(static_cast<std::uint64_t>(combined.series));
  out.number(combined.freedom);
  for (const double mean : combined.mean) out.number(mean);
  out.varint(series.size());
  for (const SeriesModel& one : series) driftd::write(out, one);
}

bool BudgetModel::read(ByteReader& in, BudgetModel& out) {
  out = {};
  if (in.byte() != kFormat) return false;
  out.options.budget = in.number();
  out.options.step = in.signed_varint();
  out.options.min_samples = in.varint();
  out.options.min_effect = in.number();
  out.options.min_spread_effect = in.number();
  out.options.min_share_effect = in.number();
  out.options.only_rises = in.byte() != 0;
  out.options.assumed_level_sd = in.number();
  out.options.assumed_effect = in.number();
  out.options.assumed_long_effect = in.number();
  out.windows = in.varint();
  out.varying = in.varint();
  const std::uint8_t deepest = in.byte();
  out.scales = in.byte();
  out.assumed = in.byte() != 0;
  for (double* const number : {&out.threshold.value, &out.threshold.theory, &out.threshold.tail,
                               &out.threshold.low, &out.threshold.slope, &out.threshold.windows}) {
    *number = in.number();
  }
  out.threshold.episodes = static_cast<int>(in.varint());
  out.combined.scales = in.byte();
  out.combined.series = static_cast<int>(in.varint());
  out.combined.freedom = in.number();
  for (double& mean : out.combined.mean) mean = in.number();
  if (deepest > static_cast<std::uint8_t>(SeasonLevel::hour_of_week) || out.scales > kScales ||
      out.combined.scales > out.scales) {
    return false;
  }
  out.deepest = static_cast<SeasonLevel>(deepest);
  out.series.resize(in.element_count());
  for (SeriesModel& one : out.series) {
    int scales = 0;
    if (!driftd::read(in, one, scales)) return false;
    if (!is_watched(one.learnt)) continue;
    ++out.watched;
    one.make_scan();
    if (one.scan.scales() != scales) return false;
  }
  return in.ok();
}

std::vector<std::string> limitations(const BudgetModel& model) {
  std::vector<std::string> said;
  if (model.assumed) {
    said.emplace_back(
        "No windows of known-good traffic were given, so noise and seasons are assumed (levels "
        "move by 0.1 standard deviations from window to window): until the first 7 days have been "
        "learnt, only shifts of 1 standard deviation, or 0.5 that last, alert.");
  } else {
    if (model.options.step == 0) {
      said.emplace_back("Windows by count have no regular times: no season was looked for.");
    } else if (model.deepest != SeasonLevel::hour_of_week) {
      said.emplace_back(
          model.deepest == SeasonLevel::all
              ? "The history is shorter than 4 days: no season was looked for, and daily traffic "
                "will look like drift or hide it."
          : model.deepest == SeasonLevel::hour_of_day
              ? "The history is shorter than 14 days: only the hour of the day was looked for, not "
                "weekends."
              : "The history is shorter than 21 days: hours of the day and weekends were looked "
                "for, not each hour of the week.");
    }
    if (model.scales < kScales) {
      const int longest = kScaleWindows[static_cast<std::size_t>(std::max(1, model.scales)) - 1];
      said.push_back("The history has " + std::to_string(model.windows) + " window" +
                     plural(model.windows) + ": shifts are summed over at most " +
                     std::to_string(longest) + " window" +
                     plural(static_cast<std::uint64_t>(longest)) +
                     ", so small lasting ones are found later or not at all.");
    }
    if (model.threshold.episodes == 0) {
      said.emplace_back(
          "The history is too short for its own largest values to set the threshold: that of "
          "independent normal series is used.");
    }
  }
  std::size_t few = 0;
  std::size_t still = 0;
  for (const SeriesModel& series : model.series) {
    few += series.learnt == Learnt::too_few_windows || series.learnt == Learnt::too_few_rows;
    still += series.learnt == Learnt::no_variance;
  }
  if (few > 0) {
    said.push_back(std::to_string(few) + " series had too few windows (or rows) with at least " +
                   std::to_string(model.options.min_samples) + " events and are not watched.");
  }
  if (still > 0) {
    said.push_back(std::to_string(still) +
                   " series of spread belong to columns that hardly vary within a window and are "
                   "not watched; their location is.");
  }
  return said;
}

}  // namespace driftd
