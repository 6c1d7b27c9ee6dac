// How a comparison of policies looks to people and to programs.
#include "daemon/tuning/tuning_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/shown_text.h"
#include "daemon/tuning/tuning_json.h"

namespace driftd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr DurationMs kHour = 3'600'000;
constexpr DurationMs kDay = 24 * kHour;
constexpr TimeMs kBegin = 1'767'225'600'000;  // 2026-01-01T00:00:00Z

[[nodiscard]] Alert alert(double from_days, std::optional<double> to_days,
                          std::vector<std::string> reasons, DurationMs waited = 0) {
  const auto time = [](double days) { return kBegin + static_cast<TimeMs>(days * kDay); };
  Alert alert;
  alert.monitor = {"loan", "v1", "all"};
  alert.from = time(from_days);
  alert.known = alert.from + waited;
  if (to_days) alert.to = time(*to_days);
  alert.reasons = std::move(reasons);
  return alert;
}

// 40 days, so that a chart of 40 columns has one a day.
[[nodiscard]] Tuning example(bool with_incidents) {
  Tuning tuning;
  tuning.summary.predictions = 2'000'000;
  tuning.traffic = {{"loan", 2'000'000, kBegin, kBegin + 40 * kDay}};
  tuning.has_incidents = with_incidents;
  if (with_incidents) {
    tuning.incidents = {{kBegin + 10 * kDay, std::nullopt, "deploy", ""},
                        {kBegin + 20 * kDay, std::nullopt, "price change", "loan"},
                        {kBegin + 30 * kDay, std::nullopt, "outage", ""},
                        {kBegin + 50 * kDay, std::nullopt, "later", ""}};
  }
  add_policy(tuning, {"config", {alert(21, std::nullopt, {"drift:amount", "drift:age"})}, 0.5});
  add_policy(tuning, {"budget=1 per 7d",
                      {alert(2, 4, {"drift:age"}), alert(12.75, 13, {"low_accuracy"}, 3 * kDay),
                       alert(20.5, 21.5, {"drift:amount"})},
                      12.5});
  return tuning;
}

[[nodiscard]] std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(TimeLines, ShowEachPolicyOverTime) {
  EXPECT_EQ(time_lines(example(true), {57, true, false}, 15),
            "incidents                  1         2         3\n"
            "config           ·····················███████████████████\n"
            "budget=1 per 7d  ··██········▄·······██··················\n"
            "                 |2026-01-01   |2026-01-15   |2026-01-29\n"
            "                 · quiet  ▄ alerting in part  █ alerting; a column is 24.0 h\n");
}

TEST(TimeLines, AreAsciiWhereTheTerminalIs) {
  EXPECT_EQ(time_lines(example(false), {57, false, false}, 15),
            "config           .....................###################\n"
            "budget=1 per 7d  ..##........+.......##..................\n"
            "                 |2026-01-01   |2026-01-15   |2026-01-29\n"
            "                 . quiet  + alerting in part  # alerting; a column is 24.0 h\n");
}

TEST(TimeLines, AreColouredOnlyWhereWanted) {
  EXPECT_THAT(time_lines(example(true), {57, true, false}, 15), Not(HasSubstr("\x1b")));
  const std::string coloured = time_lines(example(true), {57, true, true}, 15);
  EXPECT_THAT(coloured, HasSubstr("\x1b[0;2m·····················\x1b[0;31m███"));
  EXPECT_THAT(coloured, HasSubstr("█\x1b[0m\n"));
}

TEST(TimeLines, ShowHoursOfAShortTimeAndIncidentsThatFallTogether) {
  Tuning tuning;
  tuning.traffic = {{"loan", 9, kBegin, kBegin + 40 * kHour}};
  tuning.has_incidents = true;
  for (const DurationMs at : {5 * kHour, 5 * kHour + 60'000, 39 * kHour + 60'000, 40 * kHour})
    tuning.incidents.push_back({kBegin + at, std::nullopt, "x", ""});
  add_policy(tuning, {"p", {}, 0});
  EXPECT_EQ(time_lines(tuning, {51, false, false}, 9),
            "incidents       *                                 *\n"
            "p          ........................................\n"
            "           |01-01 00:00   |01-01 15:00\n"
            "           . quiet  + alerting in part  # alerting; a column is 1.0 h\n");
  EXPECT_EQ(incident_mark(0), '1');
  EXPECT_EQ(incident_mark(9), 'a');
  EXPECT_EQ(incident_mark(35), '*');
}

