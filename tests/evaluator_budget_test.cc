// The false-alarm budget inside the evaluator: a small model on hourly windows whose reference has
// thirty days of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "tests/support/evaluating.h"

namespace driftd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr DurationMs kHour = 3'600'000;
constexpr int kRows = 60;
constexpr int kReferenceHours = 720;
constexpr TimeMs kReferenceBegin = 1'700'000'000'000 / (168 * kHour) * (168 * kHour);
// Live traffic begins here, at a full hour.
constexpr TimeMs kLive = kReferenceBegin + TimeMs{kReferenceHours} * kHour;

// Traffic that is stable but for what `shift` (of `amount`, in standard deviations), `app` (its
// share) and `wrong` (share of wrong predictions) say.
struct Traffic {
  double shift = 0;
  double app = 0.3;
  double wrong = 0.1;
};

class Stream {
 public:
  explicit Stream(unsigned seed) : random_(seed) {}

  [[nodiscard]] FakeMessage row(TimeMs hour, int i, const Traffic& traffic) {
    FakeMessage message;
    message.id = std::to_string(hour) + "/" + std::to_string(i);
    message.ts = hour + i * (kHour / kRows);
    message.amount = std::round(100 * (normal_(random_) + traffic.shift)) / 100;
    message.channel = uniform_(random_) < traffic.app ? "app" : "web";
    message.score = 0.9;
    message.actual = uniform_(random_) < traffic.wrong ? "0" : "1";
    return message;
  }

 private:
  std::mt19937 random_;
  std::normal_distribution<double> normal_;
  std::uniform_real_distribution<double> uniform_;
};

[[nodiscard]] const std::string& reference_rows() {
  static const std::string kText = [] {
    Stream stream(1);
    std::string text = "ts,amount,channel,prediction,actual\n";
    for (int hour = 0; hour < kReferenceHours; ++hour) {
      for (int i = 0; i < kRows; ++i) {
        const FakeMessage m = stream.row(kReferenceBegin + hour * kHour, i, {});
        text += std::to_string(m.ts) + "," + std::to_string(m.amount) + "," + m.channel + "," +
                std::to_string(m.score) + "," + m.actual + "\n";
      }
    }
    return text;
  }();
  return kText;
}

[[nodiscard]] std::function<void(ModelConfig&)> budgeted(
    const std::function<void(ModelConfig&)>& adjust = {}) {
  return [adjust](ModelConfig& model) {
    model.window.size = kHour;
    model.min_samples = 30;
    model.alerts.policy = AlertPolicy::budget;
    model.amend_interval = 0;
    if (adjust) adjust(model);
  };
}

class Budgeted {
 public:
  explicit Budgeted(const std::function<void(ModelConfig&)>& adjust = {}, unsigned seed = 2)
      : model_(budgeted(adjust), true, nullptr, reference_rows()), stream_(seed) {}

  // One hour of predictions and labels; the windows that it ends are closed.
  std::vector<Report> hour(const Traffic& traffic = {}, const std::string& version = "v1") {
    const TimeMs start = kLive + hours_++ * kHour;
    feed(start, traffic, version);
    return model_.close_until(start + kHour);
  }
  void feed(TimeMs start, const Traffic& traffic, const std::string& version) {
    for (int i = 0; i < kRows; ++i) {
      FakeMessage message = stream_.row(start, i, traffic);
      message.version = version;
      message.id += version;
      model_.take(message);
      model_.take(label_of(message.id, message.ts, message.actual));
    }
  }
  std::vector<Report> hours(int count, const Traffic& traffic = {}) {
    std::vector<Report> all;
    for (int i = 0; i < count; ++i) {
      for (Report& report : hour(traffic)) all.push_back(std::move(report));
    }
    return all;
  }
  [[nodiscard]] Evaluating& model() { return model_; }
  [[nodiscard]] TimeMs now() const { return kLive + hours_ * kHour; }
  [[nodiscard]] std::vector<std::string> reasons() const {
    return const_cast<Evaluating&>(model_).health().reasons;
  }

