#include "detectors/calibration/budget_fit.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/check.h"

namespace driftd {
namespace {

constexpr DurationMs kDay = 86'400'000;
// An expected share is at least this, so that what the history never had may come once.
constexpr double kLeastShare = 1e-6;
// The variance of an event of a column that stands still, and of a share at the least one.
constexpr double kLeastVariance = kLeastShare * (1 - kLeastShare);
// A mean variance of normal scores below this leaves nothing to compare a spread with.
constexpr double kLeastMeanSquare = 1e-6;
constexpr double kAssumedRho = 0.8;
constexpr double kSpreadUnit = 0.4;

[[nodiscard]] double variance_of_share(double share) {
  return std::max(kLeastVariance, share * (1 - share));
}

// var(b) of a window to the variance of X = cbrt(s^2), by the delta method at the mean s^2.
[[nodiscard]] double spread_scale(double mean_square) {
  return 1 / (9 * std::pow(mean_square, 4.0 / 3));
}

// The history on a regular grid of windows: the position in it, or nothing where no event came.
struct Grid {
  std::vector<std::int64_t> window;
  std::vector<std::uint8_t> hours;
};

[[nodiscard]] Result<Grid> grid_of(const BudgetHistory& history, DurationMs step) {
  Grid grid;
  const auto add = [&](std::int64_t window, TimeMs start) {
    grid.window.push_back(window);
    grid.hours.push_back(step > 0 ? static_cast<std::uint8_t>(hour_of_week(start)) : 0);
  };
  for (std::size_t i = 0; i < history.starts.size(); ++i) {
    if (i > 0 && step > 0) {
      const TimeMs passed = history.starts[i] - history.starts[i - 1];
      if (passed < step || passed % step != 0) {
        return fail(ErrorCode::invalid_argument,
                    "windows of a history must rise in whole steps of " + std::to_string(step) +
                        " ms; window " + std::to_string(i) + " starts " + std::to_string(passed) +
                        " ms after the one before it");
      }
      const std::int64_t skipped = std::min(passed / step - 1, kMostSkipped);
      for (std::int64_t k = skipped; k > 0; --k) add(-1, history.starts[i] - k * step);
    }
    add(static_cast<std::int64_t>(i), history.starts[i]);
  }
  return grid;
}

// One series while it is being learnt; vectors are by window of the grid.
struct Learning {
  std::vector<double> values;     // a share is the quotient
  std::vector<double> n;          // 0: not usable
  std::vector<double> counts;     // of shares
  std::vector<double> expected;   // cross-fitted
  std::vector<double> residuals;  // whitened, 0 where not usable
  bool varies = false;            // not a share that was always 0 or always 1
};

// Values, events and event variance; false where the series cannot be learnt.
[[nodiscard]] bool gather(const BudgetHistory& history, const Grid& grid, std::size_t position,
                          std::uint64_t min_samples, SeriesModel& model, Learning& learning) {
  const std::size_t windows = grid.window.size();
  learning.values.assign(windows, 0);
  learning.n.assign(windows, 0);
  learning.counts.assign(windows, 0);
  double n = 0;
  double variance = 0;
  double cubes = 0;
  for (std::size_t t = 0; t < windows; ++t) {
    if (grid.window[t] < 0) continue;
    const Point& point = history.windows[static_cast<std::size_t>(grid.window[t])][position];
    if (point.n < static_cast<double>(min_samples)) continue;
    ++model.windows;
    n += point.n;
    learning.n[t] = point.n;
    if (model.share()) {
      const double share = point.value / point.n;
      learning.counts[t] = point.value;
      learning.values[t] = share;
      variance += point.n * share * (1 - share);
    } else {
      learning.values[t] = point.value;
      variance += point.n * point.variance;
      cubes += point.value * point.value * point.value;
    }
  }
  model.learnt = Learnt::too_few_windows;
  if (model.windows < kLeastWindows) return false;
  const auto usable = static_cast<double>(model.windows);
  model.mean_n = n / usable;
  model.event_variance = variance / n;
  if (model.spec.kind == SeriesKind::spread) {
    const double mean_square = cubes / usable;
    model.learnt = Learnt::no_variance;
    if (mean_square < kLeastMeanSquare) return false;
    model.event_variance *= spread_scale(mean_square);
  }
  learning.varies = !model.share() || model.event_variance > 0;
  model.event_variance = std::max(model.event_variance, kLeastVariance);
  model.learnt = Learnt::fitted;
  return true;
}

// Steps 2 to 4.
void learn(const Grid& grid, SeasonLevel deepest, SeriesModel& model, Learning& learning) {
  LevelInput input{.values = learning.values,
                   .n = learning.n,
                   .hours = grid.hours,
                   .deepest = deepest,
                   .event_variance = model.event_variance};
  if (model.share()) {
    input.lowest = kLeastShare;
    input.highest = 1 - kLeastShare;
  }
  LevelFit levels = fit_levels(input);
  model.expected = levels.expected;
  model.level_variance = levels.level_variance;
  const double most =
      model.level_variance / (model.level_variance + model.event_variance / model.mean_n);
  model.memory = fit_memory(levels.z, most);
  model.filter = steady_filter(model.memory);

  learning.expected = std::move(levels.cross_fitted);
  learning.residuals.assign(levels.z.size(), 0);
  double level = 0;
  double squares = 0;
  for (std::size_t t = 0; t < levels.z.size(); ++t) {
    if (std::isnan(levels.z[t])) {
      model.filter.skip(level);
      continue;
    }
    learning.residuals[t] = model.filter.step(levels.z[t], level);
    squares += learning.residuals[t] * learning.residuals[t];
  }
  const double mean_square = squares / static_cast<double>(model.windows);
  if (mean_square <= 0) return;
  model.filter.variance *= mean_square;
  for (double& residual : learning.residuals) residual /= std::sqrt(mean_square);
}

// What the whole history's rows taken together would give for a spread: a reference without windows
// has the movement of levels and seasons in its spread, which no single window has.
[[nodiscard]] double pooled_spread(const Learning& location, const Learning& spread) {
  double n = 0;
  double sum = 0;
  double within = 0;
  for (std::size_t t = 0; t < spread.n.size(); ++t) {
    n += spread.n[t];
    sum += spread.n[t] * location.values[t];
    within += std::max(0.0, spread.n[t] - 1) * std::pow(spread.values[t], 3);
  }
  double between = 0;
  for (std::size_t t = 0; t < spread.n.size(); ++t) {
    const double rest = location.values[t] - sum / n;
    between += spread.n[t] * rest * rest;
  }
  return std::cbrt((within + between) / (n - 1));
}

// `own`: what the history has where the reference has the anchor.
void move_to(const Point& anchor, double own, SeriesModel& model) {
  if (anchor.n <= 0) return;
  const double by = (model.share() ? anchor.value / anchor.n : anchor.value) - own;
  for (double& value : model.expected.by_hour) {
    value += by;
    if (model.share()) value = std::clamp(value, kLeastShare, 1 - kLeastShare);
  }
  model.expected.mean += by;
  model.anchor_rows = anchor.n;
}

// Z of one scale over the whole history of a series; a window that cannot be judged is NaN.
void scan_history(const SeriesModel& model, const Learning& learning, int scale,
                  std::span<double> out) {
  const auto w = static_cast<std::size_t>(kScaleWindows[static_cast<std::size_t>(scale)]);
  ShareSum sum;
  for (std::size_t t = 0; t < out.size(); ++t) {
    out[t] = std::numeric_limits<double>::quiet_NaN();
    if (model.share()) {
      sum.count += learning.counts[t];
      sum.n += learning.n[t];
      sum.expected += learning.n[t] * learning.expected[t];
    }
    if (t + 1 < w) continue;
    if (learning.n[t] > 0) {
      out[t] = model.share()
                   ? model.scan.of_share(sum, scale)
                   : model.scan.of_residuals({learning.residuals.data() + (t + 1 - w), w}, scale);
    }
    if (model.share()) {
      const std::size_t gone = t + 1 - w;
      sum.count -= learning.counts[gone];
      sum.n -= learning.n[gone];
      sum.expected -= learning.n[gone] * learning.expected[gone];
    }
  }
}

// All series and scales of the history, as steps 6 and 7 need them.
class Maxima {
 public:
  Maxima(BudgetModel& model, const std::vector<Learning>& learning, std::size_t windows)
      : model_(model), learning_(learning), maxima_(windows, 0), z_(model.series.size()) {}