TEST(TimeLines, NeedTime) {
  Tuning tuning;
  tuning.traffic = {{"loan", 1, kBegin, kBegin}, {"price", 0, 0, 0}};
  add_policy(tuning, {"p", {}, 0});
  EXPECT_EQ(time_lines(tuning, {}, 9), "");
  EXPECT_THAT(tuning_text(tuning, {}), HasSubstr("too short for a rate"));
  EXPECT_THAT(tuning_text(Tuning{}, {}), HasSubstr("nothing to compare"));
}

TEST(TuningText, HasARowAPolicy) {
  const std::string text = tuning_text(example(true), {80, true, false});
  EXPECT_THAT(
      text,
      HasSubstr("40.0 d of event time, 2026-01-01 00:00 to 2026-02-10 00:00 UTC\n"
                "\n"
                "                 alerts                  incidents   false     CPU seconds\n"
                "policy              n   /30 d     on  caught    delay   /30 d     all  per 1M\n"
                "config              1    0.75   48 %     1/3   24.0 h    0.00   0.500   0.250\n"
                "budget=1 per 7d     3    2.25    8 %     2/3   12.0 h    0.75    12.5   6.250\n"));
  EXPECT_THAT(text, HasSubstr("policy                   1          2          3          4\n"
                              "config              missed     24.0 h  on before  no events\n"
                              "budget=1 per 7d    ≤ 5.8 d     12.0 h     missed  no events\n"));
  EXPECT_THAT(text, HasSubstr("  2  2026-01-21 00:00  price change  (loan)\n"));
}

TEST(TuningText, ListsTheAlertsOfEachPolicy) {
  const std::string text = tuning_text(example(true), {80, true, false});
  EXPECT_THAT(
      text,
      HasSubstr("config: 1 alert\n"
                "  from (UTC)        lasted     known     incident  because of\n"
                "  2026-01-22 00:00  19.0 d +   at once   2         drift:amount, drift:age\n"));
  EXPECT_THAT(text, HasSubstr("  2026-01-03 00:00  2.0 d"));
  EXPECT_THAT(text, HasSubstr("≤ 3.0 d   1         low_accuracy\n"));
  EXPECT_THAT(text, HasSubstr("false     drift:age\n"));
  EXPECT_THAT(text, HasSubstr("+: still alerting when the events ended.\n"));
}

TEST(TuningText, WithoutIncidentsSaysNothingOfThem) {
  const std::string text = tuning_text(example(false), {80, true, false});
  EXPECT_THAT(text, Not(HasSubstr("ncident")));
  EXPECT_THAT(text, Not(HasSubstr("false")));
  EXPECT_THAT(text, HasSubstr("policy              n   /30 d     on     all  per 1M\n"));
}

TEST(TuningText, FitsTheUsualTerminal) {
  for (const std::size_t width : {80U, 100U, 120U}) {
    for (const bool with_incidents : {false, true}) {
      for (const std::string& line :
           lines_of(tuning_text(example(with_incidents), {width, true, false}))) {
        EXPECT_LE(characters_in(line), width) << line;
        EXPECT_FALSE(line.ends_with(' ')) << line;
      }
    }
  }
}

