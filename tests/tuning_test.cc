// From transitions and incidents to what a comparison of policies says: alerts, matches, rates.
#include "daemon/tuning/tuning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace driftd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr DurationMs kHour = 3'600'000;
constexpr DurationMs kDay = 24 * kHour;
const MonitorName kLoanA{"loan", "a", "all"};
const MonitorName kLoanB{"loan", "b", "all"};
const MonitorName kPriceA{"price", "a", "all"};

[[nodiscard]] Transition transition(const MonitorName& monitor, TimeMs at, HealthState from,
                                    HealthState to, std::vector<std::string> reasons = {}) {
  return {monitor, at, from, to, std::move(reasons)};
}

// --- Alerts

TEST(AlertBook, BeginsWithTheFirstBadStateAndEndsWithAnotherOne) {
  AlertBook book;
  book.take(transition(kLoanA, 10, HealthState::unknown, HealthState::healthy), 11);
  book.take(transition(kLoanA, 20, HealthState::healthy, HealthState::degraded, {"b"}), 25);
  book.take(transition(kLoanA, 30, HealthState::degraded, HealthState::critical, {"a", "b"}), 35);
  book.take(transition(kLoanA, 40, HealthState::critical, HealthState::stale), 45);
  book.take(transition(kLoanA, 50, HealthState::stale, HealthState::degraded, {"c"}), 55);
  const std::vector<Alert> alerts = book.alerts();
  ASSERT_THAT(alerts, SizeIs(2));
  EXPECT_EQ(alerts[0].from, 20);
  EXPECT_EQ(alerts[0].known, 25);
  EXPECT_EQ(alerts[0].to, 40);
  EXPECT_EQ(alerts[0].worst, HealthState::critical);
  EXPECT_THAT(alerts[0].reasons, ElementsAre("a", "b"));
  EXPECT_EQ(alerts[1].from, 50);
  EXPECT_EQ(alerts[1].to, std::nullopt);
  EXPECT_EQ(alerts[1].worst, HealthState::degraded);
}

TEST(AlertBook, KeepsMonitorsApartAndGivesThemInOrderOfTime) {
  AlertBook book;
  book.take(transition(kPriceA, 30, HealthState::healthy, HealthState::degraded), 30);
  book.take(transition(kLoanA, 20, HealthState::healthy, HealthState::degraded), 31);
  book.take(transition(kPriceA, 40, HealthState::degraded, HealthState::healthy), 40);
  book.take(transition(kLoanB, 40, HealthState::unknown, HealthState::healthy), 40);
  const std::vector<Alert> alerts = book.alerts();
  ASSERT_THAT(alerts, SizeIs(2));
  EXPECT_EQ(alerts[0].monitor, kLoanA);
  EXPECT_EQ(alerts[0].to, std::nullopt);
  EXPECT_EQ(alerts[1].monitor, kPriceA);
  EXPECT_EQ(alerts[1].to, 40);
}

// --- Incidents

class Incidents : public testing::Test {
 protected:
  [[nodiscard]] Result<std::vector<Incident>> read(const std::string& text) const {
    write_text(folder_.path() / "incidents.csv", text);
    return read_incidents(folder_.path() / "incidents.csv", models_);
  }
  [[nodiscard]] std::string problem(const std::string& text) const {
    const auto incidents = read(text);
    if (incidents) return "nothing";
    return incidents.error().message.substr(folder_.path().string().size() + 1);
  }

  std::vector<std::string> models_{"loan", "price"};
  TemporaryFolder folder_;
};

TEST_F(Incidents, AreReadInAnyColumnsAndOrder) {
  const auto incidents = read(
      "name,owner,time,end,model\n"
      "\"deploy, second\",me,2026-01-02T00:00:00+01:00,,loan\n"
      "outage,me,1767225600,1767225660000,\n");
  ASSERT_TRUE(incidents.has_value()) << incidents.error().message;
  ASSERT_THAT(*incidents, SizeIs(2));
  EXPECT_EQ((*incidents)[0].name, "outage");
  EXPECT_EQ((*incidents)[0].time, 1'767'225'600'000);
  EXPECT_EQ((*incidents)[0].end, 1'767'225'660'000);
  EXPECT_EQ((*incidents)[0].model, "");
  EXPECT_EQ((*incidents)[1].name, "deploy, second");
  EXPECT_EQ((*incidents)[1].time, 1'767'308'400'000);
  EXPECT_EQ((*incidents)[1].end, std::nullopt);
  EXPECT_EQ((*incidents)[1].model, "loan");
}

