// What the evaluator says of metrics: intervals, drops against the reference, deficits against the
// champion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/evaluator.h"
#include "tests/support/evaluating.h"

namespace driftd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// 200 rows; the model is right in `right` of them.
void write_reference(const ModelConfig& config, int right) {
  std::ofstream out(config.reference);
  out << "amount,channel,prediction,actual\n";
  for (int i = 0; i < 200; ++i) {
    const int actual = i % 2;
    const bool is_right = i < right;
    out << i % 10 << ",web," << ((actual == 1) == is_right ? 0.9 : 0.1) << "," << actual << "\n";
  }
}

[[nodiscard]] MetricConfig max_drop(const std::string& name, double limit) {
  MetricConfig metric;
  metric.name = name;
  metric.max_drop = limit;
  return metric;
}

// A window of `rows` predictions of 0.9 in one version, of which `right` have the label 1.
void fill_version(Evaluating& model, DurationMs window, const std::string& version, int rows,
                  int right, int labelled) {
  for (int i = 0; i < rows; ++i) {
    FakeMessage message =
        prediction(version + "/" + std::to_string(window) + "/" + std::to_string(i),
                   window + i % kSize, i % 10);
    message.version = version;
    model.take(message);
    if (i < labelled) model.take(label_of(message.id, message.ts, i < right ? "1" : "0"));
  }
}

[[nodiscard]] std::optional<MetricValue> metric_of(const std::vector<Report>& reports,
                                                   const std::string& version,
                                                   const std::string& name) {
  for (const MetricValue& value : of<MetricValue>(reports)) {
    if (value.metric == name && value.monitor.version == version) return value;
  }
  return std::nullopt;
}

TEST(EvaluatorMetrics, CarryTheirIntervals) {
  Evaluating model;
  model.fill(0, 100, 100);
  model.label(0, 0);
  const auto accuracy = metric(model.close(), "accuracy");
  ASSERT_TRUE(accuracy && accuracy->low && accuracy->high);
  EXPECT_EQ(accuracy->value, 1.0);
  EXPECT_NEAR(*accuracy->low, 100 / (100 + 1.96 * 1.96), 1e-4) << "Wilson's interval of 100 of 100";
  EXPECT_EQ(accuracy->high, 1.0);
  EXPECT_FALSE(accuracy->bound);
}