  // y_t by window.
  std::vector<double> take() {
    for (int scale = 0; scale < model_.scales; ++scale) scan(scale);
    std::array<std::vector<double>, kScales> present;
    std::array<std::span<const double>, kScales> values;
    for (std::size_t scale = 0; scale < present.size(); ++scale) {
      std::ranges::copy_if(mean_squares_[scale], std::back_inserter(present[scale]),
                           [](double value) { return !std::isnan(value); });
      values[scale] = present[scale];
    }
    model_.combined = fit_combined(values, locations_);
    for (int scale = 0; scale < model_.combined.scales; ++scale) {
      const auto& together = mean_squares_[static_cast<std::size_t>(scale)];
      for (std::size_t t = 0; t < together.size(); ++t) {
        if (std::isnan(together[t])) continue;
        const double z = model_.combined.deviate(together[t], scale);
        if (z > 0) maxima_[t] = std::max(maxima_[t], z * z / 2);
      }
    }
    return std::move(maxima_);
  }

 private:
  void scan(int scale) {
    double squares = 0;
    std::size_t used = 0;
    for (std::size_t i = 0; i < model_.series.size(); ++i) {
      z_[i].clear();
      const SeriesModel& series = model_.series[i];
      if (series.learnt != Learnt::fitted || scale >= series.scan.scales()) continue;
      z_[i].resize(maxima_.size());
      scan_history(series, learning_[i], scale, z_[i]);
      if (series.share()) continue;
      for (const double z : z_[i]) {
        if (std::isnan(z)) continue;
        squares += z * z;
        ++used;
      }
    }
    // The fit has seen this history, which makes its residuals smaller than live ones will be.
    const double seen =
        used > 0 ? std::min(1.0, std::sqrt(squares / static_cast<double>(used))) : 1;
    if (seen > 0) {
      for (auto& series : z_) {
        for (double& z : series) z /= seen;
      }
    }
    fold(scale);
  }

