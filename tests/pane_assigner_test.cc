#include "windows/pane_assigner.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace driftd {
namespace {

constexpr VersionIndex kFirst{0};
constexpr VersionIndex kSecond{1};

// As a lane does: every prediction is seen, an accepted one is assigned.
std::int64_t take(PaneAssigner& assigner, TimeMs time, VersionIndex version = kFirst) {
  assigner.observe(time);
  return assigner.assign(version, time);
}

TEST(WindowSpec, KnowsTheWindowsThatHoldAPane) {
  for (const auto& [size, slide] : {std::pair<DurationMs, DurationMs>{100, 0},
                                    {100, 100},
                                    {100, 50},
                                    {100, 30},
                                    {60, 40},
                                    {7, 3},
                                    {5, 1}}) {
    const WindowSpec spec{.size = size, .slide = slide};
    for (TimeMs time = -250; time < 250; ++time) {
      const std::int64_t pane = spec.pane_of(time);
      ASSERT_LE(pane, time);
      ASSERT_LT(time, pane + spec.pane_size());
      std::vector<std::int64_t> expected;
      for (std::int64_t start = -1'000 * spec.hop(); start <= time; start += spec.hop()) {
        if (time < start + size) expected.push_back(start);
      }
      std::vector<std::int64_t> found;
      for (std::int64_t start = spec.first_window_of(pane); start <= spec.last_window_of(pane);
           start += spec.hop()) {
        found.push_back(start);
      }
      ASSERT_EQ(found, expected) << size << " by " << slide << " at " << time;
    }
  }
}

TEST(WindowSpec, FloorsToTheStartOfThePane) {
  const WindowSpec window{.size = 1'000};
  struct Case {
    TimeMs time;
    std::int64_t pane;
  };
  for (const Case& row : {Case{0, 0}, Case{1, 0}, Case{999, 0}, Case{1'000, 1'000},
                          Case{-1, -1'000}, Case{-999, -1'000}, Case{-1'000, -1'000},
                          Case{-1'001, -2'000}, Case{1'700'000'000'123, 1'700'000'000'000}}) {
    EXPECT_EQ(window.pane_of(row.time), row.pane) << row.time;
  }
}

RC_GTEST_PROP(WindowSpec, PutsEveryTimeIntoTheOnePaneThatHoldsIt, ()) {
  const WindowSpec window{.size = *rc::gen::inRange<DurationMs>(1, 100'000)};
  const auto time = *rc::gen::inRange<TimeMs>(-10'000'000, 10'000'000);
  const std::int64_t pane = window.pane_of(time);
  RC_ASSERT(pane <= time);
  RC_ASSERT(time < pane + window.size);
  RC_ASSERT(pane % window.size == 0);
}

TEST(PaneAssigner, NumbersThePredictionsOfEachVersion) {
  PaneAssigner assigner({.count = 2}, false);
  EXPECT_EQ(take(assigner, 5), 0);
  EXPECT_EQ(take(assigner, 5), 0);
  EXPECT_EQ(take(assigner, 1), 1) << "the order of arrival counts, not the time";
  EXPECT_EQ(take(assigner, 1, kSecond), 0);
  EXPECT_EQ(take(assigner, 1), 1);
  EXPECT_EQ(take(assigner, 1), 2);
  EXPECT_EQ(assigner.numbers(), (std::vector<std::int64_t>{5, 1}));
}

TEST(PaneAssigner, GoesOnFromRestoredNumbers) {
  PaneAssigner assigner({.count = 10}, false);
  assigner.restore_number(kSecond, 29);
  EXPECT_EQ(take(assigner, 0, kSecond), 2);
  EXPECT_EQ(take(assigner, 0, kSecond), 3);
  EXPECT_EQ(take(assigner, 0, kFirst), 0);
}

TEST(PaneAssigner, HasNoWatermarkBeforeTheFirstPrediction) {
  PaneAssigner assigner({.size = 1'000, .out_of_orderness = 50}, true);
  EXPECT_EQ(assigner.watermark(), kNoTime);
  EXPECT_FALSE(assigner.wants_close());
  assigner.observe(-7);
  EXPECT_EQ(assigner.watermark(), -57);
  assigner.observe(-100);
  EXPECT_EQ(assigner.watermark(), -57) << "time never goes back";
}

TEST(PaneAssigner, WantsToCloseWhenTheWatermarkHasPassedEndAndLateness) {
  PaneAssigner assigner({.size = 1'000, .lateness = 100, .out_of_orderness = 10}, true);
  take(assigner, 500);
  take(assigner, 1'109);
  EXPECT_FALSE(assigner.wants_close()) << "watermark 1,099";
  take(assigner, 1'110);
  EXPECT_TRUE(assigner.wants_close()) << "watermark 1,100 = end + lateness";
  assigner.closed(2'000);
  EXPECT_FALSE(assigner.wants_close());
  assigner.observe(2'109);
  EXPECT_FALSE(assigner.wants_close());
  assigner.observe(2'110);
  EXPECT_TRUE(assigner.wants_close()) << "a duplicate moves the time on too";
}

TEST(PaneAssigner, DoesNotStopForAPredictionOfAClosedWindow) {
  PaneAssigner assigner({.size = 1'000}, true);
  take(assigner, 5'500);
  EXPECT_EQ(take(assigner, 200), 0) << "late: it amends a window that has closed";
  EXPECT_FALSE(assigner.wants_close());
}

TEST(PaneAssigner, WantsToCloseAtTheRowThatFillsAWindow) {
  PaneAssigner assigner({.count = 2}, true);
  take(assigner, 0);
  take(assigner, 0, kSecond);
  EXPECT_FALSE(assigner.wants_close());
  take(assigner, 0);
  EXPECT_TRUE(assigner.wants_close());
  assigner.closed(kEndOfTime);
  EXPECT_FALSE(assigner.wants_close());
  take(assigner, 0, kSecond);
  EXPECT_TRUE(assigner.wants_close());
}

TEST(PaneAssigner, NeverStopsALaneThatReadsLive) {
  PaneAssigner by_time({.size = 10}, false);
  take(by_time, 0);
  take(by_time, 1'000);
  EXPECT_FALSE(by_time.wants_close());
  PaneAssigner by_count({.count = 1}, false);
  take(by_count, 0);
  EXPECT_FALSE(by_count.wants_close());
}

}  // namespace
}  // namespace driftd
