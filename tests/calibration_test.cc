// What the calibration promises whatever the data are: units and order do not matter, a state goes
// on where it was stored, and a late revision gives what a straight run would have given. The
// numbers themselves are held by calibration_golden_test.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "bench/event_generator.h"
#include "detectors/calibration/budget_fit.h"
#include "detectors/calibration/budget_state.h"
#include "detectors/calibration/normal.h"
#include "detectors/calibration/signed_series.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

constexpr DurationMs kHour = 3'600'000;
constexpr TimeMs kFirst = 1'609'718'400'000;  // a Monday, 00:00 UTC

BudgetOptions hourly() {
  BudgetOptions options;
  options.step = kHour;
  options.budget = budget_per_window(1, 720 * kHour, kHour);
  return options;
}

const std::vector<SeriesSpec> kSpecs = {{0, SeriesKind::location},   {0, SeriesKind::spread},
                                        {0, SeriesKind::missing},    {1, SeriesKind::location},
                                        {1, SeriesKind::spread},     {1, SeriesKind::missing},
                                        {2, SeriesKind::category, 3}};

// Stable points of kSpecs, with a shift of location 0 and of the category where asked for.
class Stream {
 public:
  explicit Stream(std::uint64_t seed) : random_(seed) {}
  std::vector<Point> next(double shift = 0, double n = 200) {
    std::vector<Point> points;
    for (const SeriesSpec& spec : kSpecs) {
      const double noise = random_.normal() / std::sqrt(n);
      switch (spec.kind) {
        case SeriesKind::location:
          points.push_back({noise + (spec.column == 0 ? shift : 0), 1, n});
          break;
        case SeriesKind::spread: points.push_back({1 + 0.47 * noise, 2, n}); break;
        default: {
          const double share = spec.kind == SeriesKind::category ? 0.3 + shift / 10 : 0.01;
          const double sd = std::sqrt(share * (1 - share));
          points.push_back({std::clamp(std::round(n * (share + sd * noise)), 0.0, n), 0, n});
        }
      }
    }
    return points;
  }

 private:
  TrafficRandom random_;
};

BudgetHistory history_of(Stream& stream, int windows) {
  BudgetHistory history;
  for (int t = 0; t < windows; ++t) {
    history.starts.push_back(kFirst + t * kHour);
    history.windows.push_back(stream.next());
  }
  return history;
}

std::shared_ptr<const BudgetModel> model_of(std::uint64_t seed, int windows = 240) {
  Stream stream(seed);
  auto model = fit_budget(kSpecs, history_of(stream, windows), hourly());
  EXPECT_TRUE(model) << model.error().message;
  return std::make_shared<const BudgetModel>(std::move(*model));
}

std::string bytes_of(const auto& stored) {
  std::string bytes;
  ByteWriter out(bytes);
  stored.write(out);
  return bytes;
}

// Every number of a verdict, so that two runs can be compared to the bit.
std::vector<double> numbers_of(const WindowVerdict& verdict) {
  std::vector<double> numbers = {static_cast<double>(verdict.start), double(verdict.judged),
                                 double(verdict.drifting), double(verdict.alerting),
                                 double(verdict.unfamiliar)};
  const auto add = [&](const SeriesVerdict& one) {
    numbers.insert(numbers.end(), {one.z.value_or(-1e9), double(one.began), one.limit, one.p_value,
                                   one.expected, one.effect, double(one.significant)});
  };
  for (const SeriesVerdict& one : verdict.series) add(one);
  add(verdict.all);
  return numbers;
}

TEST(Normal, InvertsItself) {
  for (const double share : {1e-12, 1e-6, 0.025, 0.5, 0.9, 1 - 1e-9}) {
    EXPECT_NEAR(normal_tail(-normal_quantile(share)), share, 1e-14);
  }
  for (const double tail : {1e-40, 1e-12, 0.1}) {
    EXPECT_NEAR(normal_tail(normal_tail_quantile(tail)) / tail, 1, 1e-12);
  }
  EXPECT_EQ(normal_quantile(0), -kInfinity);
  EXPECT_EQ(normal_density(kInfinity), 0);
}

