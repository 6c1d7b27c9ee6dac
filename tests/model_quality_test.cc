#include "detectors/model_quality.h"

#include <gtest/gtest.h>

#include <random>

#include "detectors/data_quality.h"
#include "tests/support/models.h"

namespace driftd {
namespace {

// --- Duplicates

[[nodiscard]] Verdict duplicates_of(std::uint64_t predictions, std::uint64_t again,
                                    std::uint64_t reference_rows = 10'000,
                                    std::uint64_t reference_again = 0) {
  ModelUnderTest model(Task::binary);
  model.reference.rows = reference_rows;
  model.reference.duplicates = reference_again;
  Pane pane(model.monitored());
  pane.predictions = predictions;
  pane.duplicates = again;
  return judge(duplicates(model.reference, pane), quality_limits({}), 30);
}

TEST(Duplicates, AreAShareOfAllThatCame) {
  const Verdict verdict = duplicates_of(900, 100);
  EXPECT_EQ(verdict.statistic, 0.1);
  EXPECT_EQ(verdict.n, 1'000);
  EXPECT_LT(*verdict.low, 0.1);
  EXPECT_GT(*verdict.high, 0.1);
  EXPECT_EQ(verdict.level, Level::drift);
}

TEST(Duplicates, AreComparedWithThoseOfTheReference) {
  EXPECT_EQ(duplicates_of(1'000, 0).level, Level::stable);
  EXPECT_EQ(duplicates_of(19'960, 40, 20'000).level, Level::warning)
      << "significant, but two in a thousand";
  EXPECT_EQ(duplicates_of(900, 100, 10'000, 1'000).level, Level::stable);
  EXPECT_EQ(duplicates_of(10, 10).level, Level::insufficient_data);
  EXPECT_EQ(duplicates_of(0, 0).statistic, std::nullopt);
  EXPECT_EQ(duplicates_of(0, 500).level, Level::drift) << "a window of nothing else";
}

// --- Missing columns

class MissingColumns : public testing::Test {
 protected:
  MissingColumns() : model_(Task::binary) {
    model_.add_numeric("amount", std::vector<double>(100, 1));
    model_.add_category("channel", std::vector<std::string>(100, "web"));
    std::vector<double> seldom(100, missing_number());
    for (std::size_t i = 0; i < 49; ++i) seldom[i] = 1;
    model_.add_numeric("seldom", seldom);
    model_.reference.rows = 100;
  }
  // A window of 50 predictions with or without each feature.
  [[nodiscard]] Outcome of(bool amount, bool channel, bool amount_is_text = false) {
    Pane pane(model_.monitored());
    pane.predictions = 50;
    auto& numbers = std::get<NumericSummary>(pane.series[0]);
    if (amount) numbers.counters.add(1, 50);
    (amount_is_text ? numbers.wrong_type : numbers.missing) = amount ? 0 : 50;
    auto& texts = std::get<CategorySummary>(pane.series[1]);
    if (channel) texts.counters.add(0, 50);
    texts.missing = channel ? 0 : 50;
    std::get<NumericSummary>(pane.series[2]).missing = 50;
    return missing_columns(model_.schema, model_.reference, pane);
  }
  ModelUnderTest model_;
};

TEST_F(MissingColumns, AreAShareOfTheColumnsThatTheReferenceMostlyHas) {
  EXPECT_EQ(of(true, true).statistic, 0.0) << "`seldom` is not required";
  EXPECT_EQ(of(false, true).statistic, 0.5);
  EXPECT_EQ(of(false, false).statistic, 1.0);
  EXPECT_EQ(of(false, true, true).statistic, 0.0) << "it came, as something else";
  EXPECT_EQ(of(true, true).n, 50);
}

TEST_F(MissingColumns, AreDriftByDefaultAndWithinALimitAreNot) {
  EXPECT_EQ(judge(of(true, true), quality_limits(0), 30).level, Level::stable);
  EXPECT_EQ(judge(of(true, false), quality_limits(0), 30).level, Level::drift);
  EXPECT_EQ(judge(of(true, false), quality_limits(0.5), 30).level, Level::stable);
  EXPECT_EQ(judge(of(true, false), quality_limits(0), 51).level, Level::insufficient_data);
}

TEST_F(MissingColumns, AreUndefinedWithoutPredictionsOrColumns) {
  const Pane empty(model_.monitored());
  EXPECT_FALSE(missing_columns(model_.schema, model_.reference, empty).statistic);
  ModelUnderTest bare(Task::binary);
  Pane pane(bare.monitored());
  pane.predictions = 100;
  EXPECT_FALSE(missing_columns(bare.schema, bare.reference, pane).statistic);
}

// --- Volume

constexpr ReferenceVolume kUsual{.lowest = 900, .median = 1'000, .highest = 1'100, .stretches = 99};

[[nodiscard]] Level volume_level(std::uint64_t events, const VolumeLimits& limits = {},
                                 bool is_whole = true,
                                 std::optional<ReferenceVolume> reference = kUsual) {
  return judge_volume(events, reference, limits, is_whole).level;
}

TEST(Volume, WarnsOfHalvedAndOfDoubledTraffic) {
  EXPECT_EQ(volume_level(1'000), Level::stable);
  EXPECT_EQ(volume_level(900), Level::stable);
  EXPECT_EQ(volume_level(700), Level::stable) << "significantly fewer, but not by a third";
  EXPECT_EQ(volume_level(500), Level::warning);
  EXPECT_EQ(volume_level(0), Level::warning);
  EXPECT_EQ(volume_level(1'600), Level::stable);
  EXPECT_EQ(volume_level(2'000), Level::warning);
  EXPECT_EQ(volume_level(5, {}, true, ReferenceVolume{10, 12, 20, 50}), Level::stable)
      << "half of ten may be chance";
}

TEST(Volume, IsDriftOnlyOutsideOfTheOwnersLimits) {
  EXPECT_EQ(volume_level(500, {.min = 800, .max = {}}), Level::drift);
  EXPECT_EQ(volume_level(800, {.min = 800, .max = {}}), Level::stable);
  EXPECT_EQ(volume_level(5'000, {.min = 800, .max = {}}), Level::stable);
  EXPECT_EQ(volume_level(5'000, {.min = {}, .max = 4'000}), Level::drift);
  EXPECT_EQ(volume_level(500, {.min = 800, .max = {}}, true, {}), Level::drift);
  EXPECT_EQ(judge_volume(500, {}, {.min = 800, .max = 4'000}, true).threshold, 800);
  EXPECT_EQ(judge_volume(5'000, {}, {.min = 800, .max = 4'000}, true).threshold, 4'000);
}

TEST(Volume, IsNotJudgedOfAPartOfAWindowOrByNothing) {
  EXPECT_EQ(volume_level(100, {}, false), Level::insufficient_data);
  EXPECT_EQ(volume_level(100, {.min = 800, .max = {}}, false), Level::insufficient_data);
  EXPECT_EQ(volume_level(1'000, {}, true, {}), Level::insufficient_data);
  const Verdict verdict = judge_volume(100, {}, {}, true);
  EXPECT_EQ(verdict.statistic, 100);
  // Garwood's interval of 100.
  EXPECT_NEAR(*verdict.low, 81.364, 1e-3);
  EXPECT_NEAR(*verdict.high, 121.627, 1e-3);
}

TEST(Volume, IsSilentOnTrafficThatIsStable) {
  std::mt19937_64 random(3);
  for (const double mean : {2.0, 30.0, 1'000.0}) {
    std::poisson_distribution<std::uint64_t> events(mean);
    std::vector<TimeMs> times;
    for (TimeMs hour = 0; hour < 168; ++hour) {
      for (std::uint64_t left = events(random); left > 0; --left) times.push_back(hour * 3'600'000);
    }
    const auto reference = reference_volume(times, 3'600'000);
    ASSERT_TRUE(reference);
    EXPECT_EQ(reference->stretches, 166U);
    for (int window = 0; window < 10'000; ++window)
      ASSERT_EQ(volume_level(events(random), {}, true, reference), Level::stable) << mean;
  }
}

TEST(ReferenceVolume, CountsWholeStretchesOnly) {
  const auto volume =
      reference_volume({5, 15, 16, 17, 28, 35, 36, 37, 38, 39, 41, 99, 12, 61}, 10).value();
  // 10: 4, 20: 1, 30: 5, 40: 1, 50: 0, 60: 1, 70: 0, 80: 0; cut off: 0 and 90.
  EXPECT_EQ(volume.stretches, 8U);
  EXPECT_EQ(volume.lowest, 0U);
  EXPECT_EQ(volume.median, 1U);
  EXPECT_EQ(volume.highest, 5U);
  EXPECT_FALSE(reference_volume({}, 10));
  EXPECT_FALSE(reference_volume({5, 15}, 10));
  const auto before_1970 = reference_volume({-25, -15, -14, -5}, 10).value();
  EXPECT_EQ(before_1970.lowest, 2U);
  EXPECT_EQ(before_1970.stretches, 1U);
  const auto sparse = reference_volume({0, 1'000'000'000'000'000, 500'000'000'000'000}, 1).value();
  EXPECT_EQ(sparse.median, 0U);
  EXPECT_EQ(sparse.highest, 1U);
}

}  // namespace
}  // namespace driftd