  void fold(int scale) {
    auto& together = mean_squares_[static_cast<std::size_t>(scale)];
    together.assign(maxima_.size(), std::numeric_limits<double>::quiet_NaN());
    int locations = 0;
    std::vector<int> present(maxima_.size(), 0);
    std::vector<double> sums(maxima_.size(), 0);
    for (std::size_t i = 0; i < z_.size(); ++i) {
      const bool location = model_.series[i].spec.kind == SeriesKind::location;
      locations += location && !z_[i].empty();
      for (std::size_t t = 0; t < z_[i].size(); ++t) {
        const double z = z_[i][t];
        if (std::isnan(z)) continue;
        maxima_[t] = std::max(maxima_[t], z * z / 2);
        if (!location) continue;
        sums[t] += z * z;
        ++present[t];
      }
    }
    if (scale == 0) locations_ = locations;
    for (std::size_t t = 0; t < sums.size(); ++t) {
      if (present[t] == locations_ && locations_ > 0) together[t] = sums[t] / present[t];
    }
  }

  BudgetModel& model_;
  const std::vector<Learning>& learning_;
  std::vector<double> maxima_;
  std::vector<std::vector<double>> z_;  // by series, then by window; of one scale at a time
  std::array<std::vector<double>, kScales> mean_squares_;  // A_w; NaN where a location is missing
  int locations_ = 0;
};

[[nodiscard]] std::size_t usable_windows(const Grid& grid, const std::vector<Learning>& learning) {
  std::size_t usable = 0;
  for (std::size_t t = 0; t < grid.window.size(); ++t) {
    usable +=
        std::ranges::any_of(learning, [&](const Learning& series) { return series.n[t] > 0; });
  }
  return usable;
}

[[nodiscard]] Result<> check(std::span<const SeriesSpec> specs, const BudgetHistory& history,
                             const BudgetOptions& options, std::span<const Point> anchors) {
  DRIFTD_CHECK(options.budget > 0 && options.min_samples >= 2);
  DRIFTD_CHECK(anchors.empty() || anchors.size() == specs.size());
  DRIFTD_CHECK(history.starts.size() == history.windows.size());
  for (const auto& window : history.windows) DRIFTD_CHECK(window.size() == specs.size());
  if (history.windows.size() >= kLeastWindows) return {};
  return fail(ErrorCode::invalid_argument,
              "a history of " + std::to_string(history.windows.size()) +
                  " windows is too short to learn a false-alarm budget from; " +
                  std::to_string(kLeastWindows) + " are needed");
}

}  // namespace

Result<BudgetModel> fit_budget(std::span<const SeriesSpec> specs, const BudgetHistory& history,
                               const BudgetOptions& options, std::span<const Point> anchors) {
  if (auto sound = check(specs, history, options, anchors); !sound) {
    return std::unexpected(sound.error());
  }
  auto grid = grid_of(history, options.step);
  if (!grid) return std::unexpected(grid.error());

  BudgetModel model;
  model.options = options;
  model.series.resize(specs.size());
  std::vector<Learning> learning(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    model.series[i].spec = specs[i];
    if (!gather(history, *grid, i, options.min_samples, model.series[i], learning[i])) {
      model.series[i].windows = 0;
      continue;
    }
    ++model.watched;
    model.varying += learning[i].varies;
  }
  model.windows = usable_windows(*grid, learning);
  model.scales = scales_for(model.windows);
  model.deepest = deepest_level(static_cast<DurationMs>(model.windows) * options.step);
  if (model.watched == 0) {
    return fail(ErrorCode::invalid_argument, "no series has " + std::to_string(kLeastWindows) +
                                                 " windows of at least " +
                                                 std::to_string(options.min_samples) + " events");
  }
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!is_watched(model.series[i].learnt)) continue;
    learn(*grid, model.deepest, model.series[i], learning[i]);
    model.series[i].make_scan();
  }
  const std::vector<double> maxima = Maxima(model, learning, grid->window.size()).take();
  model.threshold = fit_threshold(maxima, model.looks(), options.budget);
  // Only now: the history was judged by its own means.
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    if (!is_watched(model.series[i].learnt)) continue;
    SeriesModel& series = model.series[i];
    // A spread follows the location of its column.
    const double own = series.spec.kind == SeriesKind::spread
                           ? pooled_spread(learning[i - 1], learning[i])
                           : series.expected.mean;
    move_to(anchors[i], own, series);
    series.make_scan();
  }
  return model;
}