 private:
  Evaluating model_;
  Stream stream_;
  std::int64_t hours_ = 0;
};

TEST(EvaluatorBudget, IsQuietOnStableTrafficAndJudgesNothingElseByDefault) {
  Budgeted live;
  const std::vector<Report> reports = live.hours(48);
  for (const Finding& one : of<Finding>(reports)) {
    EXPECT_NE(one.level, Level::drift) << one.series << " " << one.detector;
    if (one.detector == "ks" || one.detector == "psi") {
      EXPECT_EQ(one.threshold, std::nullopt) << "is for reading";
    }
    EXPECT_EQ(one.baseline.size(), 12U);
  }
  EXPECT_EQ(live.model().health().state, HealthState::healthy);
  const Finding location = finding(reports, "amount", "location").value();
  EXPECT_EQ(location.window.n, kRows);
  EXPECT_GT(location.threshold, 3.0);
  EXPECT_LT(std::abs(*location.statistic), *location.threshold);
  ASSERT_TRUE(location.budget);
  EXPECT_NEAR(location.budget->distance, std::abs(*location.statistic) / *location.threshold,
              1e-12);
  EXPECT_THAT(location.budget->reason, HasSubstr("x the largest distance expected in 30 days"));
}

TEST(EvaluatorBudget, FindsAShiftAndSaysSinceWhenHowLargeAndHowUnusual) {
  Budgeted live;
  live.hours(24);
  std::vector<Report> reports;
  std::optional<Finding> found;
  for (int i = 0; i < 12 && !found; ++i) {
    reports = live.hour({.shift = 0.6});
    found = finding(reports, "amount", "location");
    if (found->level != Level::drift) found.reset();
  }
  ASSERT_TRUE(found) << "0.6 standard deviations are not found in 12 hours";
  const BudgetDetail& detail = *found->budget;
  EXPECT_GT(detail.distance, 1);
  EXPECT_NEAR(detail.effect, 0.6, 0.25);
  EXPECT_NEAR(*detail.shift, 0.6, 0.25);
  EXPECT_EQ(detail.since, live.now() - detail.windows * kHour);
  EXPECT_LT(*found->p_value, 0.05);
  EXPECT_THAT(detail.reason, HasSubstr("standard deviations higher than expected"));
  EXPECT_THAT(live.reasons(), ElementsAre("drift:amount"));

  const auto transitions = of<Transition>(reports);
  ASSERT_EQ(transitions.size(), 1U);
  EXPECT_EQ(transitions[0].performance, ModelPerformance::unaffected);
  EXPECT_THAT(transitions[0].message, HasSubstr("performance is unaffected: accuracy is"));
  ASSERT_FALSE(transitions[0].evidence.empty());
  EXPECT_THAT(transitions[0].evidence[0], HasSubstr("amount is"));
}

TEST(EvaluatorBudget, KeepsSayingWhenALastingShiftBegan) {
  Budgeted live;
  live.hours(24);
  const TimeMs began = live.now();
  live.hours(149, {.shift = 2});
  const Finding location = finding(live.hour({.shift = 2}), "amount", "location").value();
  EXPECT_EQ(location.level, Level::drift);
  EXPECT_EQ(location.budget->since, began) << "further back than the longest scale";
  EXPECT_EQ(location.budget->windows, 150);
  EXPECT_THAT(location.budget->reason, HasSubstr("began about 6.2 days ago"));
}

TEST(EvaluatorBudget, StaysDegradedForTwelveQuietWindowsAndCountsOneAlert) {
  Budgeted live;
  live.hours(24);
  live.hour({.shift = 3});
  EXPECT_EQ(live.model().health().state, HealthState::degraded);
  int drifting = 0;
  int quiet = 0;
  while (live.model().health().state == HealthState::degraded) {
    const bool drifts = std::ranges::any_of(
        of<Finding>(live.hour()), [](const Finding& one) { return one.level == Level::drift; });
    quiet = drifts ? 0 : quiet + 1;
    drifting += drifts;
    ASSERT_LT(drifting, 64) << "one window is no lasting shift";
  }
  EXPECT_EQ(quiet, 12);
  EXPECT_EQ(live.model().evaluator().alerts(), 1U);
}

