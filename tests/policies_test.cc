// Policies laid over a configuration: what they may change, and every way in which they are wrong.
#include "config/policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/config_fixture.h"

namespace driftd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kTwoModels[] = R"(
[[model]]
name = "loan"
reference = "reference.csv"
window = { count = 500 }
min_samples = 40
alerts = { policy = "p_value", alpha = 0.01 }
[model.features]
amount = { type = "numeric", max_missing = 0.1, detectors = { ks = { threshold = 0.2 }, psi = {} } }
[model.metrics]
accuracy = { min = 0.9, max_drop = 0.05 }

[[model]]
name = "price"
reference = "reference.csv"
task = "regression"
alerts = { policy = "fixed" }
)";

class Policies : public ConfigFixture {
 protected:
  auto load_all(const std::vector<std::string>& files, const std::vector<std::string>& what_ifs) {
    write("driftd.toml", text_);
    PolicyOptions options;
    for (const std::string& file : files) options.files.push_back(path(file));
    options.what_ifs = what_ifs;
    return load_policies(path("driftd.toml"), {{}, true}, options);
  }
  std::vector<Policy> load_good_policies(const std::vector<std::string>& files,
                                         const std::vector<std::string>& what_ifs = {}) {
    auto policies = load_all(files, what_ifs);
    if (!policies) ADD_FAILURE() << to_text(policies.error());
    return policies.value_or(std::vector<Policy>{});
  }
  // What is printed, without the folder of the test.
  std::string problems_of(const std::vector<std::string>& files,
                          const std::vector<std::string>& what_ifs = {}) {
    const auto policies = load_all(files, what_ifs);
    if (policies) {
      ADD_FAILURE() << "nothing was wrong";
      return "";
    }
    std::string printed = to_text(policies.error());
    for (std::size_t at; (at = printed.find(path(""))) != std::string::npos;)
      printed.erase(at, path("").size());
    return printed;
  }
  std::string problems_in(const std::string& toml) {
    write("a.toml", toml);
    return problems_of({"a.toml"});
  }

  std::string text_ = kTwoModels;
};

[[nodiscard]] std::vector<std::string> detectors_of(const FeatureConfig& feature) {
  std::vector<std::string> names;
  for (const DetectorConfig& detector : feature.detectors.value()) names.push_back(detector.name);
  return names;
}

TEST_F(Policies, LeaveWhatTheyDoNotSayAsItIs) {
  write("quiet.toml", "min_samples = 100\n");
  const auto policies = load_good_policies({"quiet.toml"});
  ASSERT_THAT(policies, SizeIs(1));
  EXPECT_EQ(policies[0].name, "quiet");
  ASSERT_THAT(policies[0].models, SizeIs(2));
  const ModelConfig& loan = policies[0].models[0];
  EXPECT_EQ(loan.min_samples, 100);
  EXPECT_EQ(policies[0].models[1].min_samples, 100);
  EXPECT_EQ(loan.window.count, 500);
  EXPECT_EQ(loan.features[0].max_missing, 0.1);
  EXPECT_THAT(detectors_of(loan.features[0]), ElementsAre("ks", "psi"));
  EXPECT_EQ(loan.metrics[0].max_drop, 0.05);
}

TEST_F(Policies, MergeTablesKeyByKeyAndReplaceDetectors) {
  write("a.toml", R"(
[features]
amount = { max_missing = 0.2, detectors = { wasserstein = { threshold = 3 } } }
[[model]]
name = "loan"
quality = { max_duplicate = 0.01 }
[model.metrics]
accuracy = { min = 0.8 }
f1 = { min = 0.7 }
[[model.sequential]]
detector = "page_hinkley"
on = "metric:accuracy"
)");
  const auto policies = load_good_policies({"a.toml"});
  ASSERT_THAT(policies, SizeIs(1));
  const ModelConfig& loan = policies[0].models[0];
  EXPECT_EQ(loan.features[0].type, SeriesType::numeric);
  EXPECT_EQ(loan.features[0].max_missing, 0.2);
  EXPECT_THAT(detectors_of(loan.features[0]), ElementsAre("wasserstein"));
  ASSERT_THAT(loan.metrics, SizeIs(2));
  EXPECT_EQ(loan.metrics[0].min, 0.8);
  EXPECT_EQ(loan.metrics[0].max_drop, 0.05);
  EXPECT_THAT(loan.sequential, SizeIs(1));
  EXPECT_EQ(loan.quality.max_duplicate, 0.01);
  const ModelConfig& price = policies[0].models[1];
  EXPECT_THAT(detectors_of(price.features.at(0)), ElementsAre("wasserstein"));
  EXPECT_THAT(price.metrics, SizeIs(0));
}

TEST_F(Policies, OfOneModelComeOverThoseOfAll) {
  write("a.toml", "min_samples = 60\n[[model]]\nname = \"price\"\nmin_samples = 70\n");
  const auto policies = load_good_policies({"a.toml"});
  ASSERT_THAT(policies, SizeIs(1));
  EXPECT_EQ(policies[0].models[0].min_samples, 60);
  EXPECT_EQ(policies[0].models[1].min_samples, 70);
}

