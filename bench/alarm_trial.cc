#include "bench/alarm_trial.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/event_batch.h"
#include "detectors/calibration/budget_fit.h"
#include "detectors/calibration/budget_state.h"
#include "detectors/calibration/signed_series.h"

namespace driftd {
namespace {

constexpr DurationMs kDay = 86'400'000;
constexpr int kReferenceRows = 10'000;
constexpr int kRowsWithoutTimes = 5'000;
// Ranks to a thousandth are exact enough here, and take a tenth of the time of 10,000.
constexpr std::uint64_t kDistinct = 1'000;
// Windows between two starts of shifts; it shares no factor with the hours of a day or a week.
constexpr int kStartEvery = 277;
constexpr int kFirstStart = 200;
const std::vector<std::string> kNames = {"a", "b", "c", "d", "e"};

[[nodiscard]] Reference reference_from(const Family& family, const Columns& rows) {
  Reference reference;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SeriesReference& series = reference.series.emplace_back();
    if (i < static_cast<std::size_t>(family.numeric)) {
      series.baseline = make_numeric_reference(rows[i], kDistinct);
      continue;
    }
    std::vector<std::optional<std::string>> texts;
    for (const double value : rows[i]) {
      texts.push_back(std::isnan(value) ? std::nullopt
                                        : std::optional(kNames[static_cast<std::size_t>(value)]));
    }
    series.baseline = make_category_reference(texts, kDistinct);
  }
  reference.rows = rows.front().size();
  return reference;
}

// Rows from all over the history, so that the reference has its seasons and levels.
[[nodiscard]] Columns reference_rows(SimulatedTraffic traffic, const Family& family,
                                     int history_windows) {
  traffic.reseed(0xC0FFEE ^ static_cast<std::uint64_t>(history_windows));
  const int wanted = family.without_times ? kRowsWithoutTimes : kReferenceRows;
  const int each = std::max(1, wanted / history_windows);
  Columns rows(static_cast<std::size_t>(family.numeric + family.categorical));
  Columns window;
  for (int t = 0; t < history_windows; ++t) {
    traffic.next(window, false, each);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].insert(rows[i].end(), window[i].begin(), window[i].end());
    }
  }
  return rows;
}

class Observer {
 public:
  explicit Observer(const Reference& reference) : reference_(reference) {}

  std::vector<SeriesSummary> summaries(const Columns& columns) {
    std::vector<SeriesSummary> window;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto& baseline = reference_.series[i].baseline;
      if (const auto* numeric = std::get_if<NumericReference>(&baseline)) {
        NumericSummary summary(numeric->index);
        summary.update(numeric->index, columns[i], scratch_);
        window.emplace_back(std::move(summary));
        continue;
      }
      const auto& categories = std::get<CategoryReference>(baseline);
      CategorySummary summary(static_cast<std::uint32_t>(categories.categories.size()));
      for (const double value : columns[i]) {
        if (std::isnan(value)) {
          ++summary.missing;
          continue;
        }
        const std::string& name = kNames[static_cast<std::size_t>(value)];
        const auto at = std::ranges::lower_bound(categories.categories, name);
        if (at == categories.categories.end() || *at != name) {
          summary.unseen.add(name);
        } else {
          summary.counters.add(static_cast<std::uint32_t>(at - categories.categories.begin()), 1);
        }
      }
      window.emplace_back(std::move(summary));
    }
    return window;
  }

 private:
  const Reference& reference_;
  NumericSummary::Scratch scratch_;
};

[[nodiscard]] std::shared_ptr<const BudgetModel> must(Result<BudgetModel> model) {
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    std::exit(1);
  }
  return std::make_shared<const BudgetModel>(std::move(*model));
}

class Run {
 public:
  Run(const Family& family, std::uint64_t seed, const TrialOptions& options)
      : family_(family), seed_(seed), options_(options), traffic_(family, seed) {}

  Trial operator()() {
    const auto a_day = static_cast<int>(kDay / family_.step);
    const int history_windows = family_.history_days * a_day;
    const Columns rows = reference_rows(traffic_, family_, history_windows);
    reference_ = reference_from(family_, rows);
    observer_.emplace(reference_);
    series_.emplace(reference_);
    rivals_.emplace(reference_, rows);
    budget_.budget = budget_per_window(1, kBudgetDays * kDay, family_.step);
    budget_.step = family_.step;
    budget_.min_samples = static_cast<std::uint64_t>(family_.min_samples);
    learn(history_windows);
    live(options_.live_days * a_day);
    return std::move(trial_);
  }

