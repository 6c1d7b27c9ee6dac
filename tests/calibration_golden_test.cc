// Golden values: tests/golden/calibration.py, an implementation of docs/false-alarms.md in Python
// that shares no code with ours; its output is tests/golden/calibration.csv. Within 1e-9 of the
// value, or 1e-10 near zero. Its input is made here again, by the same generator.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <numbers>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "detectors/calibration/budget_fit.h"
#include "detectors/calibration/budget_state.h"
#include "detectors/calibration/signed_series.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

using Numbers = std::map<std::string, double>;
constexpr DurationMs kHour = 3'600'000;
constexpr TimeMs kFirst = 1'609'718'400'000;

// SplitMix64; a normal value is the sum of twelve uniform ones less six.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  double uniform() {
    std::uint64_t x = state_ += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1.0p-53;
  }
  double normal() {
    double total = 0;
    for (int i = 0; i < 12; ++i) total += uniform();
    return total - 6;
  }

 private:
  std::uint64_t state_;
};

struct MadeSeries {
  SeriesKind kind;
  double sd, rho, season, share;
};
constexpr std::array<MadeSeries, 7> kSeries = {{{SeriesKind::location, .1, .8, .3, 0},
                                                {SeriesKind::spread, .02, .5, 0, 0},
                                                {SeriesKind::location, 0, 0, 0, 0},
                                                {SeriesKind::location, .3, .9, 0, 0},
                                                {SeriesKind::category, .02, .7, .1, .3},
                                                {SeriesKind::missing, 0, 0, 0, .01},
                                                {SeriesKind::unseen, 0, 0, 0, 0}}};
struct Case {
  const char* name;
  DurationMs step;
  int history, live;
  bool anchored;
};
constexpr std::array<Case, 6> kCases = {{{"hours", kHour, 700, 160, false},
                                         {"days", 24 * kHour, 90, 60, false},
                                         {"five days", kHour, 120, 40, false},
                                         {"count", 0, 60, 40, false},
                                         {"anchored", kHour, 168, 100, true},
                                         {"assumed", kHour, 0, 100, true}}};
const std::vector<Point> kAnchors = {{.02, 1.05, 5000}, {1.01, 2.1, 5000}, {0, .98, 5000},
                                     {.05, 1, 5000},    {1500, 0, 5000},   {40, 0, 5000},
                                     {0, 0, 5000}};

class Monitor {
 public:
  explicit Monitor(std::uint64_t number) {
    for (std::uint64_t i = 0; i < kSeries.size(); ++i) randoms_.emplace_back(1000 * number + i);
  }
  // Nothing where no event came.
  std::optional<std::vector<Point>> window(int t, TimeMs start, bool shifted) {
    const double n = t % 53 == 7 ? 20 : 40 + t * 37 % 361;
    const auto hour = static_cast<double>(start / kHour % 24);
    std::vector<Point> points;
    for (std::size_t i = 0; i < kSeries.size(); ++i) {
      const auto [kind, sd, rho, season, share] = kSeries[i];
      levels_[i] = rho * levels_[i] + std::sqrt(1 - rho * rho) * randoms_[i].normal();
      double level = sd * levels_[i] + season * std::sin(2 * std::numbers::pi * hour / 24);
      const double noise = randoms_[i].normal();
      const double wobble = .2 * (randoms_[i].uniform() - .5);
      if (kind == SeriesKind::location) {
        level += shifted && i == 0 ? .5 : 0;
        points.push_back({level + noise / std::sqrt(n), 1 + wobble, n});
      } else if (kind == SeriesKind::spread) {
        points.push_back({.98 + level + .47 * noise / std::sqrt(n), 2 + wobble, n});
      } else {
        const double p = share * (1 + level) + (shifted && share > 0 ? .05 : 0);
        const double count =
            std::floor(n * p + std::sqrt(std::max(0.0, n * p * (1 - p))) * noise + .5);
        points.push_back({std::min(std::max(count, 0.0), n), 0, n});
      }
    }
    if (t % 97 == 13) return std::nullopt;
    return points;
  }

 private:
  std::vector<Random> randoms_;
  std::array<double, kSeries.size()> levels_{};
};

void scores(Numbers& out) {
  const NumericReference reference = reference_of({0, 0, 1, 2, 2, 2, 3.5, 4, 4, 9});
  const NormalScores table = normal_scores(reference.cumulative);
  const std::vector<std::vector<double>> windows = {
      {0, 1, 2, 3, 4}, {2, 2, 2.5, -7, 30, 9, 3.5}, {1, 1, 1, 1}};
  for (std::size_t i = 0; i < windows.size(); ++i) {
    std::vector<std::uint64_t> counts(reference.index.cells(), 0);
    summary_of(reference, windows[i]).counters.add_to(counts);
    const LocationAndSpread points = location_and_spread(table, counts);
    const std::string name = "scores," + std::to_string(i);
    out[name + " location value"] = points.location.value;
    out[name + " location variance"] = points.location.variance;
    out[name + " spread value"] = points.spread.value;
    out[name + " spread variance"] = points.spread.variance;
  }
}