TEST_F(Policies, ANewChoiceOfAlertsDropsWhatBelongedToTheOldOne) {
  const double usual = ModelConfig{}.alerts.alpha;
  write("a.toml", "alerts = { policy = \"p_value\" }\n");
  write("b.toml", "alerts = { alpha = 0.2 }\n");
  const auto policies = load_good_policies({"a.toml", "b.toml"});
  ASSERT_THAT(policies, SizeIs(2));
  EXPECT_EQ(policies[0].models[0].alerts.alpha, usual);
  EXPECT_EQ(policies[1].models[0].alerts.policy, AlertPolicy::p_value);
  EXPECT_EQ(policies[1].models[0].alerts.alpha, 0.2);
  EXPECT_EQ(policies[1].models[1].alerts.policy, AlertPolicy::fixed);
}

// A budget and another policy exclude each other.
TEST_F(Policies, ABudgetTakesThePlaceOfAnotherPolicyAndBack) {
  write("a.toml", "alerts = { budget = \"2 per 7d\", on = \"drift\" }\n");
  const auto policies = load_good_policies({"a.toml"}, {"budget=\"1 per 90d\""});
  ASSERT_THAT(policies, SizeIs(2));
  EXPECT_EQ(policies[1].name, "budget=1 per 90d");
  EXPECT_EQ(policies[1].models[0].alerts.budget_period, 90LL * 86'400'000);
  for (const Policy& policy : policies) {
    EXPECT_EQ(policy.models[0].alerts.policy, AlertPolicy::budget);
    EXPECT_EQ(policy.models[1].alerts.policy, AlertPolicy::budget);
  }
  text_ =
      "[[model]]\nname = \"m\"\nreference = \"reference.csv\"\n"
      "alerts = { budget = \"1 per 7d\", min_effect = { share = 0.2 }, on = \"drift\" }\n";
  const auto back = load_good_policies({}, {"policy=fixed", "budget=\"1 per 90d\""});
  ASSERT_THAT(back, SizeIs(2));
  EXPECT_EQ(back[0].models[0].alerts.policy, AlertPolicy::fixed);
  EXPECT_EQ(back[0].models[0].alerts.on, AlertOn::drift);
  EXPECT_EQ(back[1].models[0].alerts.min_share_effect, 0.2);
}

TEST_F(Policies, OfOneKeyAreCalledAfterIt) {
  const auto policies =
      load_good_policies({}, {"alpha=0.3", "policy=\"fixed\"", "model.1.min_samples=7",
                              "features.amount.detectors.ks.threshold=0.5", "min_coverage=0.5"});
  ASSERT_THAT(policies, SizeIs(5));
  EXPECT_EQ(policies[0].name, "alpha=0.3");
  EXPECT_EQ(policies[0].models[0].alerts.alpha, 0.3);
  EXPECT_EQ(policies[1].name, "policy=fixed");
  EXPECT_EQ(policies[1].models[0].alerts.policy, AlertPolicy::fixed);
  EXPECT_EQ(policies[2].models[0].min_samples, 40);
  EXPECT_EQ(policies[2].models[1].min_samples, 7);
  // One key changes one limit: the other detector stays.
  EXPECT_THAT(detectors_of(policies[3].models[0].features[0]), ElementsAre("ks", "psi"));
  EXPECT_EQ(policies[3].models[0].features[0].detectors->at(0).threshold, 0.5);
  EXPECT_EQ(policies[4].models[1].min_coverage, 0.5);
}

TEST_F(Policies, LieOverWhatTheCommandLineHasSet) {
  write("driftd.toml", text_);
  const auto policies = load_policies(path("driftd.toml"), {{"model.0.min_samples=44"}, true},
                                      {{}, {"min_coverage=0.5"}});
  ASSERT_TRUE(policies.has_value());
  EXPECT_EQ(policies->at(0).models[0].min_samples, 44);
}

TEST_F(Policies, MayNotChangeWhatIsCounted) {
  EXPECT_EQ(problems_in("min_samples = 3\nwindow = { count = 5 }\n"),
            "a.toml:2:1: error: `window` is no part of a policy: it decides what is counted and "
            "when, and all policies of a replay share the counters\n"
            "  help: change it in the configuration and replay again\n");
  for (const std::string key :
       {"reference = \"x\"", "task = \"binary\"", "label_horizon = \"1d\"", "estimate = false",
        "positive_class = 1", "reference_max_distinct = 100", "amend_interval = \"1s\""}) {
    EXPECT_THAT(problems_in(key + "\n"), HasSubstr("is no part of a policy: it decides")) << key;
    EXPECT_THAT(problems_in("[[model]]\nname = \"loan\"\n" + key + "\n"),
                HasSubstr("a.toml:3:1: error: `"))
        << key;
  }
  EXPECT_THAT(problems_in("features = { amount = { type = \"categorical\" } }\n"),
              HasSubstr("a.toml:1:25: error: `features.amount.type` is no part of a policy"));
  EXPECT_THAT(problems_in("[[model]]\nname = \"loan\"\n[model.features.amount]\nrange = [0, 1]\n"),
              HasSubstr("a.toml:4:1: error: `features.amount.range` is no part of a policy"));
  EXPECT_THAT(problems_in("[daemon]\nlanes = 1\n"),
              AllOf(HasSubstr("`daemon` is no part of a policy"), HasSubstr("a policy may have")));
}