TEST(EvaluatorMetrics, JudgeADropAgainstTheReference) {
  struct Case {
    int rows;
    int right;
    Level level;
  };
  // The reference's accuracy is 0.95.
  for (const Case& one : {Case{100, 92, Level::stable}, Case{100, 84, Level::warning},
                          Case{100, 60, Level::degraded}, Case{1'000, 840, Level::degraded}}) {
    Evaluating model([](ModelConfig& config) {
      write_reference(config, 190);
      config.metrics.push_back(max_drop("accuracy", 0.05));
    });
    fill_version(model, 0, "v1", one.rows, one.right, one.rows);
    const auto accuracy = metric(model.close(), "accuracy");
    ASSERT_TRUE(accuracy);
    EXPECT_NEAR(*accuracy->value, static_cast<double>(one.right) / one.rows, 1e-12);
    EXPECT_EQ(accuracy->level, one.level) << one.right << " of " << one.rows;
  }
}

TEST(EvaluatorMetrics, RefuseADropThatNothingCanBeMeasuredFrom) {
  const auto refusal = [](const std::string& content, const std::string& metric) {
    std::string message;
    const auto folder =
        std::filesystem::temp_directory_path() / ("driftd-drop-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    ModelConfig config;
    config.name = "fraud";
    config.reference = folder / "reference.csv";
    std::ofstream(config.reference) << content;
    config.metrics.push_back(max_drop(metric, 0.05));
    const auto loaded = ModelSetup::load({config}, true);
    if (!loaded) message = loaded.error().message;
    std::filesystem::remove_all(folder);
    return message;
  };
  EXPECT_THAT(refusal("amount,prediction\n1,0.5\n", "f1"),
              AllOf(HasSubstr("`max_drop` of `f1`"), HasSubstr("no labels in a column `actual`"),
                    HasSubstr("reference.csv")));
  EXPECT_THAT(refusal("amount,prediction,actual\n1,0.5,1\n", "roc_auc"),
              HasSubstr("not defined on its reference"));
  EXPECT_THAT(refusal("amount,prediction,actual\n1,0.5,1\n", "latency_mean"),
              HasSubstr("no column `latency_ms`"));
  EXPECT_EQ(refusal("amount,prediction,actual,latency_ms\n1,0.5,1,3\n", "latency_mean"), "");
  EXPECT_EQ(refusal("amount,prediction,actual\n1,0.5,1\n2,0.1,0\n", "f1"), "");
}

class Champion : public testing::Test {
 protected:
  Evaluating model_{[](ModelConfig& config) {
    config.champion = "v1";
    MetricConfig& accuracy = config.metrics.emplace_back();
    accuracy.name = "accuracy";
    accuracy.max_deficit = 0.02;
  }};
};

TEST_F(Champion, IsWhatOtherVersionsAreComparedWith) {
  fill_version(model_, 0, "v0", 200, 100, 200);
  fill_version(model_, 0, "v1", 200, 190, 200);
  fill_version(model_, 0, "v2", 200, 180, 200);
  fill_version(model_, 0, "v3", 200, 188, 200);
  const std::vector<Report> reports = model_.close();
  EXPECT_EQ(metric_of(reports, "v0", "accuracy")->level, Level::degraded);
  EXPECT_EQ(metric_of(reports, "v1", "accuracy")->level, Level::stable);
  EXPECT_EQ(metric_of(reports, "v2", "accuracy")->level, Level::warning);
  EXPECT_EQ(metric_of(reports, "v3", "accuracy")->level, Level::stable);
  EXPECT_EQ(metric_of(reports, "v2", "f1")->level, Level::stable) << "f1 has no limit against it";
}

TEST_F(Champion, SaysNothingInAWindowOfItsOwnThatCannotBeJudged) {
  fill_version(model_, 0, "v1", 200, 190, 20);
  fill_version(model_, 0, "v2", 200, 100, 200);
  EXPECT_EQ(metric_of(model_.close(), "v2", "accuracy")->level, Level::stable);
  fill_version(model_, 100, "v2", 200, 100, 200);
  EXPECT_EQ(metric_of(model_.close(), "v2", "accuracy")->level, Level::stable) << "it has none";
}

TEST_F(Champion, HasTheOthersJudgedAnewWhenItsLabelsCome) {
  fill_version(model_, 0, "v1", 200, 190, 0);
  fill_version(model_, 0, "v2", 200, 100, 200);
  EXPECT_EQ(metric_of(model_.close(), "v2", "accuracy")->level, Level::stable);
  for (int i = 0; i < 200; ++i)
    model_.take(label_of("v1/0/" + std::to_string(i), kBegin + 150, "1"));
  (void)model_.close();
  const std::vector<Report> amended = model_.amend(true);
  const auto challenger = metric_of(amended, "v2", "accuracy");
  ASSERT_TRUE(challenger);
  EXPECT_EQ(challenger->level, Level::degraded);
  EXPECT_EQ(challenger->window.revision, 1);
  EXPECT_TRUE(model_.amend(true).empty()) << "once";
}

TEST(ChampionByCount, IsComparedByItsNewestWindowThatWasJudged) {
  Evaluating model([](ModelConfig& config) {
    config.window.size = 0;
    config.window.count = 100;
    config.champion = "v1";
    MetricConfig& accuracy = config.metrics.emplace_back();
    accuracy.name = "accuracy";
    accuracy.max_deficit = 0.02;
  });
  fill_version(model, 0, "v1", 100, 60, 100);
  (void)model.close();
  fill_version(model, 100, "v1", 100, 95, 100);
  fill_version(model, 200, "v1", 100, 95, 10);
  (void)model.close();
  fill_version(model, 300, "v2", 100, 70, 100);
  EXPECT_EQ(metric_of(model.close(), "v2", "accuracy")->level, Level::degraded)
      << "the second window of the champion, not the first and not the third";
}

// --- Label maturity

constexpr DurationMs kSecond = 1'000;
constexpr DurationMs kNever = -1;

// A prediction a second in windows of 100 s; the last 12 of a window are positive. Negatives are
// labelled after 19 s, positives ten times later. A model that `finds` positives finds all but two
// of a window, and takes two negatives for positives.
class LatePositives {
 public:
  explicit LatePositives(bool finds, bool labels_all = true)
      : finds_(finds), labels_all_(labels_all), model_([](ModelConfig& config) {
          config.window.size = 100 * kSecond;
          config.label_horizon = 10'000 * kSecond;
        }) {}

  // Sends what comes before the second `until`, and closes and amends.
  std::vector<Report> go_on(DurationMs until) {
    for (; now_ < until; ++now_) {
      model_.take(prediction_at(now_));
      for (const DurationMs at : {now_ - 19, now_ - 190}) {
        if (at < 0 || delay_of(at) != now_ - at) continue;
        const TimeMs time = kBegin + now_ * kSecond;
        model_.take(label_of(std::to_string(at), time, is_positive(at) ? "1" : "0"));
      }
    }
    model_.evaluator().set_event_time(ModelIndex{0}, kBegin + until * kSecond);
    std::vector<Report> reports = model_.close_until(kBegin + until * kSecond);
    model_.wait();
    for (const Report& report : model_.amend()) reports.push_back(report);
    return reports;
  }
  // The last that was said of a metric of the window that begins at a second.
  [[nodiscard]] static std::optional<MetricValue> last(const std::vector<Report>& reports,
                                                       const std::string& name, DurationMs window) {
    std::optional<MetricValue> last;
    for (const MetricValue& value : of<MetricValue>(reports)) {
      if (value.metric == name && value.window.start == kBegin + window * kSecond) last = value;
    }
    return last;
  }
  [[nodiscard]] Evaluating& model() { return model_; }

 private:
  [[nodiscard]] static bool is_positive(DurationMs at) { return at % 100 >= 88; }
  [[nodiscard]] DurationMs delay_of(DurationMs at) const {
    if (!labels_all_ && at % 100 == 50) return kNever;
    return is_positive(at) ? 190 : 19;
  }
  [[nodiscard]] FakeMessage prediction_at(DurationMs at) const {
    FakeMessage message = prediction(std::to_string(at), at * kSecond, at % 10);
    const bool is_wrong = at % 100 == 90 || at % 100 == 95 || at % 100 < 2;
    message.score = finds_ && is_positive(at) != is_wrong ? 0.9 : 0.1;
    return message;
  }
  bool finds_;
  bool labels_all_;
  Evaluating model_;
  DurationMs now_ = 0;
};

TEST(LabelMaturity, DoesNotJudgeAWindowOnTheClassWhoseLabelsComeFirst) {
  LatePositives stream(true);
  // All of the first window's negatives have a label, 88 % of all, and no positive.
  const auto early = LatePositives::last(stream.go_on(150), "f1", 0);
  ASSERT_TRUE(early);
  EXPECT_NEAR(early->coverage, 0.88, 1e-9) << "enough of them, were they a sample of all";
  EXPECT_EQ(early->value, 0.0) << "by which it would be degraded";
  EXPECT_EQ(early->level, Level::insufficient_data);
  EXPECT_NEAR(early->coverage_by_class.at("1"), 2.0 / 12, 1e-9);
  EXPECT_NEAR(early->coverage_by_class.at("not 1"), 86.0 / 88, 1e-9);
  EXPECT_EQ(stream.model().health().state, HealthState::healthy) << "of what could be judged";

  const auto late = LatePositives::last(stream.go_on(320), "f1", 0);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->labelled, 100);
  EXPECT_NEAR(*late->value, 20.0 / 24, 1e-12);
  EXPECT_EQ(late->level, Level::stable);
  EXPECT_EQ(late->coverage_by_class.at("1"), 1.0);
}

TEST(LabelMaturity, KnowsFromDelaysWhatPredictionsDoNotTell) {
  LatePositives stream(false);  // nothing is ever predicted to be positive
  (void)stream.go_on(450);
  const auto young = LatePositives::last(stream.go_on(550), "recall", 400);
  ASSERT_TRUE(young);
  EXPECT_NEAR(young->coverage, 0.88, 1e-9);
  EXPECT_EQ(young->level, Level::insufficient_data);
  EXPECT_EQ(young->coverage_by_class.at("1"), 0.0) << "190 s are not over for any of them";
  const auto grown = LatePositives::last(stream.go_on(750), "recall", 400);
  ASSERT_TRUE(grown);
  EXPECT_EQ(grown->level, Level::stable);
}

TEST(LabelMaturity, JudgesAWindowWhenItIsOldEnoughThoughNoMoreLabelsCome) {
  LatePositives stream(true, false);  // a label of each window never comes
  (void)stream.go_on(690);
  // The last label of the window came a second ago. It may be too early to know: labels of
  // positives are known to take between 181 and 256 s.
  const auto before = LatePositives::last(stream.go_on(790), "f1", 500);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->labelled, 99);
  EXPECT_EQ(before->level, Level::insufficient_data);
  const auto after = LatePositives::last(stream.go_on(800), "f1", 500);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->labelled, 99);
  EXPECT_EQ(after->level, Level::stable);
  EXPECT_EQ(after->window.revision, before->window.revision + 1);
  EXPECT_GT(after->coverage_by_class.at("1"), before->coverage_by_class.at("1"));
  EXPECT_FALSE(LatePositives::last(stream.go_on(810), "f1", 500)) << "once";
}

TEST(LabelMaturity, JudgesAWindowWhoseHorizonHasPassedWithWhatThereIs) {
  LatePositives stream(true);
  (void)stream.go_on(150);
  const auto final = LatePositives::last(
      stream.model().mature(kBegin + 20'000 * kSecond, kBegin + 20'000 * kSecond), "f1", 0);
  ASSERT_TRUE(final);
  EXPECT_EQ(final->level, Level::degraded);
}

// What is known of delays outlives the windows that it was learnt from, and a restart.
TEST(LabelMaturity, KeepsWhatItLearntFromWindowsThatAreFinal) {
  LatePositives stream(false);
  (void)stream.go_on(450);
  (void)stream.model().mature(kBegin + 10'400 * kSecond, kBegin + 10'400 * kSecond);
  const ClassDelays& kept = stream.model().evaluator().monitors().at({}).label_delays;
  ASSERT_EQ(kept.slots().size(), 2U);
  const auto young = LatePositives::last(stream.go_on(550), "recall", 400);
  ASSERT_TRUE(young);
  EXPECT_EQ(young->level, Level::insufficient_data);
}

}  // namespace
}  // namespace driftd
