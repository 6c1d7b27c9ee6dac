#include "daemon/baseline/baseline_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "config/duration.h"
#include "daemon/budget_plan.h"
#include "daemon/shown_text.h"

namespace driftd {
namespace {

constexpr std::size_t kNameWidth = 32;
// So many series are listed; JSON has all of them.
constexpr std::size_t kMostListed = 24;
constexpr int kHours = 24;

[[nodiscard]] std::string_view name_of(SeasonLevel level) {
  switch (level) {
    case SeasonLevel::all: return "none";
    case SeasonLevel::hour_of_day: return "hour of day";
    case SeasonLevel::hour_and_weekend: return "hour, weekend";
    case SeasonLevel::hour_of_week: return "hour of week";
  }
  return "none";
}

// How far expected values lie apart by time, and the level that says most of it.
struct Season {
  SeasonLevel level = SeasonLevel::all;
  double deviation = 0;
};
[[nodiscard]] Season season_of(const SeriesModel& series) {
  Season season;
  double squares = 0;
  double most = 0;
  for (int level = 1; level < kSeasonLevels; ++level) {
    const double deviation = series.expected.season_sd[static_cast<std::size_t>(level)];
    if (deviation > most) {
      most = deviation;
      season.level = static_cast<SeasonLevel>(level);
    }
    squares += deviation * deviation;
  }
  season.deviation = std::sqrt(squares);
  return season;
}

// Smaller movements are not worth a word.
constexpr double kLeastShown = 0.01;  // standard deviations
constexpr double kLeastShare = 0.001;
[[nodiscard]] bool is_shown(const SeriesModel& series, double deviation) {
  return deviation >= (series.share() ? kLeastShare : kLeastShown);
}
[[nodiscard]] bool moves(const SeriesModel& series) {
  return is_watched(series.learnt) && (is_shown(series, season_of(series).deviation) ||
                                       is_shown(series, std::sqrt(series.level_variance)));
}

// A number in the series' own unit: standard deviations or points of a share.
[[nodiscard]] std::string amount(const SeriesModel& series, double value) {
  return series.share() ? fmt::format("{:.2g} pts", 100 * value) : fmt::format("{:.2f} sd", value);
}

[[nodiscard]] std::string expected_text(const SeriesModel& series) {
  return series.share() ? fmt::format("{:.3g} %", 100 * series.expected.mean)
                        : fmt::format("{:.2f}", std::round(100 * series.expected.mean) / 100 + 0.0);
}

// Of what a window of the usual size shows beyond chance.
[[nodiscard]] double movement(const SeriesModel& series) {
  const Season season = season_of(series);
  return (series.level_variance + season.deviation * season.deviation) / series.event_variance;
}

[[nodiscard]] std::vector<double> by_hour_of_day(const SeriesModel& series) {
  std::vector<double> hours(kHours, 0);
  for (std::size_t i = 0; i < series.expected.by_hour.size(); ++i)
    hours[i % kHours] += series.expected.by_hour[i] * kHours / kHoursOfWeek;
  return hours;
}

void print_season(const BaselineBudget& budget) {
  std::size_t strongest = 0;
  double most = 0;
  for (std::size_t i = 0; i < budget.columns->series.size(); ++i) {
    const SeriesModel& series = budget.columns->series[i];
    const double deviation = season_of(series).deviation;
    if (!is_watched(series.learnt) || !is_shown(series, deviation)) continue;
    const double size = deviation * deviation / series.event_variance;
    if (size <= most) continue;
    most = size;
    strongest = i;
  }
  if (most == 0) return;
  std::vector<double> hours = by_hour_of_day(budget.columns->series[strongest]);
  const auto [low, high] = std::ranges::minmax(hours);
  for (double& hour : hours) hour = hour - low + (high - low) / 8;
  fmt::print("  the strongest season, {} by hour of the day (UTC):\n      |{}|  {} to {}\n",
             shown(budget.names[strongest]), bars(hours),
             amount(budget.columns->series[strongest], low),
             amount(budget.columns->series[strongest], high));
}

void print_series(const BaselineBudget& budget) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < budget.columns->series.size(); ++i) {
    const SeriesModel& series = budget.columns->series[i];
    if (moves(series)) order.push_back(i);
  }
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::size_t i) { return movement(budget.columns->series[i]); });
  const std::size_t moving = order.size();
  order.resize(std::min(order.size(), kMostListed));
  if (order.empty())
    fmt::print("  no level moves by 0.01 sd or 0.1 share points from window to window\n");
  if (!order.empty())
    fmt::print("  {:<{}}  {:>9}  {:>9}  {:>10}  season\n", "series", kNameWidth, "expected",
               "noise", "half-life");
  for (const std::size_t i : order) {
    const SeriesModel& series = budget.columns->series[i];
    const Season season = season_of(series);
    const double half = half_life(series.memory);
    fmt::print("  {}  {:>9}  {:>9}  {:>10}  {}\n", padded(budget.names[i], kNameWidth),
               expected_text(series), amount(series, std::sqrt(series.level_variance)),
               half > 0 ? fmt::format("{:.1f}", half) : "-",
               is_shown(series, season.deviation)
                   ? fmt::format("{}, {}", name_of(season.level), amount(series, season.deviation))
                   : "-");
  }
  if (moving > order.size())
    fmt::print("  and {} more, which move less; --json has them\n", moving - order.size());
  if (moving > 0 && budget.columns->watched > moving) {
    fmt::print("  the other {} move by less than 0.01 sd or 0.1 share points\n",
               budget.columns->watched - moving);
  }
}

