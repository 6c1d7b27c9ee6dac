#include "state/reference_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace driftd {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ReferenceFileTest : public ::testing::Test {
 protected:
  ReferenceFileTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "driftd-reference-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    config_.name = "fraud";
    config_.reference = folder_ / "reference.csv";
  }
  ~ReferenceFileTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] Result<LoadedModel> try_load(const std::string& content) {
    std::ofstream(config_.reference, std::ios::binary) << content;
    return load_model(config_, ModelIndex{0});
  }
  [[nodiscard]] LoadedModel load(const std::string& content) {
    auto model = try_load(content);
    EXPECT_TRUE(model) << model.error().message;
    return std::move(*model);
  }
  void configure(const std::string& feature, SeriesType type) {
    FeatureConfig& added = config_.features.emplace_back();
    added.name = feature;
    added.type = type;
  }

  std::filesystem::path folder_;
  ModelConfig config_;
};

[[nodiscard]] std::vector<std::string> names(const LoadedModel& model) {
  std::vector<std::string> found;
  for (const SeriesSchema& series : model.schema->series) {
    found.push_back(series.name + ":" + std::string(to_string(series.type)));
  }
  return found;
}
[[nodiscard]] std::vector<std::string> classes(const LoadedModel& model) {
  std::vector<std::string> found;
  for (std::uint32_t code = 0; code < model.schema->classes->size(); ++code) {
    found.push_back(model.schema->classes->text(code));
  }
  return found;
}

TEST_F(ReferenceFileTest, InfersATypeFromEveryCellOfAColumn) {
  const std::vector<std::pair<const char*, SeriesType>> columns = {
      {"1\n2\n3\n", SeriesType::numeric},
      {"1\n-2.5e3\n+4\n", SeriesType::numeric},
      {"1\ninf\n-Infinity\n", SeriesType::numeric},
      {"1\nnan\n2\n", SeriesType::numeric},
      {"true\nfalse\ntrue\n", SeriesType::categorical},
      {"1\n2\nthree\n", SeriesType::categorical},
      {"red\nred\nblue\n", SeriesType::categorical},
      {"2024-01-01\n2024-01-02\n2024-01-03\n", SeriesType::categorical},
  };
  for (const auto& [cells, type] : columns) {
    const LoadedModel model = load("x\n" + std::string(cells));
    ASSERT_EQ(model.schema->series.size(), 1U);
    EXPECT_EQ(model.schema->series[0].type, type) << cells;
    EXPECT_EQ(model.reference->rows, 3U);
    EXPECT_THAT(model.notes, Contains("model fraud: x is " + std::string(to_string(type))));
  }
  EXPECT_EQ(load("x,y\n,1\n2,1\n").schema->series[0].type, SeriesType::numeric)
      << "a missing cell says nothing";
}

TEST_F(ReferenceFileTest, PutsFeaturesFirstAndLeavesReservedColumnsOut) {
  const LoadedModel model = load(
      "latency_ms,amount,id,ts,version,prediction,country,actual,weight,predicted_class,score_1\n"
      "12,1,a,1,v1,0.5,DE,1,1,1,0.5\n");
  EXPECT_THAT(names(model),
              ElementsAre("amount:numeric", "country:categorical", "latency_ms:numeric",
                          "prediction:numeric", "predicted_class:categorical"));
  const ModelSchema& schema = *model.schema;
  EXPECT_EQ(schema.feature_count, 2U);
  EXPECT_EQ(schema.feature_by_name.size(), 2U);
  EXPECT_EQ(schema.latency_series, 2);
  EXPECT_EQ(schema.prediction_series, 3);
  EXPECT_EQ(schema.predicted_class_series, 4);
  EXPECT_EQ(schema.name, "fraud");
}