TEST(TuningText, CutsListsNamesAndReasons) {
  Tuning tuning = example(false);
  std::vector<Alert> many;
  for (int i = 0; i < 25; ++i) {
    many.push_back(alert(i, i + 0.5,
                         {"drift:a_column_with_a_name", "drift:another_column_of_it", "drift:third",
                          "drift:fourth", "drift:fifth"}));
  }
  many.front().monitor.version = "v2";
  add_policy(tuning, {"features.a_long_name.detectors.ks.threshold=0.25\x1b[31m", many, 0});
  const std::string text = tuning_text(tuning, {80, true, false});
  EXPECT_THAT(text, HasSubstr("  and 5 more; --json has them all\n"));
  EXPECT_THAT(text, HasSubstr("\n..eshold=0.25�[31m  "));
  EXPECT_THAT(text, HasSubstr("loan v2\n      drift:a_column_with_a_name, "
                              "drift:another_column_of_it, drift:third +2\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(tuning_text(tuning, {120, true, false}),
              HasSubstr("drift:a_column_with_a_name, drift:another_column_of_it +3\n"));
}

TEST(TuningText, OfSeveralModelsHasARowEach) {
  Tuning tuning;
  tuning.traffic = {{"loan", 10, kBegin, kBegin + 30 * kDay},
                    {"price", 10, kBegin, kBegin + 60 * kDay}};
  add_policy(tuning, {"config", {alert(3, 6, {"x"})}, 0});
  EXPECT_THAT(tuning_text(tuning, {80, true, false}),
              HasSubstr("config        1    1.00    5 %   0.000   0.000\n"
                        "  loan        1    1.00   10 %\n"
                        "  price       0    0.00    0 %\n"));
}

TEST(TuningText, PutsManyIncidentsIntoSeveralBlocks) {
  Tuning tuning = example(true);
  for (int i = 0; i < 8; ++i)
    tuning.incidents.push_back({kBegin + (51 + i) * kDay, std::nullopt, "more", ""});
  const std::vector<PolicyResult> before = std::exchange(tuning.policies, {});
  add_policy(tuning, {"config", before[0].alerts, 0});
  std::size_t blocks = 0;
  for (const std::string& line : lines_of(tuning_text(tuning, {80, true, false}))) {
    EXPECT_LE(characters_in(line), 80U) << line;
    blocks += line.starts_with("policy    ");
  }
  EXPECT_EQ(blocks, 3U);  // the table and two blocks
}

TEST(TuningJson, HasEverything) {
  std::string text;
  append_json(text, example(true));
  const boost::json::object whole = boost::json::parse(text).as_object();
  EXPECT_EQ(whole.at("type").as_string(), "tuning");
  EXPECT_EQ(whole.at("reach_ms").as_int64(), 7 * kDay);
  EXPECT_EQ(whole.at("models").as_array()[0].at("last").as_int64(), kBegin + 40 * kDay);
  EXPECT_EQ(whole.at("incidents").as_array()[1].at("model").as_string(), "loan");
  EXPECT_TRUE(whole.at("incidents").as_array()[0].at("model").is_null());
  const boost::json::array& policies = whole.at("policies").as_array();
  ASSERT_EQ(policies.size(), 2U);
  const boost::json::object& config = policies[0].as_object();
  EXPECT_EQ(config.at("alerts").to_number<int>(), 1);
  EXPECT_DOUBLE_EQ(config.at("alerts_per_30d").to_number<double>(), 0.75);
  EXPECT_TRUE(config.at("alert_list").as_array()[0].at("to").is_null());
  EXPECT_EQ(config.at("incidents").as_array()[2].at("outcome").as_string(), "on_before");
  const boost::json::object& budget = policies[1].as_object();
  EXPECT_EQ(budget.at("policy").as_string(), "budget=1 per 7d");
  EXPECT_EQ(budget.at("caught").to_number<int>(), 2);
  EXPECT_EQ(budget.at("median_known_delay_ms").to_number<int>(), kDay / 2);
  const boost::json::object& first = budget.at("incidents").as_array()[0].as_object();
  EXPECT_EQ(first.at("outcome").as_string(), "caught");
  EXPECT_EQ(first.at("alert").to_number<int>(), 1);
  EXPECT_EQ(first.at("known_delay_ms").to_number<std::int64_t>() -
                first.at("delay_ms").to_number<std::int64_t>(),
            3 * kDay);
  const boost::json::array& alerts = budget.at("alert_list").as_array();
  EXPECT_TRUE(alerts[0].at("incident").is_null());
  EXPECT_EQ(alerts[1].at("incident").to_number<int>(), 0);
  EXPECT_EQ(alerts[1].at("reasons").as_array()[0].as_string(), "low_accuracy");
  std::string without;
  append_json(without, example(false));
  EXPECT_THAT(without, Not(HasSubstr("incident")));
  EXPECT_THAT(without, Not(HasSubstr("false_alerts")));
}

TEST(ShownText, IsCutAtEitherEnd) {
  EXPECT_EQ(shortened("äbcdef", 6), "äbcdef");
  EXPECT_EQ(shortened("äbcdefg", 6), "äbcd..");
  EXPECT_EQ(shortened_at_front("äbcdef", 6), "äbcdef");
  EXPECT_EQ(shortened_at_front("ääädefg", 6), "..defg");
  EXPECT_EQ(shortened("abc", 1), "a");
  EXPECT_EQ(shortened_at_front("abc", 1), ".");
}

TEST(ShownText, DurationsHaveTwoOrThreeDigits) {
  EXPECT_EQ(rough_duration(0), "0 s");
  EXPECT_EQ(rough_duration(59'000), "59 s");
  EXPECT_EQ(rough_duration(60'000), "1 min");
  EXPECT_EQ(rough_duration(59 * 60'000), "59 min");
  EXPECT_EQ(rough_duration(kHour), "1.0 h");
  EXPECT_EQ(rough_duration(36 * kHour), "36.0 h");
  EXPECT_EQ(rough_duration(2 * kDay), "2.0 d");
  EXPECT_EQ(rough_duration(145 * kDay), "145 d");
}

}  // namespace
}  // namespace driftd
