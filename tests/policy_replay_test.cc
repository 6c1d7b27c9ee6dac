// Several policies in one pass say what each of them says in a replay of its own.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/load.h"
#include "config/policies.h"
#include "daemon/replay.h"
#include "sinks/report_json.h"
#include "tests/config_fixture.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;

// The lines of every policy.
class Lines final : public ReplayObserver {
 public:
  void report(const Report& report) override { add(base_, report); }
  void judged(std::size_t policy, const Report& report, TimeMs arrived) override {
    add(by_policy_[policy], report);
    EXPECT_GE(arrived, arrived_) << "arrival never goes back";
    arrived_ = arrived;
    if (const auto* transition = std::get_if<Transition>(&report)) {
      EXPECT_LE(transition->at, arrived + 1) << "said before it could be known";
    }
  }
  void progress(std::uint64_t, std::uint64_t) override {}

  [[nodiscard]] const std::vector<std::string>& base() const { return base_; }
  [[nodiscard]] const std::vector<std::string>& of(std::size_t policy) {
    return by_policy_[policy];
  }

 private:
  static void add(std::vector<std::string>& lines, const Report& report) {
    std::string line;
    append_json(line, report);
    lines.push_back(std::move(line));
  }
  std::vector<std::string> base_;
  std::map<std::size_t, std::vector<std::string>> by_policy_;
  TimeMs arrived_ = kNoTime;
};

// How much later than the end of the window the first alert of each model was told.
class Arrivals final : public ReplayObserver {
 public:
  void report(const Report&) override {}
  void judged(std::size_t, const Report& report, TimeMs arrived) override {
    if (const auto* transition = std::get_if<Transition>(&report);
        transition != nullptr && transition->to == HealthState::degraded)
      waited.emplace(transition->monitor.model, arrived - transition->at);
  }
  void progress(std::uint64_t, std::uint64_t) override {}

  std::map<std::string, DurationMs> waited;
};

class PolicyReplayOfTwoModels : public ConfigFixture {};

class PolicyReplay : public ConfigFixture, public testing::WithParamInterface<std::string> {};