TEST(EvaluatorBudget, NamesTheShareThatMovedAndTheErrors) {
  Budgeted live;
  live.hours(24);
  std::vector<Report> reports = live.hour({.app = 0.9, .wrong = 0.6});
  const Finding share = finding(reports, "channel", "share").value();
  EXPECT_EQ(share.level, Level::drift);
  EXPECT_THAT(share.budget->of, HasSubstr("category:"));
  EXPECT_TRUE(share.budget->is_share);
  EXPECT_NEAR(std::abs(share.budget->effect), 0.6, 0.15);
  const Finding errors = finding(reports, "errors", "share").value();
  EXPECT_EQ(errors.level, Level::drift);
  EXPECT_THAT(errors.budget->reason, HasSubstr("of the predictions are wrong"));
  EXPECT_THAT(live.reasons(), Contains("drift:channel"));
  EXPECT_THAT(live.reasons(), Contains("low_accuracy"));
  EXPECT_THAT(live.reasons(), Not(Contains("drift:errors")));
  const auto transitions = of<Transition>(reports);
  ASSERT_EQ(transitions.size(), 1U);
  EXPECT_EQ(transitions[0].performance, ModelPerformance::fell);
  EXPECT_THAT(transitions[0].message, HasSubstr("Performance fell: accuracy is"));
  EXPECT_THAT(transitions[0].evidence[0], HasSubstr("wrong"));
}

TEST(EvaluatorBudget, FewerErrorsAreNoAlert) {
  Budgeted live;
  live.hours(24, {.wrong = 0.1});
  live.hours(12, {.wrong = 0});
  EXPECT_THAT(live.reasons(), IsEmpty());
}

TEST(EvaluatorBudget, AlertsOnWhatItIsToldTo) {
  for (const AlertOn on : {AlertOn::drift, AlertOn::performance, AlertOn::both}) {
    Budgeted live([on](ModelConfig& model) { model.alerts.on = on; });
    live.hours(24);
    live.hour({.shift = 3, .wrong = 0.1});
    EXPECT_EQ(live.reasons().empty(), on == AlertOn::performance);
    Budgeted wrong([on](ModelConfig& model) { model.alerts.on = on; });
    wrong.hours(24);
    wrong.hour({.wrong = 0.9});
    EXPECT_EQ(wrong.reasons().empty(), on == AlertOn::drift);
  }
}

TEST(EvaluatorBudget, AShiftBelowTheLeastEffectIsSignificantButNoDrift) {
  Budgeted live([](ModelConfig& model) {
    model.alerts.min_location_effect = 5;
    model.alerts.min_spread_effect = 5;
  });
  live.hours(24);
  const Finding location = finding(live.hour({.shift = 3}), "amount", "location").value();
  EXPECT_GT(location.budget->distance, 1);
  EXPECT_EQ(location.level, Level::stable);
  EXPECT_THAT(location.budget->reason, HasSubstr("too small to matter"));
}

// The newest that was said of each window and series, as numbers that must agree.
using Last = std::map<std::tuple<TimeMs, std::string, std::string>, std::pair<double, Level>>;
void note(Last& last, const std::vector<Report>& reports) {
  for (const Finding& one : of<Finding>(reports)) {
    if (!one.budget) continue;
    last[{one.window.start, one.series, one.detector}] = {*one.statistic, one.level};
  }
}
void expect_equal(const Last& a, const Last& b) {
  ASSERT_EQ(a.size(), b.size());
  for (auto i = a.begin(), j = b.begin(); i != a.end(); ++i, ++j) {
    ASSERT_EQ(i->first, j->first);
    EXPECT_NEAR(i->second.first, j->second.first, 1e-9)
        << std::get<1>(i->first) << " " << std::get<2>(i->first) << ", hour "
        << (std::get<0>(i->first) - kLive) / kHour;
    EXPECT_EQ(i->second.second, j->second.second);
  }
}