TEST_F(Incidents, MayBeNone) { EXPECT_THAT(read("time,name\n").value(), IsEmpty()); }

TEST_F(Incidents, SayInWhichLineSomethingIsWrong) {
  EXPECT_THAT(problem("when,name\n"),
              HasSubstr("incidents.csv:1: the header has no column `time`"));
  EXPECT_THAT(problem("time\n"), HasSubstr("no column `name`: it has time"));
  EXPECT_THAT(problem("time,name\n1767225600,a\nyesterday,b\n"),
              HasSubstr("incidents.csv:3: `time` is no time: `yesterday`"));
  EXPECT_THAT(problem("time,name\n,a\n"),
              HasSubstr("incidents.csv:2: `time` is no time: it is empty"));
  EXPECT_THAT(problem("time,name\n2026-01-01T00:00:00,no offset\n"), HasSubstr(":2: `time` is no"));
  EXPECT_THAT(problem("time,name,end\n1767225600,a,soon\n"),
              HasSubstr(":2: `end` is no time: `soon`"));
  EXPECT_THAT(problem("time,name,end\n1767225600,a,1767225599\n"),
              HasSubstr(":2: `end` lies before"));
  EXPECT_THAT(problem("time,name,model\n1767225600,a,laon\n"),
              HasSubstr(":2: there is no model `laon`: did you mean `loan`?"));
  EXPECT_THAT(problem("time,name,model\n1767225600,a,churn\n"),
              HasSubstr("the configuration has loan, price"));
  EXPECT_THAT(problem("time,name\n1767225600\n"), HasSubstr(":2: the row has 1 fields"));
  EXPECT_EQ(read_incidents(folder_.path() / "none.csv", models_).error().code, ErrorCode::io);
}

// --- Which alert belongs to which incident

