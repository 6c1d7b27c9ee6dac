// Isotonic calibration and the rule for when it is needed.
//
// Golden values: scikit-learn 1.5.2 (IsotonicRegression(out_of_bounds="clip"), and
// StratifiedShuffleSplit(n_splits=10, test_size=0.1, random_state=42)) with NumPy 1.26.4.
#include "windows/isotonic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

#include "windows/calibration_need.h"
#include "windows/score_map.h"

namespace driftd {
namespace {

using ::testing::ElementsAre;

std::vector<ScoredLabel> known_rows() {
  const std::vector<double> scores = {.1, .2, .2, .3, .4, .5, .6, .7, .8, .9};
  const std::vector<int> labels = {0, 1, 0, 0, 1, 0, 1, 1, 1, 1};
  std::vector<ScoredLabel> rows;
  for (std::size_t i = 0; i < scores.size(); ++i) rows.push_back({scores[i], labels[i] == 1});
  return rows;
}

// Scores in hundredths, so that many tie, with labels that follow them loosely.
rc::Gen<std::vector<ScoredLabel>> sorted_rows() {
  return rc::gen::map(rc::gen::nonEmpty(rc::gen::container<std::vector<std::pair<int, bool>>>(
                          rc::gen::pair(rc::gen::inRange(0, 101), rc::gen::arbitrary<bool>()))),
                      [](std::vector<std::pair<int, bool>> drawn) {
                        std::ranges::sort(drawn);
                        std::vector<ScoredLabel> rows;
                        for (const auto& [score, positive] : drawn)
                          rows.push_back({score / 100.0, positive});
                        return rows;
                      });
}

TEST(Isotonic, EqualsScikitLearn) {
  const std::vector<IsotonicBlock> blocks = fit_isotonic(known_rows());
  const std::vector<std::pair<double, double>> golden = {
      {0, 0},    {.1, 0},    {.15, 1 / 6.0}, {.25, 1 / 3.0}, {.35, 5 / 12.0},
      {.45, .5}, {.55, .75}, {.58, .9},      {.65, 1},       {1, 1}};
  for (const auto& [score, probability] : golden) {
    EXPECT_NEAR(calibrated(blocks, score), probability, 1e-12) << score;
  }
}

RC_GTEST_PROP(Isotonic, RisesAndKeepsTheMean, ()) {
  const std::vector<ScoredLabel> rows = *sorted_rows();
  const std::vector<IsotonicBlock> blocks = fit_isotonic(rows);
  std::uint64_t count = 0;
  std::uint64_t positives = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    RC_ASSERT(blocks[i].first <= blocks[i].last);
    if (i > 0) {
      RC_ASSERT(blocks[i - 1].last < blocks[i].first);
      RC_ASSERT(blocks[i - 1].probability() < blocks[i].probability());
    }
    count += blocks[i].rows;
    positives += blocks[i].positives;
  }
  RC_ASSERT(count == rows.size());
  RC_ASSERT(positives ==
            static_cast<std::uint64_t>(std::ranges::count_if(rows, &ScoredLabel::positive)));
}

RC_GTEST_PROP(ScoreMap, IsTheCalibrationCellByCell, ()) {
  const std::vector<ScoredLabel> rows = *sorted_rows();
  const auto extra = *rc::gen::element<std::size_t>(0, 3, 1'000);
  const ScoreMap map = ScoreMap::calibration(fit_isotonic(rows), rows, extra);
  const std::vector<IsotonicBlock> blocks = fit_isotonic(rows);
  for (int k = -5; k <= 205; ++k) {
    const double score = k / 200.0;
    const std::uint32_t cell = map.index().cell(score);
    const double probability = map.probability(cell, score);
    RC_ASSERT(std::abs(probability - calibrated(blocks, score)) < 1e-12);
    RC_ASSERT(map.range(cell).low <= probability + 1e-12);
    RC_ASSERT(map.range(cell).high >= probability - 1e-12);
    RC_ASSERT(map.block_of(cell) < map.blocks().size());
  }
}

TEST(ScoreMap, ClipsScoresThatAreNoProbabilities) {
  const ScoreMap map = ScoreMap::identity(known_rows(), 4);
  EXPECT_FALSE(map.is_calibrated());
  for (const auto& [score, probability] : std::vector<std::pair<double, double>>{
           {-3, 0}, {0, 0}, {.001, .001}, {.2, .2}, {.77, .77}, {1, 1}, {1.5, 1}, {900, 1}}) {
    EXPECT_NEAR(map.probability(map.index().cell(score), score), probability, 1e-15) << score;
  }
}

TEST(ScoreMap, JoinsTheStepsOfACalibrationThatHasTooMany) {
  // A step a score: the share of positives rises all the way.
  std::vector<IsotonicBlock> blocks;
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    const double score = static_cast<double>(i) / 5'000;
    blocks.push_back({score, score, 10'000, i * 2});
  }
  const std::vector<IsotonicBlock> all = blocks;
  const ScoreMap map = ScoreMap::calibration(std::move(blocks), {}, 0);
  EXPECT_LE(map.blocks().size(), ScoreMap::kMostSteps);
  for (const double score : {0.1, 0.25, 0.5, 0.9}) {
    EXPECT_NEAR(map.probability(map.index().cell(score), score), calibrated(all, score), 5e-4);
  }
}

std::vector<ScoredLabel> labels(std::size_t rows, bool (*positive)(std::size_t)) {
  std::vector<ScoredLabel> made;
  for (std::size_t i = 0; i < rows; ++i) made.push_back({0, positive(i)});
  return made;
}

TEST(CalibrationNeed, HoldsOutTheRowsThatScikitLearnDoes) {
  const auto uneven = stratified_splits(labels(37, [](std::size_t i) { return i * 7 % 10 < 3; }));
  ASSERT_EQ(uneven.size(), 10U);
  EXPECT_THAT(uneven[0].test, ElementsAre(21, 36, 28, 9));
  EXPECT_THAT(uneven[4].test, ElementsAre(5, 0, 11, 8));
  EXPECT_THAT(uneven[9].test, ElementsAre(5, 9, 26, 18));
  EXPECT_EQ(uneven[9].train.size(), 33U);
  EXPECT_EQ(uneven[9].train[0], 7U);

  // Both classes leave the same remainder, so lots are drawn for the odd row.
  const auto tied = stratified_splits(labels(30, [](std::size_t i) { return i % 2 == 1; }));
  ASSERT_EQ(tied.size(), 10U);
  EXPECT_THAT(tied[0].test, ElementsAre(24, 6, 9));
  EXPECT_THAT(tied[5].test, ElementsAre(22, 15, 1));
  EXPECT_THAT(tied[9].test, ElementsAre(8, 1, 15));
}

TEST(CalibrationNeed, TiedRowsShareTheirBins) {
  // Twenty rows of one probability, half of them positive: no bin has an error, however they are
  // ordered.
  std::vector<ProbabilityLabel> rows(20, {0.5, false});
  for (std::size_t i = 0; i < 10; ++i) rows[i].positive = true;
  EXPECT_NEAR(equal_count_calibration_error(rows), 0, 1e-15);
  for (ProbabilityLabel& row : rows) row.probability = 0.75;
  EXPECT_NEAR(equal_count_calibration_error(rows), 0.25, 1e-15);
}

std::vector<ScoredLabel> drawn(int rows, double (*truth)(double)) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform;
  std::vector<ScoredLabel> made;
  for (int i = 0; i < rows; ++i) {
    const double score = uniform(random);
    made.push_back({score, uniform(random) < truth(score)});
  }
  return made;
}

TEST(CalibrationNeed, IsSeenWhereScoresAreNoProbabilities) {
  EXPECT_TRUE(needs_calibration(drawn(5'000, [](double score) { return score * score; })));
}

TEST(CalibrationNeed, IsDeniedWithOneClassOrWithScoresThatSeparate) {
  EXPECT_FALSE(needs_calibration(drawn(500, [](double) { return 0.0; })));
  EXPECT_FALSE(needs_calibration(drawn(500, [](double score) { return score < 0.3 ? 0.0 : 1.0; })));
  EXPECT_FALSE(needs_calibration({}));
}

}  // namespace
}  // namespace driftd
