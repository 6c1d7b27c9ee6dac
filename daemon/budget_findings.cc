#include "daemon/budget_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "config/duration.h"
#include "core/event_time.h"

namespace driftd {
namespace {

// Where a level of the season moves a series by less than this share of its noise, it is not worth
// naming.
constexpr double kLeastSeason = 1e-9;

constexpr std::array<std::string_view, 7> kDays = {
    "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"};

// What the expectation is for: "for Tuesdays 09:00 UTC", or nothing where it is the same always.
[[nodiscard]] std::string season_in_words(const SeriesModel& series, const JudgedWindow& window) {
  if (window.step == 0) return {};
  const auto has = [&](SeasonLevel level) {
    return series.expected.season_sd[static_cast<std::size_t>(level)] > kLeastSeason;
  };
  const int hour = hour_of_week(window.start);
  // The hour of a window of a whole day says nothing.
  const bool has_hour = window.step < kDayMs;
  const std::string time = has_hour ? fmt::format(" {:02}:00 UTC", hour % 24) : "";
  if (has(SeasonLevel::hour_of_week))
    return fmt::format(" for {}{}", kDays[static_cast<std::size_t>(hour / 24)], time);
  if (has(SeasonLevel::hour_and_weekend))
    return fmt::format(" for {}{}", hour / 24 < 5 ? "weekdays" : "weekends", time);
  if (has_hour && has(SeasonLevel::hour_of_day)) return fmt::format(" for{}", time);
  return {};
}

[[nodiscard]] std::string period_in_words(const BudgetPlan& plan) {
  if (plan.is_capped()) return "expected in 24 windows";
  const AlertsConfig& alerts = plan.alerts;
  if (alerts.budget_alerts == 1)
    return fmt::format("expected in {}", duration_in_words(alerts.budget_period));
  return fmt::format("expected {:g} times in {}", alerts.budget_alerts,
                     duration_in_words(alerts.budget_period));
}

[[nodiscard]] std::string since_in_words(const BudgetDetail& detail, DurationMs step) {
  if (detail.windows <= 1) return "in this window";
  if (step == 0) return fmt::format("began about {} windows ago", detail.windows);
  return fmt::format("began about {} ago", duration_in_words(detail.windows * step));
}

[[nodiscard]] std::string percent(double share) {
  return fmt::format("{:.{}f} %", share * 100, std::abs(share) < 0.1 ? 2 : 1);
}

[[nodiscard]] std::string unfamiliar_in_words() {
  return "; this traffic wanders longer than the baseline's ever did: the baseline does not "
         "describe it, make a new one";
}

struct Judged {
  const SeriesModel* series = nullptr;
  const SeriesVerdict* verdict = nullptr;
};

class Findings {
 public:
  Findings(const BudgetPlan& plan, const BudgetModel& model, const WindowVerdict& verdict,
           const JudgedWindow& window)
      : plan_(plan), model_(model), verdict_(verdict), window_(window) {}

  // `what`: the subject of the sentence; `drifts`: whether significance is a drift.
  Finding& add(std::string_view series, std::string_view detector, const SeriesVerdict& said,
               bool drifts) {
    Finding& finding = findings_.emplace_back();
    finding.series = series;
    finding.detector = detector;
    finding.baseline = plan_.baseline;
    finding.window.n = static_cast<std::int64_t>(said.n);
    finding.statistic = said.z;
    finding.threshold = said.z ? said.limit : model_.threshold.limit();
    if (!said.z) return finding;
    finding.p_value = said.p_value;
    finding.level = said.significant && drifts ? Level::drift : Level::stable;
    BudgetDetail& detail = finding.budget.emplace();
    detail.distance = std::abs(*said.z) / said.limit;
    detail.expected = said.expected;
    detail.effect = said.effect;
    detail.windows = static_cast<int>(said.lasting);
    if (window_.step > 0) detail.since = window_.start - (said.lasting - 1) * window_.step;
    return finding;
  }