TEST_P(PolicyReplay, SaysOfEachPolicyWhatAReplayOfItsOwnSays) {
  const fs::path example = fs::path(DRIFTD_ROOT) / "examples" / "car-loan";
  const std::string toml = fmt::format(
      "[[model]]\nname = \"car-loan\"\npositive_class = 1\nreference = \"{}\"\n"
      "reference_max_distinct = 1000\nlabel_horizon = \"90d\"\nwindow = {}\n"
      "alerts = {{ policy = \"fixed\" }}\nfeatures = {{ car_value = {{ type = \"numeric\" }} }}\n",
      (example / "reference.csv.gz").string(), GetParam());
  // The reference is thinned, and only this one looks at what lies in the gaps.
  write("gaps.toml",
        "[features]\ncar_value.detectors = { wasserstein = { threshold = 5000 }, ks = {} }\n"
        "driver_tenure.detectors = { cvm = {}, mann_whitney = {} }\n");
  write("labels.toml",
        "min_samples = 60\nmin_coverage = 0.5\nmetrics = { accuracy = { min = 0.93 } }\n"
        "[[sequential]]\ndetector = \"page_hinkley\"\non = \"metric:accuracy\"\n"
        "set = { threshold = 0.01, min_instances = 3 }\n");
  const Config config = load_good(toml, {{}, true});
  const auto policies = load_policies(config.path, {{}, true},
                                      {{path("gaps.toml"), path("labels.toml")},
                                       {"policy=p_value", "budget=1 per 30d", "budget=1 per 3000d",
                                        "model.quality.max_duplicate=0"}});
  ASSERT_TRUE(policies.has_value()) << to_text(policies.error());

  const ReplayOptions options{(example / "predictions.jsonl.gz").string(),
                              (example / "labels.jsonl.gz").string(), 0};
  Lines together;
  const auto result = replay_policies(config, *policies, options, together);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  ASSERT_EQ(result->policies.size(), policies->size() + 1);
  EXPECT_EQ(result->traffic.at(0).predictions, 12'500U);
  EXPECT_EQ(result->traffic.at(0).first_time, 1'540'922'400'000);
  EXPECT_EQ(result->traffic.at(0).last_time, 1'567'077'907'392);
  EXPECT_EQ(together.base(), together.of(0));

  std::set<std::vector<std::string>> different;
  for (std::size_t i = 0; i <= policies->size(); ++i) {
    Config alone = config;
    if (i > 0) alone.models = (*policies)[i - 1].models;
    Lines lines;
    const auto summary = replay(alone, options, lines);
    ASSERT_TRUE(summary.has_value()) << summary.error().message;
    EXPECT_GT(lines.base().size(), 100U);
    EXPECT_EQ(lines.base(), together.of(i)) << "policy " << i;
    EXPECT_EQ(summary->alerts, result->policies[i].alerts) << "policy " << i;
    different.insert(lines.base());
  }
  EXPECT_EQ(different.size(), policies->size() + 1)
      << "policies that all say the same prove little";
}

INSTANTIATE_TEST_SUITE_P(Windows, PolicyReplay,
                         testing::Values("{ count = 500 }", "{ size = \"2d\" }",
                                         "{ size = \"6d\", slide = \"2d\", lateness = \"6h\" }"),
                         [](const auto& test) { return fmt::format("Kind{}", test.index); });

// Both lie in the same batches, and one is folded before the other.
TEST_F(PolicyReplayOfTwoModels, TellsOfEachWhenItsOwnEventsHadCome) {
  std::string events;
  for (int i = 0; i < 400; ++i) {
    for (const char* const model : {"a", "b"}) {
      events += fmt::format(
          "{{\"id\":\"{0}{1}\",\"model\":\"{0}\",\"ts\":{2},\"features\":{{\"amount\":{3}}},"
          "\"prediction\":0.5}}\n",
          model, i, 1'700'000'000'000 + i * 60'000, i < 200 ? i % 2 : 50);
    }
  }
  write("events.ndjson", events);
  std::string rows = "amount,prediction\n";
  for (int i = 0; i < 100; ++i) rows += fmt::format("{},0.5\n", i % 2);
  write("reference.csv", rows);
  const Config config = load_good(
      "[[model]]\nname = \"a\"\nreference = \"reference.csv\"\nwindow = { count = 50 }\n"
      "alerts = { policy = \"fixed\" }\n[[model]]\nname = \"b\"\nreference = \"reference.csv\"\n"
      "window = { size = \"1h\", lateness = \"10m\" }\nalerts = { policy = \"fixed\" }\n",
      {{}, true});
  Arrivals arrivals;
  const auto result = replay_policies(config, {}, {path("events.ndjson"), "", 0}, arrivals);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  // The first window that ends behind the 200th minute, and the event that closes it.
  ASSERT_EQ(arrivals.waited.count("a"), 1U);
  EXPECT_EQ(arrivals.waited["a"], -1);  // the window's end is 1 ms behind its last event
  ASSERT_EQ(arrivals.waited.count("b"), 1U);
  EXPECT_GE(arrivals.waited["b"], 10 * 60'000);
  EXPECT_LE(arrivals.waited["b"], 11 * 60'000);
}

class PolicyProblems : public ConfigFixture {
 protected:
  std::string problem_of(const std::string& rules) {
    write("reference.csv", "amount,country,prediction\n1,DE,0.5\n2,FR,0.25\n");
    write("events.ndjson", "");
    write("a.toml", rules);
    const Config config = load_good(kModel, {{}, true});
    const auto policies = load_policies(config.path, {{}, true}, {{path("a.toml")}, {}});
    if (!policies) return to_text(policies.error());
    Lines lines;
    const auto result = replay_policies(config, *policies, {path("events.ndjson"), "", 0}, lines);
    return result ? "nothing" : result.error().message;
  }
};

// Only the reference tells.
TEST_F(PolicyProblems, ThatTheReferenceShowsNameThePolicy) {
  EXPECT_EQ(problem_of("features = { amuont = { max_missing = 0.1 } }\n"),
            "policy `a`: model `m` has no series `amuont`: its series are amount, country, "
            "prediction");
  EXPECT_TRUE(problem_of("features = { country = { detectors = { ks = {} } } }\n")
                  .starts_with("policy `a`: model `m`: detector `ks` does not fit"));
  EXPECT_TRUE(problem_of("metrics = { accuracy = { max_drop = 0.1 } }\n")
                  .starts_with("policy `a`: model `m`: `max_drop` of `accuracy` cannot be judged"));
  EXPECT_EQ(problem_of("min_samples = 5\n"), "nothing");
}

}  // namespace
}  // namespace driftd