TEST(EvaluatorBudget, LateEventsEndInWhatAStraightRunSays) {
  // More than are looked back on, and no amendment is due before the end.
  constexpr int kHours = 200;
  Stream stream(7);
  std::vector<FakeMessage> rows;
  for (int hour = 0; hour < kHours; ++hour) {
    for (int i = 0; i < kRows; ++i)
      rows.push_back(stream.row(kLive + hour * kHour, i, {.shift = hour > 120 ? 0.5 : 0}));
  }
  const auto run = [&](const std::function<bool(std::size_t)>& is_late) {
    Evaluating model(budgeted(), true, nullptr, reference_rows());
    Last last;
    std::vector<FakeMessage> late;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      is_late(i) ? late.push_back(rows[i]) : model.take(rows[i]);
      if ((i + 1) % kRows != 0) continue;
      const TimeMs end = kLive + static_cast<TimeMs>((i + 1) / kRows) * kHour;
      note(last, model.close_until(end));
      // What is late comes 5 hours later.
      std::erase_if(late, [&](const FakeMessage& message) {
        if (message.ts > end - 5 * kHour) return false;
        model.take(message);
        return true;
      });
    }
    for (const FakeMessage& message : late) model.take(message);
    note(last, model.close_until(kLive + kHours * kHour));
    note(last, model.amend(true));
    return last;
  };
  const Last straight = run([](std::size_t) { return false; });
  EXPECT_EQ(straight.size(), kHours * 5U);
  // Not the first row of a window, whose time says whether the first window is whole.
  expect_equal(straight, run([](std::size_t i) { return i % 7 == 3; }));
}