TEST(Season, CountsHoursFromMonday) {
  EXPECT_EQ(hour_of_week(kFirst), 0);
  EXPECT_EQ(hour_of_week(kFirst + 167 * kHour + kHour - 1), 167);
  EXPECT_EQ(hour_of_week(0), 72);  // 1970-01-01 was a Thursday
  EXPECT_EQ(hour_of_week(-1), 71);
}

Reference reference_with(std::vector<std::vector<double>> columns) {
  Reference reference;
  for (auto& column : columns) {
    reference.series.push_back({"", reference_of(std::move(column))});
  }
  return reference;
}

std::vector<SeriesSummary> window_of(const Reference& reference,
                                     const std::vector<std::vector<double>>& columns) {
  std::vector<SeriesSummary> window;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    window.emplace_back(
        summary_of(std::get<NumericReference>(reference.series[i].baseline), columns[i]));
  }
  return window;
}

RC_GTEST_PROP(SignedSeries, ScaleAndShiftOfAColumnChangeNothing, ()) {
  const auto sample = rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(tied_value()));
  const std::vector<double> rows = *sample;
  const std::vector<double> values = *sample;
  // Powers of two and sixteenths, so that no value is rounded.
  const double scale = std::exp2(*rc::gen::inRange(-20, 20));
  const double shift = *tied_value();
  const auto moved = [&](std::vector<double> column) {
    for (double& value : column) value = (value + shift) * scale;
    return column;
  };
  const Reference one = reference_with({rows});
  const Reference other = reference_with({moved(rows)});
  const auto points = SignedSeries(one).points(window_of(one, {values}));
  const auto same = SignedSeries(other).points(window_of(other, {moved(values)}));
  RC_ASSERT(SignedSeries(one).specs() == SignedSeries(other).specs());
  for (std::size_t i = 0; i < points.size(); ++i) {
    RC_ASSERT(points[i].value == same[i].value);
    RC_ASSERT(points[i].variance == same[i].variance);
    RC_ASSERT(points[i].n == same[i].n);
  }
}

RC_GTEST_PROP(SignedSeries, TheReferenceItselfScoresZeroWithTheVarianceOfItsRanks, ()) {
  const auto rows = *rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(tied_value()));
  const Reference reference = reference_with({rows});
  const SignedSeries series(reference);
  if (series.specs().front().kind != SeriesKind::location) return;
  const Point location = series.points_of(reference).front();
  RC_ASSERT(std::abs(location.value) < 1e-12);
  RC_ASSERT(location.variance > 0.0);
  RC_ASSERT(location.variance < 1.0 + 1e-12);
}

TEST(SignedSeries, WatchesAConstantColumnForOtherValues) {
  const Reference reference = reference_with({std::vector<double>(500, 0.25)});
  const SignedSeries series(reference);
  EXPECT_EQ(series.specs(),
            (std::vector<SeriesSpec>{{0, SeriesKind::unseen}, {0, SeriesKind::missing}}));
  const auto points =
      series.points(window_of(reference, {{0.25, 0.25, 7, -kInfinity, missing_number()}}));
  EXPECT_EQ(points[0].value, 2);
  EXPECT_EQ(points[0].n, 4);
  EXPECT_EQ(points[1].value, 1);
  EXPECT_EQ(points[1].n, 5);
}