TEST_F(ReferenceFileTest, ComparesCategoriesByTheirCanonicalText) {
  configure("x", SeriesType::categorical);
  const LoadedModel model = load("x\n6\n6.0\n21\nTrue\ntrue\n\n");
  const auto& reference = std::get<CategoryReference>(model.reference->series[0].baseline);
  EXPECT_THAT(reference.categories, ElementsAre("21", "6", "true"));
  EXPECT_THAT(reference.counts, ElementsAre(1, 2, 2));
  EXPECT_EQ(model.schema->series[0].categories.at("6"), 1U);
  EXPECT_THAT(model.notes, Each(Not(HasSubstr("x is")))) << "what the owner says is not inferred";
}

TEST_F(ReferenceFileTest, TakesTheClassesOfAMulticlassModelFromScoresAndLabels) {
  config_.task = Task::multiclass;
  const LoadedModel model = load(
      "x,score_dog,score_cat,prediction,actual\n"
      "1,0.5,0.5,cat,cat\n"
      "2,0.5,0.5,dog,bird\n");
  EXPECT_THAT(classes(model), ElementsAre("bird", "cat", "dog"));
  EXPECT_EQ(model.schema->reference_classes, 3U);
  EXPECT_THAT(model.schema->scored_classes, ElementsAre(1, 2))
      << "cat and dog have scores, in the order of codes";
  EXPECT_EQ(model.schema->positive_class, kNoClass);
  EXPECT_EQ(model.schema->series[1].type, SeriesType::categorical) << "the prediction is a class";
}

TEST_F(ReferenceFileTest, KnowsThePositiveClassOfABinaryModel) {
  config_.positive_class = "yes";
  const LoadedModel model = load("x,prediction,actual\n1,0.5,no\n2,0.25,yes\n");
  EXPECT_EQ(model.schema->classes->text(model.schema->positive_class), "yes");
  EXPECT_THAT(classes(model), ElementsAre("no", "yes")) << "a binary prediction is no class";
}

TEST_F(ReferenceFileTest, KeepsARegressionWithoutClasses) {
  config_.task = Task::regression;
  EXPECT_THAT(classes(load("x,prediction,actual\n1,0.5,0.6\n")), ElementsAre());
}

TEST_F(ReferenceFileTest, KnowsHowWellTheModelDidOnIt) {
  const auto binary = std::get<BinaryPerformance>(
      load("x,prediction,predicted_class,actual\n1,0.9,1,1\n1,0.9,0,0\n1,0.2,,1\n1,1.5,1,1\n"
           "1,0.4,0,\n1,,1,1\n1,nan,1,1\n")
          .performance.performance);
  EXPECT_EQ(binary.true_positive, 1U);
  EXPECT_EQ(binary.true_negative, 1U) << "the decision, not the score";
  EXPECT_EQ(binary.false_negative, 1U) << "the score where there is no decision";
  EXPECT_EQ(binary.labelled(), 3U) << "the others would not count as events";
  EXPECT_EQ(labelled(load("x,prediction\n1,0.9\n").performance.performance), 0U);

  config_.task = Task::regression;
  const auto regression = std::get<RegressionPerformance>(
      load("prediction,actual,latency_ms\n3,1,5\n2,2.5,\n2,inf,1\n").performance.performance);
  EXPECT_EQ(regression.labelled(), 2U);
  EXPECT_DOUBLE_EQ(regression.absolute_error.mean, 1.25);
  EXPECT_EQ(load("prediction,actual,latency_ms\n3,1,5\n2,2.5,\n").performance.latency.moments.count,
            1U);

  config_.task = Task::multiclass;
  const auto multiclass = std::get<MulticlassPerformance>(
      load("prediction,score_b,score_a,actual\na,0.2,0.8,a\nb,0.6,0.4,a\n")
          .performance.performance);
  EXPECT_EQ(multiclass.labelled(), 2U);
  ASSERT_EQ(multiclass.scores.size(), 2U);
  EXPECT_EQ(multiclass.scores[0].sorted().back().value, 0.8) << "by class, not by column";
}

TEST_F(ReferenceFileTest, RefusesACellThatDoesNotFitTheConfiguredType) {
  configure("x", SeriesType::numeric);
  const auto refused = try_load("x,y\n1,1\nabc,1\n");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_reference);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("reference.csv"), HasSubstr("column `x`"), HasSubstr("row 2"),
                    HasSubstr("`abc`"), HasSubstr("categorical")));
}

