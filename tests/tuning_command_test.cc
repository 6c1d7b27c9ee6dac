// `driftd replay` comparing policies, as a script sees it: the binary over examples/car-loan.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/exit_codes.h"
#include "tests/support/process.h"

namespace driftd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::chrono::seconds kLimit{60};
constexpr std::int64_t kDriftBegins = 1'554'001'200'000;  // examples/car-loan/README.md
constexpr double kCoveredMs = 1'567'077'907'392.0 - 1'540'922'400'000.0;
constexpr double kMonthMs = 30.0 * 86'400'000;

struct Said {
  int status = 0;
  std::string output;
  std::string errors;
};

class TuningCommand : public testing::Test {
 protected:
  TuningCommand() {
    write("strict.toml", "alerts = { policy = \"p_value\", alpha = 0.05 }\n");
    write("labels.toml",
          "[[model]]\nname = \"car-loan\"\n[model.features]\ncar_value = { max_outliers = 1, "
          "detectors = {} }\nsalary_range = { detectors = {} }\nloan_length = { detectors = {} }\n"
          "repaid_loan_on_prev_car = { detectors = {} }\nprediction = { detectors = {} }\n"
          "[model.metrics]\naccuracy = { min = 0.93 }\n");
    write("incidents.csv",
          "time,name,model,end\n"
          "2018-12-24T00:00:00Z,campaign,,\n"
          "2019-03-31T03:00:00Z,four features drift,car-loan,\n"
          "1559232720,latency doubles,,\n"
          "2020-01-01T00:00:00Z,after the end,,\n");
  }
  void write(const std::string& name, const std::string& text) const {
    write_text(folder_.path() / name, text);
  }
  // Of the example with its labels; `words` come behind, in the test's folder.
  [[nodiscard]] Said replay(const std::string& words,
                            const std::string& before = "COLUMNS=80 LC_ALL=C.UTF-8") const {
    const std::string example = DRIFTD_ROOT "/examples/car-loan/";
    const std::string out = folder_.path() / "out";
    const std::string err = folder_.path() / "err";
    const std::string command = "cd '" + folder_.path().string() + "' && " + before + " '" +
                                DRIFTD_BINARY + "' replay -c '" + example +
                                "driftd.toml' --set model.alerts.policy=fixed -p '" + example +
                                "predictions.jsonl.gz' -l '" + example + "labels.jsonl.gz' " +
                                words + " >'" + out + "' 2>'" + err + "'";
    const CommandResult result = run_command({"/bin/sh", "-c", command}, kLimit);
    return {result.status, read_text(out), read_text(err)};
  }
  [[nodiscard]] boost::json::object comparison(const std::string& words) const {
    const Said said = replay("--json " + words);
    EXPECT_EQ(said.status, kExitOk) << said.errors;
    EXPECT_EQ(std::ranges::count(said.output, '\n'), 1);
    return boost::json::parse(said.output).as_object();
  }

  TemporaryFolder folder_;
};

struct Interval {
  std::int64_t from = 0;
  std::int64_t to = 0;  // 0: none
  bool operator==(const Interval&) const = default;
};

[[nodiscard]] std::vector<Interval> alerts_of(const boost::json::value& policy) {
  std::vector<Interval> alerts;
  for (const boost::json::value& alert : policy.at("alert_list").as_array()) {
    alerts.push_back(
        {alert.at("from").as_int64(), alert.at("to").is_null() ? 0 : alert.at("to").as_int64()});
  }
  return alerts;
}

// The same from the report lines of a plain replay.
[[nodiscard]] std::vector<Interval> alerts_in(const std::string& report, std::int64_t& summary) {
  std::vector<Interval> alerts;
  std::istringstream stream(report);
  for (std::string line; std::getline(stream, line);) {
    const boost::json::object object = boost::json::parse(line).as_object();
    if (object.at("type") == "summary") summary = object.at("alerts").to_number<std::int64_t>();
    if (object.at("type") != "health") continue;
    const bool was_bad = object.at("from") == "degraded";
    const bool is_bad = object.at("to") == "degraded";
    if (is_bad && !was_bad) alerts.push_back({object.at("at").as_int64(), 0});
    if (was_bad && !is_bad) alerts.back().to = object.at("at").as_int64();
  }
  return alerts;
}