 private:
  std::vector<Point> next(SimulatedTraffic& traffic, bool live, RuleValues* rules,
                          const Shift& shift = {}, int since = 0) {
    traffic.next(columns_, live, 0, shift, since);
    const std::vector<SeriesSummary> window = observer_->summaries(columns_);
    if (rules != nullptr) *rules = rivals_->values(rivals_->distances(window, columns_));
    return series_->points(window);
  }

  void learn(int windows) {
    if (family_.without_times) {
      anchors_ = series_->points_of(reference_);
      for (int t = 0; t < windows; ++t) traffic_.next(columns_, false, 1);
      state_.emplace(std::make_shared<const BudgetModel>(
          assume_budget(series_->specs(), anchors_, family_.events, budget_)));
      options_.rivals = false;
      return;
    }
    BudgetHistory history;
    std::vector<RivalRules::Distances> distances;
    for (int t = 0; t < windows; ++t) {
      history.starts.push_back(traffic_.next_start());
      traffic_.next(columns_, false);
      const std::vector<SeriesSummary> window = observer_->summaries(columns_);
      if (options_.rivals) distances.push_back(rivals_->distances(window, columns_));
      history.windows.push_back(series_->points(window));
    }
    rivals_->learn(distances);
    state_.emplace(must(fit_budget(series_->specs(), history, budget_)));
  }

  void live(int windows) {
    trial_.live_windows = windows;
    BudgetHistory seen;
    bool alerting = false;
    int fits = 0;
    for (int t = 0; t < windows; ++t) {
      const int start = (t - kFirstStart) / kStartEvery;
      if (options_.delays && t >= kFirstStart && (t - kFirstStart) % kStartEvery == 0 &&
          start < options_.starts) {
        shift_from(t, start, alerting);
      }
      const TimeMs time = traffic_.next_start();
      RuleValues rules{};
      const std::vector<Point> points = next(traffic_, true, options_.rivals ? &rules : nullptr);
      if (options_.rivals) trial_.rules.push_back(rules);
      const WindowVerdict verdict = state_->step(time, points);
      if (verdict.alerting && !alerting) {
        ++trial_.alerts;
        trial_.learning_alerts += family_.without_times && fits == 0;
      }
      alerting = verdict.alerting;
      trial_.drifting_windows += verdict.drifting;
      trial_.alerting_windows += verdict.alerting;
      trial_.unfamiliar_windows += verdict.unfamiliar;
      if (!family_.without_times) continue;
      seen.starts.push_back(time);
      seen.windows.push_back(points);
      if (fits_due((t + 1) * family_.step) <= fits) continue;
      ++fits;
      state_->adopt(must(fit_budget(series_->specs(), seen, budget_, anchors_)), false);
    }
  }

  void shift_from(int window, int start, bool alerting) {
    for (int kind = 1; kind < kShiftKinds; ++kind) {
      Shift shift{.kind = static_cast<ShiftKind>(kind), .feature = start * 7 % family_.numeric};
      if (shift.kind == ShiftKind::share && family_.categorical == 0) continue;
      if (shift.kind == ShiftKind::missing && family_.missing <= 0) continue;
      SimulatedTraffic traffic = traffic_;
      traffic.reseed(
          TrafficRandom(seed_ * 1'000 + static_cast<std::uint64_t>(start * 16 + kind))());
      BudgetState state = *state_;
      ShiftRun run;
      run.kind = shift.kind;
      run.live_window = window;
      run.alerting = alerting;
      for (int since = 0; since < kLongestDelay; ++since) {
        const TimeMs time = traffic.next_start();
        RuleValues rules{};
        const std::vector<Point> points =
            next(traffic, true, options_.rivals ? &rules : nullptr, shift, since);
        if (options_.rivals) run.rules.push_back(rules);
        if (run.delay == 0 && state.step(time, points).drifting) run.delay = since + 1;
        if (run.delay > 0 && !options_.rivals) break;
      }
      trial_.runs.push_back(std::move(run));
    }
  }

  const Family& family_;
  std::uint64_t seed_;
  TrialOptions options_;
  SimulatedTraffic traffic_;
  Reference reference_;
  std::optional<Observer> observer_;
  std::optional<SignedSeries> series_;
  std::optional<RivalRules> rivals_;
  BudgetOptions budget_;
  std::vector<Point> anchors_;
  std::optional<BudgetState> state_;
  Columns columns_;
  Trial trial_;
};

}  // namespace

Trial run_trial(const Family& family, std::uint64_t seed, const TrialOptions& options) {
  return Run(family, seed, options)();
}

}  // namespace driftd