[[nodiscard]] Alert alert(TimeMs from, std::optional<TimeMs> to, const MonitorName& of = kLoanA,
                          DurationMs waited = 0) {
  Alert alert;
  alert.monitor = of;
  alert.from = from;
  alert.known = from + waited;
  alert.to = to;
  return alert;
}
[[nodiscard]] Incident incident(TimeMs time, const std::string& model = "",
                                std::optional<TimeMs> end = std::nullopt) {
  return {time, end, "x", model};
}
const std::vector<Traffic> kTraffic{{"loan", 1'000, 0, 100 * kDay}, {"price", 10, 0, 50 * kDay}};

TEST(Match, TheFirstAlertWithinReachCatchesAndLaterOnesAreNotFalse) {
  const std::vector<Incident> incidents{incident(10 * kDay)};
  const std::vector<Alert> alerts{alert(9 * kDay, 9 * kDay + kHour),
                                  alert(11 * kDay, 12 * kDay, kLoanA, kHour),
                                  alert(13 * kDay, 14 * kDay), alert(17 * kDay, 18 * kDay)};
  const Matches matches = match(incidents, alerts, kTraffic, 7 * kDay);
  ASSERT_THAT(matches.detections, SizeIs(1));
  EXPECT_EQ(matches.detections[0].outcome, Outcome::caught);
  EXPECT_EQ(matches.detections[0].alert, 1U);
  EXPECT_EQ(matches.detections[0].delay, kDay);
  EXPECT_EQ(matches.detections[0].known_delay, kDay + kHour);
  EXPECT_THAT(matches.incident_of, ElementsAre(std::nullopt, 0U, 0U, std::nullopt));
}

TEST(Match, AnAlertAtTheIncidentsOwnTimeCatchesIt) {
  const Matches matches = match(std::vector{incident(10 * kDay)},
                                std::vector{alert(10 * kDay, std::nullopt)}, kTraffic, kDay);
  EXPECT_EQ(matches.detections[0].outcome, Outcome::caught);
  EXPECT_EQ(matches.detections[0].delay, 0);
}

TEST(Match, TheNextIncidentOfTheModelEndsTheReach) {
  const std::vector<Incident> incidents{incident(10 * kDay, "loan"), incident(11 * kDay, "price"),
                                        incident(12 * kDay)};
  const std::vector<Alert> alerts{alert(11 * kDay + kHour, 11 * kDay + 2 * kHour),
                                  alert(12 * kDay + kHour, 13 * kDay)};
  const Matches matches = match(incidents, alerts, kTraffic, 7 * kDay);
  // That of another model does not.
  EXPECT_EQ(matches.detections[0].outcome, Outcome::caught);
  EXPECT_EQ(matches.detections[0].alert, 0U);
  EXPECT_EQ(matches.detections[1].outcome, Outcome::missed);
  EXPECT_EQ(matches.detections[2].alert, 1U);
  EXPECT_THAT(matches.incident_of, ElementsAre(0U, 2U));
}

TEST(Match, ALateEndStretchesTheReach) {
  const std::vector<Alert> alerts{alert(15 * kDay, 16 * kDay)};
  EXPECT_EQ(match(std::vector{incident(10 * kDay)}, alerts, kTraffic, kDay).detections[0].outcome,
            Outcome::missed);
  EXPECT_EQ(match(std::vector{incident(10 * kDay, "", 20 * kDay)}, alerts, kTraffic, kDay)
                .detections[0]
                .outcome,
            Outcome::caught);
  // An early one does not shorten it: the window that holds the incident ends after it.
  EXPECT_EQ(
      match(std::vector{incident(10 * kDay, "", 10 * kDay + kHour)}, alerts, kTraffic, 7 * kDay)
          .detections[0]
          .outcome,
      Outcome::caught);
}

TEST(Match, AMonitorThatWasAlertingCatchesNothing) {
  const std::vector<Incident> incidents{incident(10 * kDay)};
  const std::vector<Alert> flapping{alert(9 * kDay, 10 * kDay + kHour),
                                    alert(10 * kDay + 2 * kHour, 11 * kDay)};
  const Matches alone = match(incidents, flapping, kTraffic, 7 * kDay);
  EXPECT_EQ(alone.detections[0].outcome, Outcome::on_before);
  EXPECT_THAT(alone.incident_of, ElementsAre(std::nullopt, 0U));
  std::vector<Alert> with_another = flapping;
  with_another.push_back(alert(10 * kDay + 3 * kHour, std::nullopt, kLoanB));
  const Matches both = match(incidents, with_another, kTraffic, 7 * kDay);
  EXPECT_EQ(both.detections[0].outcome, Outcome::caught);
  EXPECT_EQ(both.detections[0].alert, 2U);
  // One that ended exactly then was over.
  const std::vector<Alert> over{alert(9 * kDay, 10 * kDay), alert(10 * kDay + kHour, 11 * kDay)};
  EXPECT_EQ(match(incidents, over, kTraffic, 7 * kDay).detections[0].outcome, Outcome::caught);
}

TEST(Match, AnIncidentWithoutEventsIsNoMiss) {
  const std::vector<Incident> incidents{incident(60 * kDay, "price"), incident(60 * kDay),
                                        incident(101 * kDay)};
  const Matches matches = match(incidents, {}, kTraffic, kDay);
  EXPECT_EQ(matches.detections[0].outcome, Outcome::no_events);
  EXPECT_EQ(matches.detections[1].outcome, Outcome::missed);
  EXPECT_EQ(matches.detections[2].outcome, Outcome::no_events);
}

TEST(Match, AnIncidentOfOneModelIsNotCaughtByAnother) {
  const Matches matches = match(std::vector{incident(10 * kDay, "price")},
                                std::vector{alert(11 * kDay, std::nullopt)}, kTraffic, 7 * kDay);
  EXPECT_EQ(matches.detections[0].outcome, Outcome::missed);
  EXPECT_THAT(matches.incident_of, ElementsAre(std::nullopt));
}

// --- Rates

[[nodiscard]] Tuning tuning_of(std::vector<Traffic> traffic) {
  Tuning tuning;
  tuning.traffic = std::move(traffic);
  return tuning;
}

TEST(Tuning, RatesAreByTheEventTimeOfEachModel) {
  Tuning tuning = tuning_of(kTraffic);
  add_policy(tuning, {"p",
                      {alert(kDay, 11 * kDay), alert(20 * kDay, std::nullopt),
                       alert(40 * kDay, std::nullopt, kPriceA)},
                      0.5});
  const PolicyResult& policy = tuning.policies.at(0);
  ASSERT_THAT(policy.models, SizeIs(2));
  EXPECT_DOUBLE_EQ(policy.models[0].per_30d.value(), 2 * 30.0 / 100);
  EXPECT_DOUBLE_EQ(policy.models[1].per_30d.value(), 1 * 30.0 / 50);
  EXPECT_DOUBLE_EQ(policy.all.per_30d.value(), 0.6 + 0.6);
  EXPECT_EQ(policy.all.alerts, 3U);
  EXPECT_DOUBLE_EQ(policy.models[0].alerting.value(), 0.9);
  EXPECT_DOUBLE_EQ(policy.models[1].alerting.value(), 0.2);
  EXPECT_DOUBLE_EQ(policy.all.alerting.value(), 0.55);
  EXPECT_EQ(policy.all.false_per_30d, std::nullopt);
  EXPECT_DOUBLE_EQ(policy.cpu_seconds_per_million.value(), 0.5e6 / 1'010);
}

TEST(Tuning, TimeInWhichTwoMonitorsAlertCountsOnce) {
  Tuning tuning = tuning_of({{"loan", 1, 0, 10 * kDay}});
  add_policy(tuning, {"p",
                      {alert(kDay, 5 * kDay), alert(2 * kDay, 3 * kDay, kLoanB),
                       alert(4 * kDay, 6 * kDay, kLoanB)},
                      0});
  EXPECT_DOUBLE_EQ(tuning.policies[0].all.alerting.value(), 0.5);
}

TEST(Tuning, LessThanADayHasNoRate) {
  Tuning tuning = tuning_of({{"loan", 9, 0, kDay - 1}});
  add_policy(tuning, {"p", {alert(kHour, std::nullopt)}, 0});
  EXPECT_EQ(tuning.policies[0].all.alerts, 1U);
  EXPECT_EQ(tuning.policies[0].all.per_30d, std::nullopt);
  Tuning day = tuning_of({{"loan", 9, 0, kDay}});
  add_policy(day, {"p", {alert(kHour, std::nullopt)}, 0});
  EXPECT_DOUBLE_EQ(day.policies[0].all.per_30d.value(), 30);
  // One model that is too short leaves no rate of all, and one without predictions has no say.
  Tuning two = tuning_of({{"loan", 9, 0, 30 * kDay}, {"price", 9, 0, kHour}});
  add_policy(two, {"p", {}, 0});
  EXPECT_EQ(two.policies[0].all.per_30d, std::nullopt);
  Tuning silent = tuning_of({{"loan", 9, 0, 30 * kDay}, {"price", 0, 0, 0}});
  add_policy(silent, {"p", {}, 0});
  EXPECT_EQ(silent.policies[0].all.per_30d, 0.0);
  EXPECT_EQ(tuning_of({{"price", 0, 0, 0}}).policies.size(), 0U);
}

TEST(Tuning, WithoutPredictionsNothingIsKnown) {
  Tuning tuning = tuning_of({{"loan", 0, 0, 0}});
  add_policy(tuning, {"p", {}, 0.1});
  EXPECT_EQ(tuning.policies[0].all.per_30d, std::nullopt);
  EXPECT_EQ(tuning.policies[0].all.alerting, std::nullopt);
  EXPECT_EQ(tuning.policies[0].cpu_seconds_per_million, std::nullopt);
  EXPECT_EQ(covered_time(tuning), std::nullopt);
}

TEST(Tuning, FalseAlertsAndDelaysAreCountedWhereIncidentsAreKnown) {
  Tuning tuning = tuning_of({{"loan", 9, 0, 60 * kDay}});
  tuning.has_incidents = true;
  tuning.incidents = {incident(10 * kDay), incident(20 * kDay), incident(30 * kDay),
                      incident(99 * kDay)};
  add_policy(tuning, {"p",
                      {alert(kDay, 2 * kDay), alert(11 * kDay, 12 * kDay),
                       alert(23 * kDay, 24 * kDay), alert(50 * kDay, 51 * kDay)},
                      0});
  const PolicyResult& policy = tuning.policies[0];
  EXPECT_EQ(policy.all.false_alerts, 2U);
  EXPECT_DOUBLE_EQ(policy.all.false_per_30d.value(), 1);
  EXPECT_EQ(policy.caught, 2U);
  EXPECT_EQ(policy.median_delay, kDay);
  EXPECT_EQ(incidents_with_events(tuning), 3U);
}

}  // namespace
}  // namespace driftd