TEST_F(TuningCommand, SaysOfEachPolicyWhatAReplayOfItsOwnSays) {
  const boost::json::object both =
      comparison("--policy strict.toml --what-if min_samples=400 --what-if 'budget=5 per 1d'");
  const boost::json::array& policies = both.at("policies").as_array();
  ASSERT_EQ(policies.size(), 4U);
  const std::vector<std::pair<std::string, std::string>> alone = {
      {"config", ""},
      {"strict", "--set 'model.alerts={policy=\"p_value\", alpha=0.05}'"},
      {"min_samples=400", "--set model.min_samples=400"},
      {"budget=5 per 1d", "--set 'model.alerts={budget=\"5 per 1d\"}'"}};
  std::size_t alerts = 0;
  for (std::size_t i = 0; i < alone.size(); ++i) {
    EXPECT_EQ(policies[i].at("policy").as_string(), alone[i].first);
    const Said said = replay(alone[i].second);
    ASSERT_EQ(said.status, kExitOk) << said.errors;
    std::int64_t summary = -1;
    const std::vector<Interval> expected = alerts_in(said.output, summary);
    EXPECT_EQ(alerts_of(policies[i]), expected) << alone[i].first;
    EXPECT_EQ(policies[i].at("alerts").to_number<std::int64_t>(), summary) << alone[i].first;
    EXPECT_NEAR(policies[i].at("alerts_per_30d").to_number<double>(),
                static_cast<double>(summary) * kMonthMs / kCoveredMs, 1e-12);
    EXPECT_GT(policies[i].at("cpu_seconds").to_number<double>(), 0);
    alerts += expected.size();
  }
  EXPECT_EQ(policies[0].at("alerts").to_number<int>(), 1);
  EXPECT_EQ(policies[1].at("alerts").to_number<int>(), 4);
  EXPECT_GE(alerts, 7U);
}

TEST_F(TuningCommand, SaysHowSoonAKnownDriftWasNoticed) {
  const boost::json::object found =
      comparison("--policy strict.toml --policy labels.toml --events incidents.csv");
  ASSERT_EQ(found.at("incidents").as_array().size(), 4U);
  const boost::json::array& policies = found.at("policies").as_array();
  ASSERT_EQ(policies.size(), 3U);
  const auto outcomes = [&](std::size_t policy) {
    std::vector<std::string> words;
    for (const boost::json::value& incident : policies[policy].at("incidents").as_array())
      words.emplace_back(incident.at("outcome").as_string());
    return words;
  };
  EXPECT_THAT(outcomes(0), ElementsAre("missed", "caught", "on_before", "no_events"));
  EXPECT_THAT(outcomes(1), ElementsAre("missed", "caught", "on_before", "no_events"));
  EXPECT_THAT(outcomes(2), ElementsAre("missed", "missed", "on_before", "no_events"));
  // The drift begins in the middle of a window of 500, whose last event is at 1554522259392.
  const boost::json::value& caught = policies[0].at("incidents").as_array()[1];
  EXPECT_EQ(caught.at("delay_ms").as_int64(), 1'554'522'259'393 - kDriftBegins);
  EXPECT_EQ(caught.at("known_delay_ms").as_int64(), 1'554'522'259'393 - kDriftBegins);
  EXPECT_EQ(policies[0].at("false_alerts").to_number<int>(), 0);
  EXPECT_EQ(policies[1].at("false_alerts").to_number<int>(), 3);
  EXPECT_NEAR(policies[1].at("false_alerts_per_30d").to_number<double>(), 3 * kMonthMs / kCoveredMs,
              1e-12);
  EXPECT_EQ(policies[0].at("caught").to_number<int>(), 1);
  // A shorter reach makes a miss of it, and a false alert.
  const boost::json::object strict = comparison("--events incidents.csv --events-within 6d");
  const boost::json::value& config = strict.at("policies").as_array()[0];
  EXPECT_EQ(config.at("incidents").as_array()[1].at("outcome").as_string(), "missed");
  EXPECT_EQ(config.at("false_alerts").to_number<int>(), 1);
}

