// What the status page can still see of the past, and what it costs at most.
#include "daemon/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

namespace driftd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const MonitorName kMonitor{.model = "fraud", .version = "v1"};
constexpr TimeMs kHour = 3'600'000;

WindowName hour(std::int64_t index, std::int32_t revision = 0, std::int64_t n = 100) {
  return {.index = index,
          .start = index * kHour,
          .end = (index + 1) * kHour,
          .n = n,
          .revision = revision};
}

Finding finding(const WindowName& window, double statistic = 0.1, std::string series = "amount") {
  return {.monitor = kMonitor,
          .series = std::move(series),
          .detector = "ks",
          .window = window,
          .statistic = statistic,
          .p_value = std::nullopt,
          .threshold = 0.2,
          .level = Level::stable};
}

MetricValue metric(const WindowName& window, double value, std::int64_t labelled = 50) {
  return {.monitor = kMonitor,
          .metric = "accuracy",
          .window = window,
          .value = value,
          .low = std::nullopt,
          .high = std::nullopt,
          .labelled = labelled,
          .coverage = 0.5,
          .level = Level::stable};
}

std::vector<FindingPoint> points(const History& history, const std::string& series = "amount") {
  const auto detail = history.detail(kMonitor);
  return detail && detail->series.contains({series, "ks"}) ? detail->series.at({series, "ks"})
                                                           : std::vector<FindingPoint>{};
}

std::vector<std::int64_t> indices(const std::vector<FindingPoint>& points) {
  std::vector<std::int64_t> result;
  for (const FindingPoint& point : points) result.push_back(point.index);
  return result;
}

TEST(History, KnowsNothingAtFirst) {
  const History history;
  EXPECT_THAT(history.monitors(), IsEmpty());
  EXPECT_THAT(history.health(), IsEmpty());
  EXPECT_FALSE(history.detail(kMonitor));
  EXPECT_EQ(history.totals().predictions, 0u);
}

TEST(History, KeepsWhatAFindingSays) {
  History history;
  history.observe(finding(hour(3, 2, 77), 0.25));
  ASSERT_THAT(points(history), SizeIs(1));
  const FindingPoint point = points(history)[0];
  EXPECT_EQ(point.index, 3);
  EXPECT_EQ(point.start, 3 * kHour);
  EXPECT_EQ(point.end, 4 * kHour);
  EXPECT_EQ(point.n, 77);
  EXPECT_EQ(point.revision, 2);
  EXPECT_EQ(point.statistic, 0.25);
  EXPECT_TRUE(std::isnan(point.p_value));
  EXPECT_EQ(point.threshold, 0.2);
  EXPECT_EQ(point.level, Level::stable);
}

TEST(History, AThresholdOnThePValueIsNotToldAsOneOnTheStatistic) {
  History history;
  Finding judged_by_p_value = finding(hour(1));
  judged_by_p_value.threshold_on_p_value = true;
  history.observe(judged_by_p_value);
  EXPECT_TRUE(std::isnan(points(history).at(0).threshold));
}

TEST(History, PointsAreInTheOrderOfTheirWindows) {
  History history;
  for (const int index : {5, 1, 3, 2, 4}) history.observe(finding(hour(index)));
  EXPECT_THAT(indices(points(history)), ElementsAre(1, 2, 3, 4, 5));
}

TEST(History, WindowsByCountMayEndAtTheSameTime) {
  History history;
  for (const int index : {1, 0, 2})
    history.observe(finding({.index = index, .start = 10, .end = 20, .n = 5}));
  EXPECT_THAT(indices(points(history)), ElementsAre(0, 1, 2));
  EXPECT_EQ(history.monitors()[0].last_window->index, 2);
}

TEST(History, ALaterRevisionReplacesAPointAndAnEarlierOneDoesNot) {
  History history;
  history.observe(finding(hour(1, 0), 0.1));
  history.observe(finding(hour(2, 0), 0.2));
  history.observe(finding(hour(1, 2), 0.3));
  history.observe(finding(hour(1, 1), 0.4));
  ASSERT_THAT(points(history), SizeIs(2));
  EXPECT_EQ(points(history)[0].statistic, 0.3);
  EXPECT_EQ(points(history)[0].revision, 2);
}

TEST(History, KeepsTheLatestWindowsOfASeries) {
  History history;
  const auto limit = static_cast<std::int64_t>(History::kMaxPoints);
  for (std::int64_t i = 0; i < limit + 10; ++i) history.observe(finding(hour(2 * i)));
  ASSERT_THAT(points(history), SizeIs(History::kMaxPoints));
  EXPECT_EQ(points(history).front().index, 20);
  history.observe(finding(hour(1)));  // older than all that is kept
  EXPECT_EQ(points(history).front().index, 20);
  history.observe(finding(hour(23)));  // between two others: the oldest makes way
  ASSERT_THAT(points(history), SizeIs(History::kMaxPoints));
  EXPECT_EQ(points(history)[0].index, 22);
  EXPECT_EQ(points(history)[1].index, 23);
  EXPECT_EQ(points(history)[2].index, 24);
  EXPECT_EQ(points(history).back().index, 2 * (limit + 9));
}

TEST(History, CountsWhatGoesBeyondTheNumberOfSeries) {
  History history;
  for (std::size_t i = 0; i < History::kMaxSeries; ++i)
    history.observe(finding(hour(1), 0.1, std::to_string(i)));
  EXPECT_EQ(history.dropped(), 0u);
  history.observe(finding(hour(1), 0.1, "one more"));
  history.observe(metric(hour(1), 0.9));
  EXPECT_EQ(history.dropped(), 2u);
  EXPECT_THAT(points(history, "one more"), IsEmpty());
  history.observe(finding(hour(2), 0.1, "0"));  // a series that is kept goes on
  EXPECT_EQ(history.dropped(), 2u);
}

