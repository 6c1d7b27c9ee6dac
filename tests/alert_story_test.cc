#include "daemon/alert_story.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace driftd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

[[nodiscard]] Finding budgeted(const std::string& series, double distance, int windows) {
  Finding finding;
  finding.series = series;
  finding.detector = "location";
  finding.statistic = distance * 4;
  finding.threshold = 4;
  finding.level = Level::drift;
  finding.budget =
      BudgetDetail{.distance = distance, .windows = windows, .reason = series + " moved"};
  return finding;
}

[[nodiscard]] MetricValue metric(const std::string& name, double value, double low, double high) {
  MetricValue said;
  said.metric = name;
  said.value = value;
  said.low = low;
  said.high = high;
  said.level = Level::stable;
  return said;
}

class Story {
 public:
  Story() {
    for (const auto& [name, influence] :
         {std::pair("strong", 0.81), std::pair("weak", 0.01), std::pair("other", 0.04)}) {
      SeriesReference& series = reference_.series.emplace_back();
      series.name = name;
      series.influence = influence;
    }
    reference_.series.push_back({"latency_ms", {}});
  }

  [[nodiscard]] Transition tell(const std::vector<Report>& reports, bool fell = false,
                                HealthState to = HealthState::degraded) const {
    Transition transition;
    transition.from = HealthState::healthy;
    transition.to = to;
    AlertFacts facts;
    facts.fell = fell;
    facts.reports = reports;
    facts.reference = &reference_;
    facts.reference_metric = [](std::string_view name) {
      return name == "accuracy" ? MetricEstimate{0.9, Interval{0.89, 0.91}} : MetricEstimate{};
    };
    tell_story(facts, transition);
    return transition;
  }

 private:
  Reference reference_;
};

TEST(AlertStory, OrdersByDistanceTimesTheCorrelationWithThePredictions) {
  // 3 x 0.1, 1.2 x 0.9, and a series of which no influence is known: 1.1 x 1.
  const Transition alert = Story().tell(
      {budgeted("weak", 3, 1), budgeted("strong", 1.2, 1), budgeted("latency_ms", 1.1, 1)});
  EXPECT_THAT(alert.evidence, ElementsAre("latency_ms moved", "strong moved", "weak moved"));
  EXPECT_THAT(alert.message, StartsWith("Drift in 3 series (latency_ms, strong, weak)"));
}

TEST(AlertStory, PutsTheErrorsFirst) {
  Finding errors = budgeted("errors", 1.01, 4);
  errors.budget->of_errors = true;
  const Transition alert =
      Story().tell({budgeted("strong", 9, 1), errors, metric("accuracy", 0.7, 0.6, 0.8)}, true);
  EXPECT_EQ(alert.performance, ModelPerformance::fell);
  EXPECT_THAT(alert.evidence, ElementsAre("errors moved", "strong moved"));
  EXPECT_EQ(alert.message,
            "Performance fell: accuracy is 0.7 where the reference has 0.9; drift in 1 series "
            "(strong).");
  EXPECT_THAT(alert.together, IsEmpty()) << "errors are no series that moved";
}

TEST(AlertStory, SaysWhatIsKnownOfPerformance) {
  const Report drift = budgeted("strong", 2, 1);
  const Story story;
  EXPECT_EQ(story.tell({drift}).performance, ModelPerformance::unknown);
  EXPECT_THAT(story.tell({drift}).message, HasSubstr("nothing is known of performance yet"));
  EXPECT_EQ(story.tell({drift, metric("accuracy", 0.89, 0.85, 0.92)}).performance,
            ModelPerformance::unaffected);
  EXPECT_EQ(story.tell({drift, metric("accuracy_estimated", 0.895, 0.89, 0.90)}).performance,
            ModelPerformance::unaffected);
  const Transition falls = story.tell({drift, metric("accuracy_estimated", 0.8, 0.79, 0.81)});
  EXPECT_EQ(falls.performance, ModelPerformance::estimated_to_fall);
  EXPECT_THAT(falls.message, HasSubstr("performance is estimated to fall"));
  // A drop that chance may be is none.
  EXPECT_EQ(story.tell({drift, metric("accuracy_estimated", 0.88, 0.8, 0.95)}).performance,
            ModelPerformance::unaffected);
  MetricValue too_few = metric("accuracy", 0.1, 0, 1);
  too_few.level = Level::insufficient_data;
  EXPECT_EQ(story.tell({drift, too_few}).performance, ModelPerformance::unknown);
}

TEST(AlertStory, GroupsWhatBeganToMoveAtAboutTheSameTime) {
  const Transition alert =
      Story().tell({budgeted("strong", 2, 1), budgeted("weak", 2, 2), budgeted("other", 2, 32)});
  EXPECT_THAT(alert.together, ElementsAre("strong, weak"));
}

TEST(AlertStory, AllColumnsTogetherAreNoSeriesOfTheirOwn) {
  Finding all = budgeted("features", 2, 1);
  all.detector = "combined";
  const Transition with = Story().tell({all, budgeted("strong", 2, 1)});
  EXPECT_THAT(with.message, StartsWith("Drift in 1 series (strong);"));
  EXPECT_THAT(with.evidence, testing::SizeIs(2));
  EXPECT_THAT(Story().tell({all}).message,
              StartsWith("A small drift of many numeric columns together;"));
}

TEST(AlertStory, HasWordsForADetectorWithALimitOfItsOwnAndForTheEnd) {
  Finding psi;
  psi.series = "strong";
  psi.detector = "psi";
  psi.statistic = 0.5;
  psi.threshold = 0.2;
  psi.level = Level::drift;
  EXPECT_THAT(Story().tell({psi}).evidence, ElementsAre("strong: psi is 0.5, beyond 0.2"));
  const Transition end = Story().tell({}, false, HealthState::healthy);
  EXPECT_THAT(end.message, StartsWith("As expected again"));
  EXPECT_THAT(end.evidence, IsEmpty());
}

}  // namespace
}  // namespace driftd