void describe(const std::string& name, const BudgetModel& model, Numbers& out) {
  for (std::size_t i = 0; i < model.series.size(); ++i) {
    const SeriesModel& one = model.series[i];
    const std::string at = name + "," + std::to_string(i) + " ";
    out[at + "v"] = one.event_variance;
    out[at + "lam2"] = one.level_variance;
    out[at + "kappa"] = one.memory.kappa;
    out[at + "rho"] = one.memory.rho;
    out[at + "K"] = one.filter.gain;
    out[at + "S"] = one.filter.variance;
    out[at + "n_mean"] = one.mean_n;
    for (const int hour : {0, 30, 130}) {
      out[at + "P" + std::to_string(hour)] = one.expected.by_hour[static_cast<std::size_t>(hour)];
    }
    out[at + "d64"] = one.scan.response().back();
  }
  const std::string limit = name + ",threshold ";
  out[limit + "theory"] = model.threshold.theory;
  out[limit + "tail"] = model.threshold.tail;
  out[limit + "low"] = model.threshold.low;
  out[limit + "slope"] = model.threshold.slope;
  out[limit + "episodes"] = model.threshold.episodes;
  out[limit + "value"] = model.threshold.value;
  for (int scale = 0; scale < model.combined.scales; ++scale) {
    const auto at = static_cast<std::size_t>(scale);
    out[name + ",c" + std::to_string(kScaleWindows[at])] = model.combined.mean[at];
  }
  if (model.combined.scales > 0) out[name + ",F"] = model.combined.freedom;
}

void describe(const std::string& at, const WindowVerdict& verdict, bool whole, Numbers& out) {
  out[at + " alerting"] = verdict.alerting ? 1 : 0;
  out[at + " drifting"] = verdict.drifting ? 1 : 0;
  if (verdict.all.z) out[at + " all"] = *verdict.all.z;
  for (std::size_t i = 0; i < verdict.series.size() && whole; ++i) {
    const SeriesVerdict& one = verdict.series[i];
    if (!one.z) continue;
    const std::string series = at + " " + std::to_string(i) + " ";
    out[series + "z"] = *one.z;
    out[series + "w"] = one.began;
    out[series + "effect"] = one.effect;
    out[series + "significant"] = one.significant ? 1 : 0;
  }
}

void run(std::uint64_t number, Numbers& out) {
  const Case& row = kCases[number];
  Monitor monitor(number);
  std::vector<SeriesSpec> specs;
  for (std::uint32_t i = 0; i < kSeries.size(); ++i) specs.push_back({i, kSeries[i].kind, 0});
  BudgetOptions options;
  options.step = row.step;
  options.budget = budget_per_window(1, 720 * kHour, row.step > 0 ? row.step : kHour);
  BudgetHistory history;
  std::optional<BudgetState> state;
  int live = 0;
  for (int t = 0; t < row.history + row.live; ++t) {
    const TimeMs start = kFirst + t * (row.step > 0 ? row.step : kHour);
    const auto points = monitor.window(t, start, t >= row.history + row.live / 2);
    const TimeMs key = row.step > 0 ? start : t;
    if (t < row.history) {
      if (!points) continue;
      history.starts.push_back(key);
      history.windows.push_back(*points);
      continue;
    }
    if (!state) {
      auto model = row.history > 0
                       ? fit_budget(specs, history, options,
                                    row.anchored ? std::span(kAnchors) : std::span<const Point>())
                       : assume_budget(specs, kAnchors, 200, options);
      ASSERT_TRUE(model) << model.error().message;
      describe(row.name, *model, out);
      state.emplace(std::make_shared<const BudgetModel>(std::move(*model)));
    }
    // By count, the numbers of live windows have no gaps.
    const int at = row.step > 0 ? t - row.history : live;
    if (!points) continue;
    ++live;
    describe(std::string(row.name) + "," + std::to_string(at), state->step(key, *points),
             at % 8 == 0, out);
  }
}

Numbers our_numbers() {
  Numbers out;
  scores(out);
  for (std::uint64_t i = 0; i < kCases.size(); ++i) run(i, out);
  return out;
}

Numbers read_numbers(std::istream& in) {
  Numbers out;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t comma = line.rfind(',');
    out[line.substr(0, comma)] = std::stod(line.substr(comma + 1));
  }
  return out;
}

void expect_same(const Numbers& found, const Numbers& wanted) {
  ASSERT_GT(wanted.size(), 2'000U);
  EXPECT_EQ(found.size(), wanted.size());
  for (const auto& [name, value] : wanted) {
    const auto at = found.find(name);
    ASSERT_NE(at, found.end()) << name;
    EXPECT_NEAR(at->second, value, std::max(1e-10, 1e-9 * std::abs(value))) << name;
  }
}

TEST(CalibrationGolden, AgreesWithTheIndependentImplementation) {
  std::ifstream file(DRIFTD_TEST_DATA "/golden/calibration.csv");
  ASSERT_TRUE(file);
  expect_same(our_numbers(), read_numbers(file));
}

TEST(CalibrationGolden, IsWhatTheIndependentImplementationStillPrints) {
  // Python is part of the build's own set-up (it checks the include arrows).
  std::FILE* const pipe = popen(DRIFTD_PYTHON " " DRIFTD_TEST_DATA "/golden/calibration.py", "r");
  ASSERT_NE(pipe, nullptr);
  std::string printed;
  std::array<char, 65'536> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    printed.append(buffer.data(), size);
  }
  ASSERT_EQ(pclose(pipe), 0);
  std::istringstream in(printed);
  expect_same(our_numbers(), read_numbers(in));
}

}  // namespace
}  // namespace driftd