void write_series(JsonWriter& json, const std::string& name, const SeriesModel& series) {
  json.begin_object();
  json.field("series", name);
  json.field("watched", is_watched(series.learnt));
  if (is_watched(series.learnt)) {
    json.field("windows", series.windows);
    json.field("expected", series.expected.mean);
    json.field("event_variance", series.event_variance);
    json.field("level_deviation", std::sqrt(series.level_variance));
    json.field("memory_share", series.memory.kappa);
    json.field("memory_per_window", series.memory.rho);
    json.field("half_life_windows", half_life(series.memory));
    const Season season = season_of(series);
    json.field("season", name_of(season.level));
    json.field("season_deviation", season.deviation);
    if (season.deviation > 0) {
      json.key("expected_by_hour_of_week");
      json.begin_array();
      for (const double value : series.expected.by_hour) json.value(value);
      json.end_array();
    }
  }
  json.end_object();
}

}  // namespace

BaselineBudget budget_of(const Baseline& baseline) {
  BaselineBudget budget;
  BudgetPlanner planner;
  const Reference& reference = *baseline.model.reference;
  if (!planner.take_lesson(baseline.model.lesson, reference,
                           baseline.model.performance.performance)) {
    return budget;
  }
  const BudgetLesson& lesson = *planner.taken();
  budget.alerts = lesson.alerts;
  budget.period = lesson.period;
  budget.windows = lesson.columns.starts.size();
  budget.columns = lesson.columns_model;
  budget.errors = lesson.errors_model;
  if (budget.columns == nullptr) return budget;
  for (const SeriesModel& series : budget.columns->series)
    budget.names.push_back(series_name(reference, series.spec));
  return budget;
}

std::string series_name(const Reference& reference, const SeriesSpec& spec) {
  const SeriesReference& column = reference.series[spec.column];
  switch (spec.kind) {
    case SeriesKind::location: return column.name + " location";
    case SeriesKind::spread: return column.name + " spread";
    case SeriesKind::missing: return column.name + " missing";
    case SeriesKind::unseen: return column.name + " unseen";
    case SeriesKind::category: break;
  }
  const auto* categories = std::get_if<CategoryReference>(&column.baseline);
  if (categories == nullptr || spec.category >= categories->categories.size())
    return column.name + " other categories";
  return column.name + " " + categories->categories[spec.category];
}

double half_life(const Memory& memory) {
  if (memory.kappa <= 0 || memory.rho <= 0) return 0;
  return std::log(0.5) / std::log(memory.rho);
}

void print_budget(const BaselineBudget& budget) {
  if (budget.columns == nullptr) return;
  const BudgetModel& model = *budget.columns;
  fmt::print("\nAlerts, at most {:g} in {} from traffic like this\n", budget.alerts,
             format_duration(budget.period));
  fmt::print(
      "  learnt from {} windows; {} series are watched. One alerts where it lies {:.2f} standard\n"
      "  errors or more from what is expected at its time, and by {:g} standard deviations or "
      "{:g}\n"
      "  share points at least\n",
      grouped(model.windows), grouped(model.watched), model.threshold.limit(),
      model.options.min_effect, 100 * model.options.min_share_effect);
  print_series(budget);
  print_season(budget);
  if (budget.errors != nullptr) {
    fmt::print("  the model's errors alert at {:.2f} standard errors\n",
               budget.errors->threshold.limit());
  }
}

void write_budget(JsonWriter& json, const BaselineBudget& budget) {
  if (budget.columns == nullptr) return json.null();
  const BudgetModel& model = *budget.columns;
  json.begin_object();
  json.field("alerts", budget.alerts);
  json.field("period_ms", budget.period);
  json.field("windows", model.windows);
  json.field("limit", model.threshold.limit());
  json.field("limit_of_independent_series", std::sqrt(2 * model.threshold.theory));
  json.field("min_effect", model.options.min_effect);
  json.field("min_share_effect", model.options.min_share_effect);
  json.field("errors_limit", budget.errors == nullptr
                                 ? std::nullopt
                                 : std::optional(budget.errors->threshold.limit()));
  json.key("series");
  json.begin_array();
  for (std::size_t i = 0; i < model.series.size(); ++i)
    write_series(json, budget.names[i], model.series[i]);
  json.end_array();
  json.end_object();
}

std::vector<std::string> budget_limits(const BaselineBudget& budget) {
  if (budget.columns != nullptr) return limitations(*budget.columns);
  return {fmt::format(
      "The rows make {} windows of the {} that are needed to learn noise, seasons and a threshold "
      "from: until 7 days of live windows have been learnt, only shifts of 1 standard deviation, "
      "or 0.5 that last 24 windows, alert.",
      budget.windows, kLeastWindows)};
}

}  // namespace driftd
