#include "detectors/label_maturity.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "tests/support/models.h"
#include "tests/support/monoid.h"

namespace driftd {
namespace {

constexpr DurationMs kSecond = 1'000;

RC_GTEST_PROP(ClassDelays, KeepTheLawsOfASummary, ()) {
  using Label = std::pair<std::size_t, int>;
  const auto labels = *rc::gen::container<std::vector<Label>>(
      rc::gen::pair(rc::gen::inRange<std::size_t>(0, 3), rc::gen::inRange(-5, 10'000'000)));
  const auto fold = [](ClassDelays& delays, std::span<const Label> part) {
    for (const auto& [slot, delay] : part) delays.add(slot, delay);
  };
  const auto print = [](const ClassDelays& delays) { return Fingerprint{bytes_of(delays), {}}; };
  check_merge_laws(ClassDelays(), labels, fold, print);
  ClassDelays delays;
  fold(delays, labels);
  check_stored_form_of(ClassDelays(), delays, ClassDelays::read);
}

TEST(ClassDelays, PutADelayIntoTheBucketThatEndsWithIt) {
  struct Case {
    DurationMs delay;
    std::size_t bucket;
  };
  const Case cases[] = {{-1, 0},          {0, 0},
                        {1'000, 0},       {1'001, 1},
                        {1'414, 1},       {1'415, 2},
                        {2'000, 2},       {2'001, 3},
                        {86'400'000, 33}, {kEndOfTime, ClassDelays::kBuckets - 1}};
  for (const Case& one : cases) {
    ClassDelays delays;
    delays.add(1, one.delay);
    EXPECT_EQ(delays.slots().at(1)[one.bucket], 1U) << one.delay;
  }
}

TEST(ClassSlots, AreNamedByTheClasses) {
  const ModelSchema binary = make_schema(Task::binary);
  EXPECT_EQ(class_slots(binary), 2U);
  EXPECT_EQ(class_slot(binary, 1), 1U);
  EXPECT_EQ(class_slot(binary, 7), 0U);
  EXPECT_EQ(class_slot_name(binary, 0), "0");
  EXPECT_EQ(class_slot_name(binary, 1), "1");
  ModelSchema alone;
  alone.positive_class = alone.classes->code("fraud");
  EXPECT_EQ(class_slot_name(alone, 0), "not fraud");
  const ModelSchema three = make_schema(Task::multiclass);
  EXPECT_EQ(class_slots(three), 4U);
  EXPECT_EQ(class_slot_name(three, 2), "c");
  EXPECT_EQ(class_slot(three, 900), 3U);
  EXPECT_EQ(class_slot_name(three, 3), "");
  EXPECT_EQ(class_slots(make_schema(Task::regression)), 0U);
}

// Delays of 1 to 64 s, as many in each octave, of predictions that were observed for `ages`; what
// is not yet seen of a young one must not be taken for what will never come.
TEST(DelayTable, CorrectsForWhatYoungPredictionsCannotHaveShownYet) {
  DelayTable table;
  for (const DurationMs age : {4, 8, 16, 32, 64, 100}) {
    ClassDelays delays;
    for (int octave = 0; octave < 6; ++octave) {
      const DurationMs delay = (DurationMs{1} << octave) * kSecond + 700;
      for (int i = 0; i < 30 && delay <= age * kSecond; ++i) delays.add(0, delay);
    }
    table.add(delays, age * kSecond);
  }
  for (int octave = 0; octave < 6; ++octave) {
    const auto coverage = table.coverage(0, (DurationMs{1} << octave) * kSecond);
    ASSERT_TRUE(coverage);
    EXPECT_NEAR(*coverage, octave / 6.0, 1e-9) << "at the age of " << (1 << octave) << " s";
  }
  EXPECT_EQ(table.coverage(0, 100 * kSecond), 1.0);
  EXPECT_FALSE(table.coverage(1, kSecond)) << "a class without labels";
}

TEST(DelayTable, SaysNothingOfAHandfulOfLabels) {
  ClassDelays delays;
  for (std::uint64_t i = 1; i < DelayTable::kLeastLabels; ++i) delays.add(0, kSecond);
  DelayTable table;
  table.add(delays, kEndOfTime);
  EXPECT_FALSE(table.coverage(0, 0));
  table.add(delays, kEndOfTime);
  EXPECT_EQ(table.coverage(0, 0), 0.0);
}

TEST(ClassCoverage, IsTheLowerOfTheTwoEstimates) {
  ClassDelays delays;
  for (int i = 0; i < 60; ++i) delays.add(1, i < 15 ? kSecond : 100 * kSecond);
  DelayTable table;
  table.add(delays, kEndOfTime);
  const std::array<std::uint64_t, 2> predicted = {900, 100};
  const std::array<std::uint64_t, 2> labelled = {890, 60};
  const auto young = class_coverage(predicted, labelled, table, 2 * kSecond, 0.8);
  EXPECT_NEAR(*young[0].share, 890.0 / 900, 1e-12);
  EXPECT_TRUE(young[0].is_mature_by_prediction && young[0].is_mature_by_delay);
  EXPECT_NEAR(*young[1].share, 0.25, 1e-9);
  EXPECT_FALSE(young[1].is_mature_by_prediction);
  EXPECT_FALSE(young[1].is_mature_by_delay);
  const auto old = class_coverage(predicted, labelled, table, 1'000 * kSecond, 0.8);
  EXPECT_NEAR(*old[1].share, 0.6, 1e-12);
  EXPECT_FALSE(old[1].is_mature_by_prediction);
  EXPECT_TRUE(old[1].is_mature_by_delay);
}

TEST(ClassCoverage, DoesNotTakeChanceForBias) {
  const std::array<std::uint64_t, 2> predicted = {1'000, 4};
  const std::array<std::uint64_t, 2> labelled = {970, 2};
  const auto classes = class_coverage(predicted, labelled, {}, 0, 0.8);
  EXPECT_TRUE(classes[1].is_mature_by_prediction) << "2 of 4 may be 85 % of more";
  const auto none =
      class_coverage(std::array<std::uint64_t, 1>{0}, std::array<std::uint64_t, 1>{0}, {}, 0, 0.8);
  EXPECT_FALSE(none[0].share);
}

}  // namespace
}  // namespace driftd