TEST_F(Policies, TellsEveryProblemOfEveryPolicyAtOnce) {
  write("a.toml", "alert = { policy = \"fixed\" }\n");
  write("b.toml", "alerts = { polcy = \"fixed\" }\nmin_samples = 0\n");
  const std::string said = problems_of({"a.toml", "b.toml", "none.toml"}, {"alpha=7"});
  EXPECT_THAT(said, AllOf(HasSubstr("a.toml:1:1: error: unknown key `alert` in a policy\n"
                                    "  help: did you mean `alerts`?\n"),
                          HasSubstr("b.toml:1:12: error: unknown key `polcy` in `alerts`\n"),
                          HasSubstr("b.toml:2:15: error: `min_samples` must be between"),
                          HasSubstr("none.toml: error: the policy cannot be read: "),
                          HasSubstr("--what-if: error: alpha: `alpha` must be greater than 0")));
  // Although the rule is for two models.
  EXPECT_EQ(said.find("`min_samples` must"), said.rfind("`min_samples` must"));
}

TEST_F(Policies, ThatAreWrongOnlyTogetherWithTheConfigurationSayWhichOneItIs) {
  EXPECT_THAT(problems_in("[[model]]\nname = \"loan\"\nmetrics = { accuracy = { max = 0.5 } }\n"),
              HasSubstr("driftd.toml:11:20: error: `min` (0.9) is above `max` (0.5) (under the "
                        "policy `a`)\n"));
}

TEST_F(Policies, NameModelsOfTheConfiguration) {
  EXPECT_THAT(problems_in("[[model]]\nname = \"laon\"\n"),
              AllOf(HasSubstr("a.toml:2:8: error: the configuration has no model `laon`"),
                    HasSubstr("did you mean `loan`?")));
  EXPECT_THAT(problems_in("[[model]]\nmin_samples = 3\n"),
              HasSubstr("a.toml:1:1: error: a [[model]] of a policy needs the `name`"));
  EXPECT_THAT(problems_in("[[model]]\nname = \"loan\"\n[[model]]\nname = \"loan\"\n"),
              HasSubstr("a.toml:3:1: error: the model `loan` is there twice"));
  EXPECT_THAT(problems_in("[model]\nname = \"loan\"\n"), HasSubstr("two brackets"));
  EXPECT_THAT(problems_in("min_samples = \n"), HasSubstr("a.toml:1:"));
}

TEST_F(Policies, HaveNamesOfTheirOwn) {
  write("x/same.toml", "min_samples = 50\n");
  write("y/same.toml", "min_samples = 60\n");
  write("config.toml", "min_samples = 60\n");
  EXPECT_THAT(
      problems_of({"x/same.toml", "y/same.toml"}),
      HasSubstr("y/same.toml: error: two policies are called `same`, also that of x/same.toml\n"));
  EXPECT_THAT(problems_of({"config.toml"}), HasSubstr("a policy cannot be called `config`"));
  EXPECT_THAT(problems_of({}, {"alpha=0.1", "alpha=0.1"}), HasSubstr("`alpha=0.1` is there twice"));
}

TEST_F(Policies, OfOneKeySayWhatIsWrongWithIt) {
  EXPECT_THAT(problems_of({}, {"alpha"}), HasSubstr("--what-if: error: alpha: not of the form"));
  EXPECT_THAT(problems_of({}, {"window.count=5"}),
              HasSubstr("--what-if: error: window.count: `window` is no part of a policy"));
  EXPECT_THAT(problems_of({}, {"source.brokers=x"}), HasSubstr("`source` is no part of a policy"));
  EXPECT_THAT(problems_of({}, {"bugdet=1"}), HasSubstr("unknown key `bugdet` in `alerts`"));
  EXPECT_THAT(problems_of({}, {"model.min_samples=5"}),
              AllOf(HasSubstr("has 2 models; say which"), HasSubstr("model.0.min_samples")));
  EXPECT_THAT(problems_of({}, {"model.2.min_samples=5"}), HasSubstr("there is no `model.2`"));
  EXPECT_THAT(problems_of({}, {"model.0=5"}), HasSubstr("no key of a model is named"));
  EXPECT_THAT(problems_of({}, {"model.0.task=binary"}), HasSubstr("`task` is no part of a policy"));
}

TEST_F(Policies, HaveALimit) {
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= kMostPolicies; ++i)
    many.push_back("min_samples=" + std::to_string(i + 1));
  EXPECT_THAT(problems_of({}, many), HasSubstr("more than a replay compares at once"));
  many.pop_back();
  EXPECT_THAT(load_good_policies({}, many), SizeIs(kMostPolicies));
}

}  // namespace
}  // namespace driftd