TEST(SignedSeries, HasNoSpreadWhereItIsAFunctionOfLocation) {
  std::vector<double> coin(1'000);
  for (std::size_t i = 0; i < coin.size(); ++i) coin[i] = static_cast<double>(i % 2);
  EXPECT_EQ(SignedSeries(reference_with({coin})).specs(),
            (std::vector<SeriesSpec>{{0, SeriesKind::location}, {0, SeriesKind::missing}}));
}

TEST(SignedSeries, CountsCategoriesUnseenAndMissing) {
  Reference reference;
  reference.series.push_back({"", reference_of(std::vector<std::string>{"a", "b", "b"})});
  const SignedSeries series(reference);
  CategorySummary summary(2);
  summary.counters.add(1, 5);
  summary.unseen.add("c", 2);
  summary.missing = 1;
  summary.wrong_type = 2;
  const auto points = series.points(std::vector<SeriesSummary>{summary});
  ASSERT_EQ(points.size(), 4U);
  EXPECT_EQ(points[0].value, 0);
  EXPECT_EQ(points[1].value, 5);
  EXPECT_EQ(points[1].n, 7);
  EXPECT_EQ(points[2].value, 2);
  EXPECT_EQ(points[3].value, 3);
  EXPECT_EQ(points[3].n, 10);
}

TEST(SignedSeries, PutsRareCategoriesBeyondTheLimitTogether) {
  std::vector<std::string> rows;
  for (int i = 0; i < 100; ++i) rows.insert(rows.end(), i < 70 ? 2 : 1, "c" + std::to_string(i));
  Reference reference;
  reference.series.push_back({"", reference_of(rows)});
  const SignedSeries series(reference);
  ASSERT_EQ(series.specs().size(), kMaxCategorySeries + 3);
  EXPECT_EQ(series.specs()[kMaxCategorySeries].category, kOtherCategories);
  const auto points = series.points_of(reference);
  double sum = 0;
  for (std::size_t i = 0; i <= kMaxCategorySeries; ++i) sum += points[i].value;
  EXPECT_EQ(sum, static_cast<double>(rows.size()));
  EXPECT_EQ(points[kMaxCategorySeries].value, 6 * 2 + 30);
}

TEST(SignedSeries, TellsAShiftInTheColumnsOwnUnit) {
  TrafficRandom random(3);
  std::vector<double> rows(20'000);
  for (double& row : rows) row = 100 + 15 * random.normal();
  const NumericReference reference = reference_of(rows);
  EXPECT_NEAR(shift_in_own_unit(reference, 0, 0.5), 7.5, 0.5);
  EXPECT_NEAR(shift_in_own_unit(reference, 0.5, -0.5), -7.5, 0.5);
  EXPECT_EQ(shift_in_own_unit(reference, 0, 0), 0);
}

TEST(Budget, IsDividedAmongMonitorsAndFollowsTheWindow) {
  EXPECT_DOUBLE_EQ(budget_per_window(1, 720 * kHour, kHour), 1.0 / 720);
  EXPECT_DOUBLE_EQ(budget_per_window(2, 720 * kHour, 24 * kHour, 4), 1.0 / 60);
}

TEST(BudgetFit, DoesNotDependOnTheOrderOfColumns) {
  Stream stream(11);
  const BudgetHistory history = history_of(stream, 300);
  // Columns turned round; a spread stays behind its location.
  const std::vector<std::size_t> order = {6, 3, 4, 5, 0, 1, 2};
  std::vector<SeriesSpec> specs;
  for (const std::size_t i : order) specs.push_back(kSpecs[i]);
  const auto turned = [&](const std::vector<Point>& points) {
    std::vector<Point> out;
    for (const std::size_t i : order) out.push_back(points[i]);
    return out;
  };
  BudgetHistory other = history;
  for (auto& window : other.windows) window = turned(window);

  auto straight = std::make_shared<const BudgetModel>(*fit_budget(kSpecs, history, hourly()));
  auto round = std::make_shared<const BudgetModel>(*fit_budget(specs, other, hourly()));
  EXPECT_NEAR(straight->threshold.value, round->threshold.value, 1e-9);
  EXPECT_NEAR(straight->combined.freedom, round->combined.freedom, 1e-9);
  BudgetState one(straight);
  BudgetState two(round);
  for (int t = 300; t < 400; ++t) {
    const auto points = stream.next(t < 350 ? 0 : 0.4);
    const WindowVerdict a = one.step(kFirst + t * kHour, points);
    const WindowVerdict b = two.step(kFirst + t * kHour, turned(points));
    ASSERT_EQ(a.alerting, b.alerting);
    for (std::size_t i = 0; i < order.size(); ++i) {
      ASSERT_NEAR(*a.series[order[i]].z, *b.series[i].z, 1e-9);
    }
  }
}

TEST(BudgetFit, FindsSeasonsOnlyWhereTheyAre) {
  Stream stream(5);
  BudgetHistory history = history_of(stream, 720);
  for (std::size_t t = 0; t < history.windows.size(); ++t) {
    history.windows[t][0].value += 0.3 * std::sin(static_cast<double>(t % 24) / 24 * 6.2832);
  }
  const auto model = fit_budget(kSpecs, history, hourly());
  ASSERT_TRUE(model);
  EXPECT_EQ(model->deepest, SeasonLevel::hour_of_week);
  const auto day = static_cast<std::size_t>(SeasonLevel::hour_of_day);
  EXPECT_NEAR(model->series[0].expected.season_sd[day], 0.3 / std::sqrt(2.0), 0.05);
  EXPECT_LT(model->series[3].expected.season_sd[day], 0.02);
  EXPECT_NEAR(model->series[0].expected_at(kFirst + 6 * kHour), 0.3, 0.06);
  EXPECT_TRUE(limitations(*model).empty());
}

TEST(BudgetFit, SaysWhatItCouldNotLearn) {
  Stream stream(6);
  const auto five_days = fit_budget(kSpecs, history_of(stream, 120), hourly());
  ASSERT_TRUE(five_days);
  EXPECT_EQ(five_days->scales, 4);
  const std::vector<std::string> said = limitations(*five_days);
  ASSERT_GE(said.size(), 2U);
  EXPECT_NE(said[0].find("only the hour of the day"), std::string::npos);
  EXPECT_NE(said[1].find("at most 8 windows"), std::string::npos);

  BudgetHistory few = history_of(stream, 40);
  for (auto& window : few.windows) window[6].n = 5;
  const auto partly = fit_budget(kSpecs, few, hourly());
  ASSERT_TRUE(partly);
  EXPECT_EQ(partly->series[6].learnt, Learnt::too_few_windows);
  EXPECT_NE(limitations(*partly).back().find("1 series had too few"), std::string::npos);
}

TEST(BudgetFit, RefusesAHistoryThatIsNone) {
  Stream stream(7);
  const auto short_one = fit_budget(kSpecs, history_of(stream, 9), hourly());
  ASSERT_FALSE(short_one);
  EXPECT_NE(short_one.error().message.find("9 windows"), std::string::npos);
  BudgetHistory uneven = history_of(stream, 20);
  uneven.starts[7] += 1;
  EXPECT_FALSE(fit_budget(kSpecs, uneven, hourly()));
  BudgetHistory empty = history_of(stream, 20);
  for (auto& window : empty.windows) {
    for (Point& point : window) point.n = 3;
  }
  EXPECT_FALSE(fit_budget(kSpecs, empty, hourly()));
}

TEST(BudgetModel, ReadsWhatItWroteAndRefusesLess) {
  const auto model = model_of(21);
  const std::string bytes = bytes_of(*model);
  BudgetModel read;
  ByteReader in(bytes);
  ASSERT_TRUE(BudgetModel::read(in, read));
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(bytes_of(read), bytes);
  EXPECT_EQ(read.watched, model->watched);
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    ByteReader cut(std::string_view(bytes).substr(0, size));
    BudgetModel refused;
    EXPECT_FALSE(BudgetModel::read(cut, refused)) << size;
  }
}

TEST(BudgetState, FindsAShiftAndSaysSinceWhenAndHowLarge) {
  const auto model = model_of(31, 720);
  BudgetState state(model);
  Stream stream(32);
  WindowVerdict verdict;
  for (int t = 0; t < 200; ++t) verdict = state.step(kFirst + t * kHour, stream.next());
  EXPECT_FALSE(verdict.alerting);
  for (int t = 200; t < 216; ++t) verdict = state.step(kFirst + t * kHour, stream.next(0.3));
  EXPECT_TRUE(verdict.alerting);
  const SeriesVerdict& location = verdict.series[0];
  EXPECT_TRUE(location.significant);
  EXPECT_EQ(location.began, 16);
  EXPECT_NEAR(location.effect, 0.3, 0.08);
  EXPECT_LT(location.p_value, 1e-6);
  EXPECT_NEAR(location.limit, model->threshold.limit(), 0);
  EXPECT_FALSE(verdict.series[3].significant);
  EXPECT_FALSE(verdict.unfamiliar);
}

TEST(BudgetState, AsksForAnEffectBesideSignificance) {
  Stream history_stream(41);
  BudgetHistory history;
  for (int t = 0; t < 240; ++t) {
    history.starts.push_back(kFirst + t * kHour);
    history.windows.push_back(history_stream.next(0, 10'000'000));
  }
  const auto model = std::make_shared<const BudgetModel>(*fit_budget(kSpecs, history, hourly()));
  BudgetState state(model);
  WindowVerdict verdict;
  for (int t = 0; t < 20; ++t) {
    verdict = state.step(kFirst + t * kHour, history_stream.next(0.02, 10'000'000));
  }
  EXPECT_GT(*verdict.series[0].z, 2 * verdict.series[0].limit);
  EXPECT_FALSE(verdict.series[0].significant);
}

TEST(BudgetState, IsHealthyAgainAfterTwelveWindowsWithoutDrift) {
  BudgetState state(model_of(51, 120));
  Stream stream(52);
  int t = 0;
  for (; t < 20; ++t) static_cast<void>(state.step(kFirst + t * kHour, stream.next()));
  ASSERT_TRUE(state.step(kFirst + t++ * kHour, stream.next(3)).alerting);
  int since_drift = 0;
  bool alerting = true;
  for (; alerting && t < 200; ++t) {
    const WindowVerdict verdict = state.step(kFirst + t * kHour, stream.next());
    since_drift = verdict.drifting ? 0 : since_drift + 1;
    alerting = verdict.alerting;
    ASSERT_EQ(alerting, since_drift < kQuietWindows);
  }
  EXPECT_FALSE(alerting);
}

TEST(BudgetState, DoesNotHealWhileNothingIsSeen) {
  BudgetState state(model_of(61, 120));
  Stream stream(62);
  for (int t = 0; t < 20; ++t) static_cast<void>(state.step(kFirst + t * kHour, stream.next()));
  ASSERT_TRUE(state.step(kFirst + 20 * kHour, stream.next(3)).alerting);
  for (int t = 21; t < 60; ++t) {
    const WindowVerdict verdict = state.step(kFirst + t * kHour, stream.next(0, 5));
    ASSERT_FALSE(verdict.judged);
    ASSERT_FALSE(verdict.series[0].z);
    ASSERT_FALSE(verdict.drifting);
    ASSERT_TRUE(verdict.alerting);
  }
}

TEST(BudgetState, FillsTheWindowsInWhichNoEventCame) {
  const auto model = model_of(71);
  BudgetState jumping(model);
  BudgetState walking(model);
  Stream stream(72);
  const std::vector<Point> nothing(kSpecs.size());
  for (int t = 0; t < 300; ++t) {
    const auto points = stream.next();
    // Gaps of 0 to 4 windows, and one of 100.
    const bool empty = t % 23 < t / 60 || (t > 150 && t < 250);
    const WindowVerdict walked = walking.step(kFirst + t * kHour, empty ? nothing : points);
    if (empty) continue;
    const WindowVerdict jumped = jumping.step(kFirst + t * kHour, points);
    if (t >= 5) {
      ASSERT_EQ(numbers_of(jumped), numbers_of(walked)) << t;
    }
  }
}

TEST(BudgetState, ForgetsEverythingOverALongGap) {
  const auto model = model_of(81);
  Stream stream(82);
  BudgetState state(model);
  for (int t = 0; t < 100; ++t) static_cast<void>(state.step(kFirst + t * kHour, stream.next(0.1)));
  const auto points = stream.next();
  const WindowVerdict after = state.step(kFirst + 100'000 * kHour, points);
  const WindowVerdict fresh = BudgetState(model).step(kFirst + 100'000 * kHour, points);
  for (std::size_t i = 0; i < kSpecs.size(); ++i) {
    EXPECT_NEAR(*after.series[i].z, *fresh.series[i].z, 1e-9);
  }
}

TEST(BudgetState, GoesOnAfterEveryWindowAsIfItHadNotBeenStored) {
  const auto model = model_of(91);
  BudgetState straight(model);
  Stream stream(92);
  std::string stored = bytes_of(straight);
  for (int t = 0; t < 300; ++t) {
    BudgetState restored(model);
    ByteReader in(stored);
    ASSERT_TRUE(restored.read(in));
    ASSERT_TRUE(in.at_end());
    const auto points = stream.next(t > 140 && t < 180 ? 0.5 : 0, t % 19 == 3 ? 10 : 200);
    if (t % 31 == 5) continue;
    const TimeMs start = kFirst + t * kHour;
    ASSERT_EQ(numbers_of(restored.step(start, points)), numbers_of(straight.step(start, points)));
    stored = bytes_of(straight);
    ASSERT_EQ(bytes_of(restored), stored);
  }
}

TEST(BudgetState, RefusesDamagedBytes) {
  const auto model = model_of(93);
  BudgetState state(model);
  Stream stream(94);
  for (int t = 0; t < 70; ++t) static_cast<void>(state.step(kFirst + t * kHour, stream.next()));
  const std::string bytes = bytes_of(state);
  for (std::size_t size = 0; size < bytes.size(); size += 11) {
    BudgetState other(model);
    ByteReader in(std::string_view(bytes).substr(0, size));
    EXPECT_FALSE(other.read(in)) << size;
    EXPECT_FALSE(other.newest());
  }
}

TEST(BudgetState, ARevisionGivesWhatAStraightRunWouldHaveGiven) {
  const auto model = model_of(101);
  for (const int late : {0, 1, 17, 63}) {
    Stream stream(102);
    std::vector<std::vector<Point>> windows;
    for (int t = 0; t < 200; ++t) windows.push_back(stream.next(t > 150 ? 0.5 : 0));
    Stream other(103);
    for (const int newest : {40, 70, 199}) {
      const int revised = newest - late;
      if (revised < 0) continue;
      const auto points = other.next(0.8, 300);
      BudgetState revising(model);
      for (int t = 0; t <= newest; ++t) {
        static_cast<void>(revising.step(kFirst + t * kHour, windows[static_cast<std::size_t>(t)]));
      }
      const auto verdicts = revising.revise(kFirst + revised * kHour, points);
      ASSERT_EQ(verdicts.size(), static_cast<std::size_t>(late) + 1);
      BudgetState straight(model);
      for (int t = 0; t <= newest; ++t) {
        const auto& used = t == revised ? points : windows[static_cast<std::size_t>(t)];
        const WindowVerdict verdict = straight.step(kFirst + t * kHour, used);
        if (t < revised) continue;
        ASSERT_EQ(numbers_of(verdicts[static_cast<std::size_t>(t - revised)]), numbers_of(verdict));
      }
      ASSERT_EQ(bytes_of(revising), bytes_of(straight));
    }
  }
}

TEST(BudgetState, RefusesARevisionThatComesTooLate) {
  const auto model = model_of(111);
  BudgetState state(model);
  Stream stream(112);
  for (int t = 0; t < 100; ++t) static_cast<void>(state.step(kFirst + t * kHour, stream.next()));
  const std::string before = bytes_of(state);
  EXPECT_TRUE(state.revise(kFirst + 35 * kHour, stream.next()).empty());
  EXPECT_TRUE(state.revise(kFirst + 100 * kHour, stream.next()).empty());
  EXPECT_TRUE(state.revise(kFirst + 90 * kHour + 1, stream.next()).empty());
  EXPECT_EQ(bytes_of(state), before);
  EXPECT_EQ(state.revise(kFirst + 36 * kHour, stream.next()).size(), 64U);
}

TEST(BudgetState, AWindowThatWasLeftOutIsTakenAsIfAllHadComeInOrder) {
  BudgetModel by_time = *model_of(121);
  BudgetModel by_count = by_time;
  by_count.options.step = 0;
  for (const BudgetModel& model : {by_time, by_count}) {
    const auto shared = std::make_shared<const BudgetModel>(model);
    Stream stream(122);
    std::vector<std::vector<Point>> windows;
    for (int t = 0; t < 64; ++t) windows.push_back(stream.next(t > 40 ? 0.5 : 0));
    BudgetState straight(shared);
    for (int t = 0; t < 64; ++t)
      static_cast<void>(straight.step(kFirst + t * kHour, windows[static_cast<std::size_t>(t)]));
    const auto gives = [&](const std::set<int>& left_out) {
      BudgetState state(shared);
      for (int t = 0; t < 64; ++t) {
        if (left_out.contains(t)) continue;
        static_cast<void>(state.step(kFirst + t * kHour, windows[static_cast<std::size_t>(t)]));
      }
      for (const int t : left_out) {
        EXPECT_EQ(state.revise(kFirst + t * kHour, windows[static_cast<std::size_t>(t)]).empty(),
                  false)
            << t;
      }
      return bytes_of(state);
    };
    EXPECT_EQ(gives({0}), bytes_of(straight));
    EXPECT_EQ(gives({17}), bytes_of(straight));
    EXPECT_EQ(gives({0, 1, 2, 30, 31, 62}), bytes_of(straight));
  }
}

TEST(BudgetState, RefusesAWindowThatWasLeftOutTooLongAgo) {
  BudgetModel by_count = *model_of(131);
  by_count.options.step = 0;
  BudgetState state(std::make_shared<const BudgetModel>(by_count));
  Stream stream(132);
  for (int t = 0; t < 200; ++t) {
    if (t != 120 && t != 136 && t != 140) static_cast<void>(state.step(kFirst + t, stream.next()));
  }
  EXPECT_TRUE(state.revise(kFirst + 120, stream.next()).empty());
  EXPECT_EQ(state.revise(kFirst + 140, stream.next()).size(), 60U);
  EXPECT_EQ(state.revise(kFirst + 136, stream.next()).size(), 64U);
}

TEST(BudgetState, AsksForMuchWhileItIsLearning) {
  const std::vector<Point> anchors = {{0, 1, 5'000},    {1, 2, 5'000}, {50, 0, 5'000},
                                      {0, 1, 5'000},    {1, 2, 5'000}, {50, 0, 5'000},
                                      {1'500, 0, 5'000}};
  const auto model =
      std::make_shared<const BudgetModel>(assume_budget(kSpecs, anchors, 200, hourly()));
  EXPECT_EQ(limitations(*model).size(), 1U);
  BudgetState state(model);
  Stream stream(121);
  bool alerted = false;
  for (int t = 0; t < 100; ++t) {
    alerted = alerted || state.step(kFirst + t * kHour, stream.next(t < 50 ? 0 : 0.35)).alerting;
  }
  EXPECT_FALSE(alerted);
  WindowVerdict verdict;
  for (int t = 100; t < 103; ++t) verdict = state.step(kFirst + t * kHour, stream.next(1.3));
  EXPECT_TRUE(verdict.series[0].significant);
  EXPECT_EQ(fits_due(6 * 24 * kHour), 0);
  EXPECT_EQ(fits_due(7 * 24 * kHour), 1);
  EXPECT_EQ(fits_due(100 * 24 * kHour), 3);
}

TEST(BudgetState, JudgesWhatItKeepsByAModelThatItAdopts) {
  const auto old_model = model_of(131);
  BudgetState state(old_model);
  Stream stream(132);
  WindowVerdict verdict;
  for (int t = 0; t < 100; ++t) {
    verdict = state.step(kFirst + t * kHour, stream.next(t < 80 ? 0 : 1));
  }
  ASSERT_TRUE(verdict.alerting);
  // A baseline of the shifted traffic.
  Stream shifted(133);
  BudgetHistory history;
  for (int t = 0; t < 240; ++t) {
    history.starts.push_back(kFirst + t * kHour);
    history.windows.push_back(shifted.next(1));
  }
  state.adopt(std::make_shared<const BudgetModel>(*fit_budget(kSpecs, history, hourly())), true);
  verdict = state.step(kFirst + 100 * kHour, stream.next(1));
  EXPECT_NEAR(verdict.series[0].expected, 1, 0.1);
  EXPECT_NEAR(*verdict.series[0].z, 0, 5);
}

TEST(BudgetState, ToldWanderingTrafficFromDriftByItsTwoDirections) {
  const auto model = model_of(141, 720);
  BudgetState wandering(model);
  BudgetState drifting(model);
  Stream stream(142);
  WindowVerdict one;
  WindowVerdict other;
  for (int t = 0; t < 400; ++t) {
    auto points = stream.next();
    auto same = points;
    const double level = std::sin(t * 0.05);
    points[0].value += level;
    points[3].value += level;
    same[0].value += 0.5;
    same[3].value += 0.5;
    one = wandering.step(kFirst + t * kHour, points);
    other = drifting.step(kFirst + t * kHour, same);
  }
  EXPECT_TRUE(one.alerting);
  EXPECT_TRUE(one.unfamiliar);
  EXPECT_TRUE(other.alerting);
  EXPECT_FALSE(other.unfamiliar);
}

}  // namespace
}  // namespace driftd