BudgetModel assume_budget(std::span<const SeriesSpec> specs, std::span<const Point> anchors,
                          double events, const BudgetOptions& options) {
  DRIFTD_CHECK(options.budget > 0 && options.min_samples >= 2 && anchors.size() == specs.size());
  BudgetModel model;
  model.options = options;
  model.assumed = true;
  model.scales = kScales;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    SeriesModel& series = model.series.emplace_back();
    series.spec = specs[i];
    const Point& anchor = anchors[i];
    series.learnt = Learnt::too_few_rows;
    if (anchor.n < static_cast<double>(options.min_samples)) continue;
    double mean = anchor.value;
    double level_sd = options.assumed_level_sd;
    if (series.share()) {
      const double share = anchor.value / anchor.n;
      mean = std::clamp(share, kLeastShare, 1 - kLeastShare);
      series.event_variance = variance_of_share(share);
      level_sd *= std::sqrt(series.event_variance);
    } else if (series.spec.kind == SeriesKind::spread) {
      const double mean_square = anchor.value * anchor.value * anchor.value;
      series.learnt = Learnt::no_variance;
      if (mean_square < kLeastMeanSquare) continue;
      series.event_variance = std::max(kLeastVariance, anchor.variance * spread_scale(mean_square));
      level_sd *= kSpreadUnit;
    } else {
      series.event_variance = std::max(kLeastVariance, anchor.variance);
    }
    series.learnt = Learnt::assumed;
    ++model.watched;
    model.varying += !series.share() || (anchor.value > 0 && anchor.value < anchor.n);
    series.expected.mean = mean;
    series.expected.by_hour.fill(mean);
    series.level_variance = level_sd * level_sd;
    series.mean_n = std::max(1.0, events);
    series.anchor_rows = anchor.n;
    series.memory = {
        series.level_variance / (series.level_variance + series.event_variance / series.mean_n),
        kAssumedRho};
    series.filter = steady_filter(series.memory);
    series.make_scan();
  }
  model.threshold = fit_threshold({}, model.looks(), options.budget);
  return model;
}

int fits_due(DurationMs live) {
  int due = 0;
  for (const int days : kLearningDays) due += live >= days * kDay;
  return due;
}

}  // namespace driftd