TEST_F(ReferenceFileTest, RefusesAFeatureThatTheReferenceDoesNotHave) {
  configure("amonut", SeriesType::numeric);
  const auto refused = try_load("id,amount,country\na,1,DE\n");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_config);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("`amonut`"), HasSubstr("amount, country")));
}

TEST_F(ReferenceFileTest, GivesTheErrorOfTheFile) {
  const auto refused = try_load("x,y\n1\n");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("reference.csv:2:"));
}

TEST_F(ReferenceFileTest, SaysThatAColumnWasThinnedAndByHowMuch) {
  std::string content = "x\n";
  for (int i = 0; i < 1'000; ++i) content += std::to_string(i) + "\n";
  EXPECT_THAT(load(content).notes, Each(Not(HasSubstr("thinned"))));
  config_.reference_max_distinct = 100;
  const LoadedModel model = load(content);
  EXPECT_THAT(model.notes, Contains(AllOf(HasSubstr("column x has 1000 distinct values"),
                                          HasSubstr("thinned to 100"))));
  const auto& reference = std::get<NumericReference>(model.reference->series[0].baseline);
  EXPECT_EQ(reference.distinct, 1'000U);
  EXPECT_GT(reference.thinning_error, 0);
  EXPECT_LT(reference.thinning_error, 0.02);
  EXPECT_EQ(reference.edges.size(), 9U) << "the deciles are those of all values";
  EXPECT_NEAR(reference.edges[4], 499.5, 1e-9);
}

TEST_F(ReferenceFileTest, SaysThatAColumnHasNoValue) {
  EXPECT_THAT(load("x,y\n,1\n,2\n").notes,
              Contains(HasSubstr("column x of the reference has no value")));
}

TEST_F(ReferenceFileTest, LearnsToEstimateFromScoresAndLabels) {
  const LoadedModel model = load("x,prediction,actual\n1,0.2,0\n2,0.7,1.0\n3,,1\n4,0.4,\n");
  const auto& binary = std::get<BinaryEstimation>(model.reference->estimation);
  EXPECT_EQ(binary.rows, 2U) << "rows without score or label teach nothing";
  EXPECT_FALSE(binary.map.is_calibrated());
  EXPECT_THAT(model.notes,
              Contains(HasSubstr("estimated from the scores, taken as probabilities")));
}

TEST_F(ReferenceFileTest, LearnsOneMapAClassAndTheErrorsOfARegression) {
  config_.task = Task::multiclass;
  const LoadedModel multi = load(
      "prediction,score_a,score_b,actual\na,0.7,0.3,a\nb,0.2,0.8,b\nb,0.4,nan,b\na,0.6,0.4,b\n");
  const auto& maps = std::get<MulticlassEstimation>(multi.reference->estimation);
  EXPECT_EQ(maps.classes(), 2U);
  EXPECT_EQ(maps.rows, 3U);
  EXPECT_EQ(maps.position_of(multi.schema->classes->code("b")), 1U);
  EXPECT_EQ(maps.position_of(kNoClass), 2U);

  config_.task = Task::regression;
  const LoadedModel regression = load("prediction,actual\n1,2\n3,3\n5,inf\n");
  const auto& errors = std::get<RegressionEstimation>(regression.reference->estimation);
  ASSERT_EQ(errors.bins.size(), 1U);
  EXPECT_EQ(errors.bins[0].absolute.count, 2U);
  EXPECT_EQ(errors.bins[0].absolute.mean, 0.5);
}

TEST_F(ReferenceFileTest, SaysWhyNothingIsEstimated) {
  const auto nothing = [&](const std::string& content, const std::string& why) {
    const LoadedModel model = load(content);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(model.reference->estimation)) << why;
    EXPECT_THAT(model.notes, Contains(AllOf(HasSubstr(why), HasSubstr("before labels come"))));
  };
  nothing("x,prediction\n1,0.5\n", "no column `actual`");
  nothing("x,actual\n1,1\n", "no column `prediction`");
  nothing("prediction,actual\n0.5,\n,1\n", "no row with score and label");
  config_.task = Task::regression;
  nothing("prediction,actual\n1,2\n2,many\n", "row 2 of the reference's column `actual` is `many`");
  config_.task = Task::multiclass;
  nothing("prediction,actual\na,a\n", "no score_<class>");
  config_.estimate = false;
  EXPECT_THAT(load("prediction,actual\na,a\n").notes, Each(Not(HasSubstr("before labels come"))));
}

TEST_F(ReferenceFileTest, TellsOneReferenceFromAnother) {
  const std::string hash = load("x\n1\n2\n").reference->hash;
  EXPECT_EQ(load("x\n1\n2\n").reference->hash, hash);
  EXPECT_NE(load("x\n1\n3\n").reference->hash, hash);
}

TEST_F(ReferenceFileTest, CountsIdsThatComeAgain) {
  EXPECT_EQ(load("id,amount\na,1\nb,2\na,3\n,4\n,5\na,6\n").reference->duplicates, 2U);
  EXPECT_EQ(load("amount\n1\n1\n").reference->duplicates, 0U);
}

TEST_F(ReferenceFileTest, CountsRowsInStretchesAsLongAsAWindow) {
  config_.window.size = 60'000;
  // Three whole minutes: two rows, none, and one; seconds and texts are the same times.
  for (const char* const times :
       {"1700000000,1700000060,1700000090,1700000190,1700000230",
        "2023-11-14T22:13:20Z,2023-11-14T22:14:20Z,2023-11-14T22:14:50+00:00,"
        "2023-11-14T22:16:30Z,2023-11-14T22:17:10Z"}) {
    std::string content = "ts,amount\n";
    std::istringstream cells(times);
    for (std::string time; std::getline(cells, time, ',');) content += time + ",1\n";
    const auto volume = load(content).reference->volume;
    ASSERT_TRUE(volume) << times;
    EXPECT_EQ(volume->stretches, 3U);
    EXPECT_EQ(volume->lowest, 0U);
    EXPECT_EQ(volume->median, 1U);
    EXPECT_EQ(volume->highest, 2U);
    EXPECT_FALSE(load(content + ",1\n").reference->volume) << "a row without a time";
    EXPECT_FALSE(load(content + "soon,1\n").reference->volume);
  }
  config_.window.count = 10;
  EXPECT_FALSE(load("ts,amount\n1700000000,1\n1700000060,1\n1700000190,1\n").reference->volume);
}

TEST_F(ReferenceFileTest, TakesTheConfiguredRange) {
  config_.features.emplace_back().name = "amount";
  config_.features.back().range = {0, 10};
  const LoadedModel model = load("amount\n-1\n5\n7\n20\ninf\n");
  const auto& amount = std::get<NumericReference>(model.reference->series[0].baseline);
  EXPECT_EQ(amount.range->low, 0);
  EXPECT_EQ(amount.range->high, 10);
  EXPECT_EQ(amount.out_of_range, 3U);
}

// --- The reference's own windows, and what its columns have to do with its predictions

[[nodiscard]] std::string timed_rows(int rows) {
  std::string text = "ts,amount,channel,prediction,actual\n";
  for (int i = 0; i < rows; ++i) {
    // Ten minutes apart; not in the order of time.
    const int at = (i * 7) % rows;
    text += std::to_string(1'700'000'000'000 + at * 600'000LL) + "," + std::to_string(at % 10) +
            (at % 3 == 0 ? ",web," : ",,") + (at % 10 < 5 ? "0.1," : "0.9,") +
            (at % 10 < 5 ? "0\n" : "1\n");
  }
  return text;
}

TEST_F(ReferenceFileTest, IsCutIntoTheWindowsThatLiveTrafficIsCutInto) {
  config_.window.size = 3'600'000;
  std::ofstream(config_.reference, std::ios::binary) << timed_rows(100);
  std::vector<TimeMs> starts;
  std::uint64_t rows = 0;
  std::uint64_t missing = 0;
  const auto model = load_model(
      config_, ModelIndex{0},
      [&](const ModelSchema& schema, const Reference& reference, const ReferenceWindow& window) {
        ASSERT_EQ(window.series.size(), reference.series.size());
        starts.push_back(window.pane);
        rows += window.rows;
        EXPECT_EQ(window.pane % 3'600'000, 0);
        EXPECT_GE(window.first_time, window.pane);
        EXPECT_LT(window.last_time, window.pane + 3'600'000);
        EXPECT_EQ(std::get<NumericSummary>(window.series[0]).present(), window.rows);
        missing += std::get<CategorySummary>(window.series[1]).missing;
        EXPECT_EQ(labelled(window.performance), window.rows);
        EXPECT_EQ(schema.series[1].name, "channel");
      });
  ASSERT_TRUE(model);
  EXPECT_EQ(rows, 100U);
  EXPECT_EQ(missing, 66U);
  EXPECT_THAT(starts, testing::SizeIs(testing::AllOf(testing::Ge(17), testing::Le(18))));
  EXPECT_TRUE(std::ranges::is_sorted(starts));
}

TEST_F(ReferenceFileTest, WindowsByCountAreRunsOfRowsInTheOrderOfTime) {
  config_.window.size = 0;
  config_.window.count = 30;
  std::ofstream(config_.reference, std::ios::binary) << timed_rows(100);
  std::vector<TimeMs> firsts;
  ASSERT_TRUE(load_model(config_, ModelIndex{0},
                         [&](const ModelSchema&, const Reference&, const ReferenceWindow& window) {
                           EXPECT_EQ(window.rows, 30U);
                           EXPECT_EQ(window.pane, static_cast<std::int64_t>(firsts.size()));
                           firsts.push_back(window.first_time);
                         }));
  EXPECT_THAT(firsts, ElementsAre(1'700'000'000'000, 1'700'000'000'000 + 30 * 600'000LL,
                                  1'700'000'000'000 + 60 * 600'000LL))
      << "a last run that is not full is left out";
}

TEST_F(ReferenceFileTest, HasNoWindowsByTimeWhereARowHasNoTime) {
  std::string rows = timed_rows(50);
  rows += ",1,web,0.1,0\n";
  std::ofstream(config_.reference, std::ios::binary) << rows;
  ASSERT_TRUE(load_model(config_, ModelIndex{0},
                         [&](const ModelSchema&, const Reference&, const ReferenceWindow&) {
                           ADD_FAILURE() << "a window of rows without times";
                         }));
}

TEST_F(ReferenceFileTest, MeasuresHowMuchOfThePredictionsGoesWithAColumn) {
  std::string rows = "all,half,none,kind,prediction\n";
  for (int i = 0; i < 2'000; ++i) {
    const int score = i % 10;
    rows += std::to_string(score) + "," + std::to_string(i % 2 == 0 ? score : (i / 10) % 10) + "," +
            std::to_string((i / 10) % 10) + (score < 5 ? ",low," : ",high,") + "0." +
            std::to_string(score) + "\n";
  }
  const LoadedModel model = load(rows);
  const auto influence = [&](std::size_t column) {
    return model.reference->series[column].influence.value();
  };
  EXPECT_NEAR(influence(0), 1, 1e-9) << "the prediction follows from it";
  EXPECT_GT(influence(1), 0.1);
  EXPECT_LT(influence(1), 0.95);
  EXPECT_LT(influence(2), 0.05);
  // Two halves of ten equal ranks: 75 of 99 hundredths of the variance lie between them.
  EXPECT_NEAR(influence(3), 75.0 / 99, 1e-3);
  EXPECT_EQ(model.reference->series[4].influence, std::nullopt) << "of the prediction itself";
  EXPECT_EQ(load("a\n1\n2\n").reference->series[0].influence, std::nullopt) << "no predictions";
}

}  // namespace
}  // namespace driftd
