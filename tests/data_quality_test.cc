#include "detectors/data_quality.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/support/samples.h"

namespace driftd {
namespace {

std::map<std::string, Outcome> shares_of(const SeriesSummary& summary, std::uint64_t predictions) {
  std::map<std::string, Outcome> shares;
  for (const QualityShare& share : data_quality(summary, predictions)) {
    EXPECT_TRUE(shares.emplace(share.name, share.outcome).second) << share.name;
    EXPECT_FALSE(share.outcome.p_value);
  }
  return shares;
}

TEST(DataQuality, DividesByAllPredictionsOfANumericSeries) {
  const NumericReference reference = reference_of({1, 2, 3});
  const auto shares = shares_of(summary_of(reference, {1, missing_number(), 2, missing_number(),
                                                       wrong_type_number(), 3, 3, 3}),
                                8);
  EXPECT_EQ(shares.size(), 2U);
  EXPECT_EQ(shares.at("missing").statistic, 0.25);
  EXPECT_EQ(shares.at("missing").n, 8);
  EXPECT_EQ(shares.at("type_error").statistic, 0.125);
}

TEST(DataQuality, KeepsMissingValuesInTheDivisorOfUnseenOnes) {
  CategorySummary summary =
      summary_of(reference_of(std::vector<std::string>{"a"}), {"a", "b", "c"});
  summary.missing = 4;
  summary.wrong_type = 1;
  const auto shares = shares_of(summary, 8);
  EXPECT_EQ(shares.size(), 3U);
  EXPECT_EQ(shares.at("unseen").statistic, 0.25);
  EXPECT_EQ(shares.at("missing").statistic, 0.5);
  EXPECT_EQ(shares.at("type_error").statistic, 0.125);
}

TEST(DataQuality, CountsUnseenCategoriesBeyondTheOnesThatAreKept) {
  std::vector<std::string> texts;
  for (int i = 0; i < 2'000; ++i) texts.push_back(std::to_string(i));
  const auto shares =
      shares_of(summary_of(reference_of(std::vector<std::string>{"a"}), texts), 4'000);
  EXPECT_EQ(shares.at("unseen").statistic, 0.5);
}

TEST(DataQuality, IsZeroWhereAllIsWell) {
  const NumericReference reference = reference_of({1, 2, 3});
  for (const auto& [name, outcome] : shares_of(summary_of(reference, {1, 2}), 2)) {
    EXPECT_EQ(outcome.statistic, 0.0) << name;
  }
}

TEST(DataQuality, SaysNothingOfAnEmptyWindow) {
  const NumericReference reference = reference_of({1, 2, 3});
  for (const auto& [name, outcome] : shares_of(summary_of(reference, {}), 0)) {
    EXPECT_FALSE(outcome.statistic) << name;
    EXPECT_EQ(outcome.n, 0) << name;
  }
}

}  // namespace
}  // namespace driftd