TEST(History, AnAnswerStaysSmallWhereAMonitorHasVeryManySeries) {
  History history;
  const std::size_t series = History::kMaxAnswerPoints / 10;
  for (std::size_t i = 0; i < series; ++i) {
    for (int index = 0; index < 15; ++index)
      history.observe(finding(hour(index), 0.1, std::to_string(i)));
  }
  const auto detail = history.detail(kMonitor);
  ASSERT_THAT(detail->series, SizeIs(series));
  EXPECT_THAT(indices(detail->series.at({"7", "ks"})),
              ElementsAre(5, 6, 7, 8, 9, 10, 11, 12, 13, 14));
}

TEST(History, CountsWhatGoesBeyondTheNumberOfMonitors) {
  History history;
  for (std::size_t i = 0; i <= History::kMaxMonitors; ++i) {
    history.set_monitor({.model = "fraud", .version = std::to_string(i)}, HealthState::healthy, {},
                        1, {});
  }
  EXPECT_THAT(history.health(), SizeIs(History::kMaxMonitors));
  EXPECT_EQ(history.dropped(), 1u);
}

TEST(History, ALastWindowIsTheOneWithTheGreatestEndAndHasTheMostEvents) {
  History history;
  history.observe(finding(hour(1, 0, 90)));
  history.observe(finding(hour(2, 0, 80)));
  history.observe(metric(hour(2, 0, 85), 0.9));
  history.observe(finding(hour(2, 0, 70), 0.1, "other"));
  history.observe(finding(hour(1, 1, 500)));  // amended last, but not the last window
  const MonitorStatus status = history.monitors().at(0);
  ASSERT_TRUE(status.last_window);
  EXPECT_EQ(status.last_window->index, 2);
  EXPECT_EQ(status.last_window->start, 2 * kHour);
  EXPECT_EQ(status.last_window->end, 3 * kHour);
  EXPECT_EQ(status.last_window->n, 85);
  EXPECT_EQ(status.windows, 2u);
}

TEST(History, AMetricIsToldByItsLastWindow) {
  History history;
  history.observe(metric(hour(2, 0), 0.9));
  history.observe(metric(hour(1, 3), 0.5));
  const MonitorStatus status = history.monitors().at(0);
  ASSERT_TRUE(status.metrics.contains("accuracy"));
  EXPECT_EQ(status.metrics.at("accuracy").value, 0.9);
  EXPECT_EQ(status.metrics.at("accuracy").coverage(), 0.5);
  EXPECT_TRUE(std::isnan(MetricPoint{}.coverage()));
}

TEST(History, HealthIsWhatWasSetAndNotWhatATransitionSays) {
  History history;
  history.set_monitor(kMonitor, HealthState::degraded, {"drift:amount"}, 1'000, {"amount"});
  history.observe(Transition{.monitor = kMonitor,
                             .at = 500,
                             .from = HealthState::unknown,
                             .to = HealthState::healthy,
                             .reasons = {}});
  const MonitorStatus status = history.monitors().at(0);
  EXPECT_EQ(status.health.state, HealthState::degraded);
  EXPECT_THAT(status.health.reasons, ElementsAre("drift:amount"));
  EXPECT_EQ(status.health.since, 1'000);
  EXPECT_THAT(status.health.drifting, ElementsAre("amount"));
  EXPECT_EQ(history.health().at(0).second.state, HealthState::degraded);
  EXPECT_EQ(status.windows, 0u);
  EXPECT_FALSE(status.last_window);
}

TEST(History, TransitionsAreInOrderOnceAndBounded) {
  History history;
  const auto at = [](TimeMs time) {
    return Transition{.monitor = kMonitor,
                      .at = time,
                      .from = HealthState::healthy,
                      .to = HealthState::degraded,
                      .reasons = {"low_accuracy"}};
  };
  for (const TimeMs time : {300, 100, 200, 100}) history.observe(at(time));
  auto transitions = history.detail(kMonitor)->transitions;
  ASSERT_THAT(transitions, SizeIs(3));
  EXPECT_EQ(transitions[0].at, 100);
  EXPECT_EQ(transitions[2].at, 300);
  for (TimeMs time = 1'000; time < 1'000 + 2 * static_cast<TimeMs>(History::kMaxTransitions);
       ++time) {
    history.observe(at(time));
  }
  transitions = history.detail(kMonitor)->transitions;
  ASSERT_THAT(transitions, SizeIs(History::kMaxTransitions));
  EXPECT_EQ(transitions.front().at, 1'000 + static_cast<TimeMs>(History::kMaxTransitions));
}

TEST(History, MayBeWrittenAndReadByManyThreads) {
  History history;
  std::vector<std::jthread> threads;
  for (int writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&history, writer] {
      for (int i = 0; i < 500; ++i) history.observe(finding(hour(i), 0.1, std::to_string(writer)));
    });
  }
  for (int i = 0; i < 200; ++i) {
    for (const MonitorStatus& status : history.monitors()) EXPECT_EQ(status.monitor, kMonitor);
    const auto detail = history.detail(kMonitor);
    EXPECT_TRUE(!detail || detail->series.size() <= 2);
  }
  threads.clear();
  EXPECT_EQ(points(history, "0").back().index, 499);
  EXPECT_EQ(points(history, "1").back().index, 499);
}

}  // namespace
}  // namespace driftd