TEST_F(TuningCommand, PrintsATableAChartAndTheAlerts) {
  const Said said = replay("--policy strict.toml --events incidents.csv");
  EXPECT_EQ(said.status, kExitOk) << said.errors;
  EXPECT_THAT(said.output,
              AllOf(StartsWith("12500 predictions and 12500 labels (12500 joined) in "),
                    HasSubstr("303 d of event time, 2018-10-30 18:00 to 2019-08-29 11:25 UTC\n"),
                    HasSubstr("config        1    0.10   48 %     1/3    6.0 d    0.00 "),
                    HasSubstr("strict        4    0.40   64 %     1/3    6.0 d    0.30 ")));
  EXPECT_THAT(said.output, HasSubstr("  2019-04-06 03:44  145 d +    at once   2         "
                                     "drift:car_value +2\n"));
  EXPECT_THAT(said.output, HasSubstr("███"));
  EXPECT_THAT(said.output, Not(HasSubstr("\x1b")));
  EXPECT_THAT(said.output, Not(HasSubstr("\"type\"")));
  const Said ascii = replay("--policy strict.toml", "COLUMNS=80 LC_ALL=C");
  for (const char c : ascii.output) ASSERT_GE(c, 0) << ascii.output;
  EXPECT_THAT(ascii.output, HasSubstr("####"));
}

TEST_F(TuningCommand, WritesTheReportOfTheConfigurationToAFile) {
  const Said alone = replay("-o alone.jsonl");
  const Said both = replay("--policy strict.toml --json -o both.jsonl");
  ASSERT_EQ(alone.status, kExitOk) << alone.errors;
  ASSERT_EQ(both.status, kExitOk) << both.errors;
  const auto without_seconds = [&](const std::string& name) {
    const std::string text = read_text(folder_.path() / name);
    return text.substr(0, text.rfind("\"seconds\""));
  };
  EXPECT_EQ(without_seconds("both.jsonl"), without_seconds("alone.jsonl"));
  EXPECT_THAT(without_seconds("both.jsonl"), HasSubstr("\"type\":\"summary\""));
}

TEST_F(TuningCommand, RefusesWhatIsWrongBeforeItReadsAnything) {
  write("window.toml", "min_samples = 50\nwindow = { count = 100 }\n");
  write("typo.toml", "alerts = { polic = \"fixed\" }\n");
  std::filesystem::create_directory(folder_.path() / "sub");
  write("sub/strict.toml", "min_samples = 50\n");
  write("bad.csv", "time,name\n2019-13-01T00:00:00Z,x\n");
  const auto refused = [&](const std::string& words, int status, const std::string& what) {
    const Said said = replay(words);
    EXPECT_EQ(said.status, status) << words;
    EXPECT_THAT(said.errors, HasSubstr(what)) << words;
    EXPECT_THAT(said.output, IsEmpty()) << words;
  };
  refused("--policy window.toml", kExitConfig,
          "window.toml:2:1: error: `window` is no part of a policy");
  refused("--policy typo.toml", kExitConfig,
          "typo.toml:1:12: error: unknown key `polic` in `alerts`\n  help: did you mean `policy`?");
  refused("--policy none.toml", kExitConfig,
          "none.toml: error: the policy cannot be read: No such file");
  refused("--policy strict.toml --policy sub/strict.toml", kExitConfig,
          "sub/strict.toml: error: two policies are called `strict`");
  refused("--what-if window.count=5", kExitConfig, "--what-if: error: window.count: `window` is");
  refused("--what-if features.car_valeu.max_missing=0", kExitConfig,
          "policy `features.car_valeu.max_missing=0`: model `car-loan` has no series `car_valeu`");
  refused("--events bad.csv", kExitConfig, "bad.csv:2: `time` is no time: `2019-13-01T00:00:00Z`");
  refused("--events none.csv", kExitIo, "none.csv: cannot be opened");
  refused("--events incidents.csv --events-within soon", kExitUsage, "--events-within takes");
  refused("--events-within 7d", kExitUsage, "goes with --events");
  refused("--policy strict.toml -o /no/such/folder/x", kExitIo, "cannot be written");
  EXPECT_EQ(replay("--policy").status, kExitUsage);
}

TEST_F(TuningCommand, HelpTeachesWithExamples) {
  const Said said = replay("--help");
  EXPECT_EQ(said.status, kExitOk);
  EXPECT_THAT(said.output, AllOf(HasSubstr("--what-if KEY=VALUE"), HasSubstr("--policy FILE"),
                                 HasSubstr("--events incidents.csv"), HasSubstr("Exit codes:")));
}

}  // namespace
}  // namespace driftd