  // Ends a reason: how unusual, since when, and what else is known.
  [[nodiscard]] std::string rest(const Finding& finding) const {
    const BudgetDetail& detail = *finding.budget;
    std::string text =
        fmt::format("; {}, {:.{}f}x the largest distance {}", since_in_words(detail, window_.step),
                    detail.distance, detail.distance < 10 ? 1 : 0, period_in_words(plan_));
    if (detail.distance > 1 && finding.level != Level::drift) text += ", but too small to matter";
    if (model_.assumed) text += " (noise is assumed until enough windows have been learnt)";
    if (finding.level == Level::drift && verdict_.unfamiliar) text += unfamiliar_in_words();
    return text;
  }

  [[nodiscard]] std::vector<Finding> take() { return std::move(findings_); }

 private:
  const BudgetPlan& plan_;
  const BudgetModel& model_;
  const WindowVerdict& verdict_;
  const JudgedWindow& window_;
  std::vector<Finding> findings_;
};

// The more telling of two verdicts of shares.
[[nodiscard]] bool says_more(const SeriesVerdict& a, const SeriesVerdict& b) {
  if (!b.z) return a.z.has_value();
  if (!a.z) return false;
  if (a.significant != b.significant) return a.significant;
  return std::abs(*a.z) > std::abs(*b.z);
}

void say_location(const SeriesModel& series, const SeriesReference& column,
                  const JudgedWindow& window, const Findings& findings, Finding& finding) {
  BudgetDetail& detail = *finding.budget;
  detail.shift = shift_in_own_unit(std::get<NumericReference>(column.baseline), detail.expected,
                                   detail.effect);
  if (!std::isfinite(*detail.shift)) detail.shift.reset();
  const std::string own =
      detail.shift ? fmt::format(" (about {:+.3g} in its own unit)", *detail.shift) : "";
  detail.reason =
      fmt::format("{} is {:.2f} standard deviations {} than expected{}{}{}", column.name,
                  std::abs(detail.effect), detail.effect < 0 ? "lower" : "higher",
                  season_in_words(series, window), own, findings.rest(finding));
}

void say_spread(const SeriesModel& series, const SeriesReference& column,
                const JudgedWindow& window, const Findings& findings, Finding& finding) {
  BudgetDetail& detail = *finding.budget;
  // X is the cube root of a variance, so that a ratio of standard deviations is X^(3/2).
  const double expected = std::max(detail.expected, 1e-6);
  const double ratio = std::pow(std::max(0.0, expected + detail.effect) / expected, 1.5);
  detail.reason = fmt::format("the spread of {} is {:.2f} times what is expected{}{}", column.name,
                              ratio, season_in_words(series, window), findings.rest(finding));
}

[[nodiscard]] std::string share_name(const SeriesSpec& spec, const SeriesReference& column) {
  if (spec.kind == SeriesKind::missing) return "missing";
  if (spec.kind == SeriesKind::unseen) return "unseen";
  if (spec.category == kOtherCategories) return "other categories";
  return "category:" + std::get<CategoryReference>(column.baseline).categories[spec.category];
}

[[nodiscard]] std::string share_in_words(const SeriesSpec& spec, const SeriesReference& column) {
  if (spec.kind == SeriesKind::missing) return fmt::format("missing values of {}", column.name);
  if (spec.kind == SeriesKind::unseen)
    return fmt::format("values of {} that the reference does not have", column.name);
  if (spec.category == kOtherCategories) return fmt::format("the rarer values of {}", column.name);
  const auto& categories = std::get<CategoryReference>(column.baseline).categories;
  // The code behind the categories is shared by the least frequent ones.
  if (spec.category >= categories.size())
    return fmt::format("the rarest values of {}", column.name);
  return fmt::format("{} = {}", column.name, categories[spec.category]);
}

void say_share(const SeriesModel& series, const SeriesReference& column, const JudgedWindow& window,
               const Findings& findings, Finding& finding) {
  BudgetDetail& detail = *finding.budget;
  detail.is_share = true;
  detail.of = share_name(series.spec, column);
  detail.reason = fmt::format(
      "{} {} {} where {} is expected{}{}", share_in_words(series.spec, column),
      series.spec.kind == SeriesKind::category && series.spec.category != kOtherCategories ? "is"
                                                                                           : "are",
      percent(detail.expected + detail.effect), percent(detail.expected),
      season_in_words(series, window), findings.rest(finding));
}

}  // namespace

std::string duration_in_words(DurationMs duration) {
  struct Unit {
    DurationMs length;
    std::string_view name;
  };
  static constexpr std::array<Unit, 4> kUnits = {
      {{kDayMs, "day"}, {kHourMs, "hour"}, {kMinuteMs, "minute"}, {kSecondMs, "second"}}};
  for (const Unit& unit : kUnits) {
    // 36 hours are not "1.5 days": a unit is taken where it comes out even, or from two of it on.
    if (duration % unit.length != 0 && duration < 2 * unit.length) continue;
    if (duration < unit.length) continue;
    const double count = static_cast<double>(duration) / static_cast<double>(unit.length);
    const bool even = duration % unit.length == 0;
    return even ? fmt::format("{:.0f} {}{}", count, unit.name, count == 1 ? "" : "s")
                : fmt::format("{:.1f} {}s", count, unit.name);
  }
  return fmt::format("{} ms", duration);
}

std::vector<Finding> column_findings(const BudgetPlan& plan, const MonitoredModel& monitored,
                                     const BudgetModel& model, const WindowVerdict& verdict,
                                     const JudgedWindow& window) {
  Findings findings(plan, model, verdict, window);
  std::size_t position = 0;
  for (std::size_t column = 0; column < monitored.reference->series.size(); ++column) {
    const SeriesReference& reference = monitored.reference->series[column];
    Judged share;
    for (; position < model.series.size() && model.series[position].spec.column == column;
         ++position) {
      const SeriesModel& series = model.series[position];
      const SeriesVerdict& said = verdict.series[position];
      if (series.share()) {
        if (share.series == nullptr || says_more(said, *share.verdict)) share = {&series, &said};
        continue;
      }
      const bool location = series.spec.kind == SeriesKind::location;
      Finding& finding = findings.add(reference.name, location ? "location" : "spread", said, true);
      if (!said.z) continue;
      if (location) {
        say_location(series, reference, window, findings, finding);
      } else {
        say_spread(series, reference, window, findings, finding);
      }
    }
    if (share.series == nullptr) continue;
    Finding& finding = findings.add(reference.name, "share", *share.verdict, true);
    if (share.verdict->z) say_share(*share.series, reference, window, findings, finding);
  }
  if (model.combined.series > 1) {
    Finding& finding = findings.add(kAllFeatures, "combined", verdict.all, true);
    if (verdict.all.z) {
      finding.budget->reason = fmt::format(
          "the {} numeric columns together lie {} from what is expected{}", model.combined.series,
          *verdict.all.z > 0 ? "farther" : "no farther", findings.rest(finding));
    }
  }
  return findings.take();
}

std::vector<Finding> error_findings(const BudgetPlan& plan, Task task, const BudgetModel& model,
                                    const WindowVerdict& verdict, const JudgedWindow& window) {
  Findings findings(plan, model, verdict, window);
  const SeriesVerdict& said = verdict.series.front();
  const SeriesModel& series = model.series.front();
  const bool worse = said.z.value_or(0) > 0;
  Finding& finding = findings.add(kErrors, series.share() ? "share" : "location", said, worse);
  if (!said.z) return findings.take();
  BudgetDetail& detail = *finding.budget;
  detail.of_errors = true;
  if (task == Task::regression) {
    detail.shift = plan.errors->in_own_unit(detail.effect);
    detail.reason = fmt::format("the mean absolute error is {:.3g} {} than the expected {:.3g}{}{}",
                                std::abs(*detail.shift), detail.effect < 0 ? "smaller" : "larger",
                                plan.errors->in_own_unit(detail.expected),
                                season_in_words(series, window), findings.rest(finding));
  } else {
    detail.is_share = true;
    detail.reason = fmt::format("{} of the predictions are wrong where {} are expected{}{}",
                                percent(detail.expected + detail.effect), percent(detail.expected),
                                season_in_words(series, window), findings.rest(finding));
  }
  return findings.take();
}

}  // namespace driftd
