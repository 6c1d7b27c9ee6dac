#include "windows/watermark.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace driftd {
namespace {

constexpr TimeMs kNow = 1'000'000;
constexpr TimeMs kSteady = 500'000;

[[nodiscard]] PartitionProgress reading(TimeMs max_event_time) {
  return {1, max_event_time, false, 0};
}
[[nodiscard]] PartitionProgress caught_up(TimeMs max_event_time, DurationMs for_how_long) {
  return {1, max_event_time, true, kSteady - for_how_long};
}

struct Case {
  const char* rule;
  std::vector<PartitionProgress> partitions;
  WatermarkSpec spec;
  TimeMs watermark;
};

TEST(Watermark, FollowsItsRules) {
  const WatermarkSpec usual{.out_of_orderness = 100, .skew = 1'000, .idle_timeout = 60};
  const std::vector<Case> cases = {
      {"nothing is known without a partition", {}, usual, kNoTime},
      {"one partition: its time less the out-of-orderness", {reading(5'000)}, usual, 4'900},
      {"the smallest of those that are read",
       {reading(7'000), reading(5'000), reading(6'000)},
       usual,
       4'900},
      {"times before the epoch are times", {reading(-5'000), reading(0)}, usual, -5'100},
      {"one without an event is waited for", {reading(5'000), reading(kNoTime)}, usual, kNoTime},
      {"also where it has just been read to its end",
       {reading(5'000), caught_up(kNoTime, 59)},
       usual,
       kNoTime},
      {"but not for longer than the idle time-out",
       {reading(5'000), caught_up(kNoTime, 60)},
       usual,
       4'900},
      {"one that is behind is never idle",
       {reading(5'000), {1, 2'000, false, kSteady - 600}},
       usual,
       1'900},
      {"one that is at its end counts until it is idle",
       {reading(5'000), caught_up(2'000, 59)},
       usual,
       1'900},
      {"an idle one holds nothing back", {reading(5'000), caught_up(2'000, 60)}, usual, 4'900},
      {"an idle one moves nothing on", {reading(5'000), caught_up(9'000, 60)}, usual, 4'900},
      {"all idle: the largest of all", {caught_up(2'000, 60), caught_up(9'000, 600)}, usual, 8'900},
      {"all idle and none with an event",
       {caught_up(kNoTime, 60), caught_up(kNoTime, 60)},
       usual,
       kNoTime},
      {"all idle, one with an event", {caught_up(kNoTime, 60), caught_up(3'000, 60)}, usual, 2'900},
      {"up to the skew ahead of the clock", {reading(kNow + 1'000)}, usual, kNow + 900},
      {"and not beyond it", {reading(kNow + 50'000)}, usual, kNow + 900},
      {"the skew holds for idle ones too", {caught_up(kNow + 50'000, 60)}, usual, kNow + 900},
      {"no out-of-orderness: the time itself", {reading(5'000)}, {0, 1'000, 60}, 5'000},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(watermark_of(row.partitions, row.spec, kNow, kSteady), row.watermark) << row.rule;
  }
}

TEST(Watermark, DoesNotDependOnTheOrderOfPartitions) {
  const WatermarkSpec spec{.out_of_orderness = 10, .skew = 1'000, .idle_timeout = 60};
  const PartitionProgress a = reading(5'000), b = caught_up(2'000, 600), c = reading(6'000);
  for (const std::vector<PartitionProgress>& order :
       {std::vector{a, b, c}, std::vector{b, a, c}, std::vector{c, b, a}, std::vector{b, c, a}}) {
    EXPECT_EQ(watermark_of(order, spec, kNow, kSteady), 4'990);
  }
}

TEST(AllIdleFor, AsksEveryPartition) {
  struct IdleCase {
    const char* rule;
    std::vector<PartitionProgress> partitions;
    bool idle;
  };
  const std::vector<IdleCase> cases = {
      {"no partition at all is not idleness", {}, false},
      {"long enough", {caught_up(1, 300)}, true},
      {"not long enough", {caught_up(1, 299)}, false},
      {"one of them not long enough", {caught_up(1, 300), caught_up(1, 299)}, false},
      {"one of them behind", {caught_up(1, 300), {1, 1, false, kSteady - 900}}, false},
      {"without an event yet", {caught_up(kNoTime, 300)}, true},
  };
  for (const IdleCase& row : cases) {
    EXPECT_EQ(all_idle_for(row.partitions, 300, kSteady), row.idle) << row.rule;
  }
}

}  // namespace
}  // namespace driftd