TEST(EvaluatorBudget, ErrorsEndAsTheyDoWhateverTheOrderOfTheLabels) {
  constexpr int kHours = 150;
  Stream stream(17);
  std::vector<FakeMessage> rows;
  for (int hour = 0; hour < kHours; ++hour) {
    for (int i = 0; i < kRows; ++i)
      rows.push_back(stream.row(kLive + hour * kHour, i, {.wrong = hour > 90 ? 0.2 : 0.1}));
  }
  // `delay`: in hours, of the labels of an hour.
  const auto run = [&](const std::function<int(int)>& delay, int hours_per_turn, bool amends) {
    Evaluating model(budgeted(), true, nullptr, reference_rows());
    Last last;
    std::multimap<int, FakeMessage> labels;
    const auto give_labels = [&](int until) {
      while (!labels.empty() && labels.begin()->first <= until) {
        model.take(labels.begin()->second);
        labels.erase(labels.begin());
      }
    };
    for (int hour = 0; hour < kHours; ++hour) {
      for (int i = 0; i < kRows; ++i) {
        const FakeMessage& row =
            rows[static_cast<std::size_t>(hour) * kRows + static_cast<std::size_t>(i)];
        model.take(row);
        labels.emplace(hour + delay(hour), label_of(row.id, row.ts, row.actual));
      }
      give_labels(hour);
      if ((hour + 1) % hours_per_turn != 0) continue;
      note(last, model.close_until(kLive + (hour + 1) * kHour));
      if (amends) note(last, model.amend());
    }
    give_labels(kHours + 1'000);
    note(last, model.close_until(kLive + kHours * kHour));
    note(last, model.amend(true));
    std::erase_if(last, [](const auto& entry) { return std::get<1>(entry.first) != "errors"; });
    return last;
  };
  const Last straight = run([](int) { return 0; }, 1, true);
  ASSERT_EQ(straight.size(), kHours);
  EXPECT_TRUE(std::ranges::any_of(
      straight, [](const auto& entry) { return entry.second.second == Level::drift; }));
  // The first window's last, every third one's later, all of them backwards day by day.
  expect_equal(straight, run([](int hour) { return hour == 0 ? 60 : 1; }, 1, true));
  expect_equal(straight, run([](int hour) { return hour % 3 == 0 ? 40 : 0; }, 7, true));
  expect_equal(straight, run([](int hour) { return 48 - 2 * (hour % 24); }, 1, false));
  // The pace of turns.
  expect_equal(straight, run([](int hour) { return hour % 5; }, 50, true));
}

TEST(EvaluatorBudget, GoesOnAfterARestartAsIfThereHadBeenNone) {
  Budgeted straight({}, 5);
  Budgeted first({}, 5);
  for (int hour = 0; hour < 30; ++hour) {
    straight.hour({.shift = hour > 20 ? 1.0 : 0});
    first.hour({.shift = hour > 20 ? 1.0 : 0});
  }
  std::string bytes;
  ByteWriter out(bytes);
  first.model().evaluator().write_budget({}, out);
  Budgeted second({}, 5);
  ByteReader in(bytes);
  ASSERT_TRUE(second.model().evaluator().read_budget(in, {}));
  EXPECT_TRUE(in.at_end());
  const MonitorState& was = straight.model().evaluator().monitors().at({});
  const MonitorState& is = second.model().evaluator().monitors().at({});
  for (const TimeMs start : {kLive + 25 * kHour, kLive + 29 * kHour}) {
    const WindowVerdict a = was.columns.verdict(start).value();
    const WindowVerdict b = is.columns.verdict(start).value();
    EXPECT_TRUE(a.drifting);
    EXPECT_EQ(a.alerting, b.alerting);
    for (std::size_t i = 0; i < a.series.size(); ++i) EXPECT_EQ(a.series[i].z, b.series[i].z);
  }
  for (std::size_t cut = 0; cut < bytes.size(); cut += 97) {
    ByteReader part(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(Budgeted({}, 5).model().evaluator().read_budget(part, {}));
  }
}

TEST(EvaluatorBudget, JudgesHoppingWindowsOnTheirPanes) {
  const auto hopping = [](ModelConfig& model) {
    model.window.size = 4 * kHour;
    model.window.slide = kHour;
  };
  Budgeted by_panes(hopping, 9);
  Budgeted by_hours({}, 9);
  std::vector<Report> hops;
  std::vector<Report> hours;
  for (int hour = 0; hour < 30; ++hour) {
    const Traffic traffic{.shift = hour >= 20 ? 2.0 : 0};
    for (Report& one : by_panes.hour(traffic)) hops.push_back(std::move(one));
    for (Report& one : by_hours.hour(traffic)) hours.push_back(std::move(one));
  }
  std::map<TimeMs, double> by_end;
  for (const Finding& one : of<Finding>(hours))
    if (one.series == "amount" && one.detector == "location" && one.statistic)
      by_end[one.window.end] = *one.statistic;
  EXPECT_EQ(by_end.size(), 30U);
  std::size_t compared = 0;
  for (const Finding& one : of<Finding>(hops)) {
    if (one.series != "amount" || one.detector != "location" || !one.statistic) continue;
    EXPECT_EQ(one.window.end - one.window.start, 4 * kHour);
    EXPECT_EQ(one.window.n, kRows) << "of the newest pane";
    EXPECT_NEAR(*one.statistic, by_end.at(one.window.end), 1e-9);
    ++compared;
  }
  EXPECT_EQ(compared, 30U);
}

TEST(EvaluatorBudget, VersionsShareOneBudget) {
  Budgeted live;
  const double alone = *finding(live.hours(3), "amount", "location")->threshold;
  live.feed(live.now(), {}, "v2");
  const auto together = live.hour();
  std::set<double> limits;
  for (const Finding& one : of<Finding>(together))
    if (one.detector == "location" && one.series == "amount") limits.insert(*one.threshold);
  ASSERT_EQ(limits.size(), 1U) << "both versions, the first that closes included";
  EXPECT_GT(*limits.begin(), alone);
}

TEST(EvaluatorBudget, AFirstWindowThatIsCutShortIsNotJudged) {
  Evaluating model(budgeted(), true, nullptr, reference_rows());
  Stream stream(3);
  for (int i = kRows / 2; i < kRows; ++i) model.take(stream.row(kLive, i, {.shift = 3}));
  const std::vector<Report> cut = model.close_until(kLive + kHour);
  EXPECT_EQ(finding(cut, "amount", "location")->level, Level::insufficient_data);
  EXPECT_EQ(finding(cut, "amount", "location")->statistic, std::nullopt);
  for (int i = 0; i < kRows; ++i) model.take(stream.row(kLive + kHour, i, {.shift = 3}));
  EXPECT_EQ(finding(model.close_until(kLive + 2 * kHour), "amount", "location")->level,
            Level::drift);
}

TEST(EvaluatorBudget, WithoutTimesNoiseIsAssumedUntilSevenDaysHaveBeenLearnt) {
  std::string rows = "amount,channel\n";
  Stream reference(1);
  for (int i = 0; i < 5'000; ++i) {
    const FakeMessage m = reference.row(0, i, {});
    rows += std::to_string(m.amount) + "," + m.channel + "\n";
  }
  Evaluating model(budgeted(), true, nullptr, rows);
  Stream stream(2);
  const auto hour = [&](int number, const Traffic& traffic) {
    const TimeMs start = kLive + number * kHour;
    for (int i = 0; i < kRows; ++i) model.take(stream.row(start, i, traffic));
    // Older windows are published again when what is assumed is replaced.
    std::vector<Report> reports = model.close_until(start + kHour);
    std::erase_if(reports, [start](const Report& report) {
      const auto* one = std::get_if<Finding>(&report);
      return one == nullptr || one->window.start != start;
    });
    return finding(reports, "amount", "location").value();
  };
  for (int number = 0; number < 24; ++number) EXPECT_NE(hour(number, {}).level, Level::drift);
  const Finding small = hour(24, {.shift = 0.8});
  EXPECT_EQ(small.level, Level::stable) << "less than an assumed noise lets alert";
  EXPECT_THAT(small.budget->reason, HasSubstr("noise is assumed"));
  EXPECT_EQ(hour(25, {.shift = 2}).level, Level::drift);
  int number = 26;
  while (model.evaluator().monitors().at({}).columns.assumed()) {
    ASSERT_LT(number, 240);
    hour(number++, {});
  }
  // Seven days, and the windows of the alert, which are no normal traffic.
  EXPECT_GE(number, 168 + 12);
  EXPECT_EQ(hour(number, {}).level, Level::stable);
  EXPECT_EQ(hour(number + 1, {.shift = 0.9}).level, Level::drift)
      << "of normal traffic it is a lot";
}

TEST(EvaluatorBudget, LearnsFromTheFirstWindowsAndSaysSoUntilThen) {
  const auto learning = [](ModelConfig& model) { model.alerts.learn = 72; };
  // Live traffic lies elsewhere than the reference: that is what is normal here.
  const Traffic normal{.shift = 2, .app = 0.6};
  Budgeted live(learning, 11);
  EXPECT_EQ(live.hour(normal).empty(), false);
  EXPECT_EQ(live.model().health().state, HealthState::learning);
  EXPECT_THAT(live.reasons(), ElementsAre("learning:1/72"));
  live.hours(40, normal);
  std::string bytes;
  ByteWriter out(bytes);
  live.model().evaluator().write_budget({}, out);
  Budgeted other(learning, 11);
  ByteReader in(bytes);
  ASSERT_TRUE(other.model().evaluator().read_budget(in, {}));
  BudgetGroup group;
  group.learn = 72;
  EXPECT_EQ(other.model().evaluator().monitors().at({}).columns.learning(group), 41U);
  live.hours(30, normal);
  EXPECT_EQ(live.model().health().state, HealthState::learning);
  EXPECT_THAT(live.reasons(), ElementsAre("learning:71/72"));
  live.hours(24, normal);
  EXPECT_EQ(live.model().health().state, HealthState::healthy);
  const std::vector<Report> shifted = live.hour({.shift = 3.5, .app = 0.6});
  EXPECT_EQ(finding(shifted, "amount", "location")->level, Level::drift);
  EXPECT_EQ(live.model().health().state, HealthState::degraded);
}

}  // namespace
}  // namespace driftd
