// `driftd run` between real servers: Kafka, Postgres, Prometheus, a receiver of webhooks and a
// browser. Nothing here sleeps: every wait is for a condition, and has a limit.

#include <array>
#include <chrono>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "core/clock.h"
#include "daemon/exit_codes.h"
#include "sinks/webhook_signature.h"
#include "tests/support/daemon_scene.h"
#include "tests/support/test_server.h"
#include "tests/webhook_server.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr seconds kReadyLimit{15};
constexpr seconds kReadLimit{30};
constexpr std::array kCodecs = {"lz4", "zstd", "gzip", "snappy"};

class DaemonE2e : public DaemonScene {
 protected:
  // A quarter with each codec, in order.
  void produce_with_all_codecs(const std::string& topic, std::span<const KafkaMessage> messages) {
    const std::size_t quarter = messages.size() / kCodecs.size() + 1;
    for (const char* codec : kCodecs) {
      const auto part = messages.first(std::min(quarter, messages.size()));
      broker_.produce(topic, part, codec);
      messages = messages.subspan(part.size());
    }
  }
  void produce(const CarLoanTraffic& traffic) {
    produce_with_all_codecs("predictions", traffic.predictions);
    produce_with_all_codecs("labels", traffic.labels);
  }
  [[nodiscard]] StoredResults expected_of(const CarLoanTraffic& traffic) const {
    return replayed(traffic, config_, folder());
  }
};

struct BadMessage {
  const char* reason;
  const char* topic;
  std::string value;
};

// What a valid prediction looks like; each bad one differs in one thing.
constexpr std::string_view kGood =
    R"({"id":"bad","model":"car-loan","ts":1550000000000,"features":{},"prediction":0.5})";

[[nodiscard]] std::string altered(const std::string& from, const std::string& to) {
  std::string text(kGood);
  return text.replace(text.find(from), from.size(), to);
}

// The duplicates are of the last events: what is older than the label horizon is forgotten.
[[nodiscard]] std::vector<BadMessage> bad_messages(const CarLoanTraffic& traffic) {
  std::string conflict = traffic.labels.back().value;
  conflict.replace(conflict.rfind(':') + 1, 1, conflict.ends_with("1}") ? "0" : "1");
  return {
      {"empty", "predictions", ""},
      {"malformed_json", "predictions", std::string(kGood.substr(0, 40))},
      {"malformed_json", "predictions", altered(R"("prediction":0.5)", R"("prediction":NaN)")},
      {"malformed_json", "labels", "[1, 2]"},
      {"invalid_utf8", "predictions", altered(R"("bad")", "\"\xc3\x28\"")},
      {"missing_field", "predictions", altered(R"("features":{},)", "")},
      {"missing_field", "labels", R"({"id":"1","ts":1550000000000})"},
      {"wrong_type", "predictions", altered("0.5", R"(["0.5"])")},
      {"wrong_type", "predictions", altered("1550000000000", "true")},
      {"unknown_model", "predictions", altered("car-loan", "boat-loan")},
      {"too_large", "predictions",
       altered("{}", R"({"a":")" + std::string(10'000'000, 'x') + "\"}")},
      {"too_far_ahead", "predictions", altered("1550000000000", R"("9999-01-01T00:00:00Z")")},
      {"duplicate_prediction", "predictions", traffic.predictions.back().value},
      {"duplicate_label", "labels", traffic.labels.back().value},
      {"conflicting_label", "labels", conflict},
  };
}

// The reasons in the dead-letters file, and how often each is there.
[[nodiscard]] std::map<std::string, int> dead_letters(const fs::path& file) {
  std::map<std::string, int> reasons;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    ++reasons[std::string(json::parse(line).at("reason").as_string())];
  }
  return reasons;
}

TEST_F(DaemonE2e, FindsInKafkaWhatAReplayFindsAndCountsEveryBadMessage) {
  const CarLoanTraffic traffic(1);
  // Of the bad messages one is seen in the findings: the share of duplicates.
  CarLoanTraffic with_duplicate = traffic;
  with_duplicate.predictions.push_back(traffic.predictions.back());
  const StoredResults expected = expected_of(with_duplicate);
  ASSERT_GT(expected.size(), 100u);
  const auto driftd = start(config_);
  produce(traffic);
  std::map<std::string, int> reasons;
  const std::vector<BadMessage> bad = bad_messages(traffic);
  for (const BadMessage& message : bad) {
    // Behind the original, in its partition: which of two comes first must be certain.
    const auto& like =
        std::string_view(message.topic) == "labels" ? traffic.labels : traffic.predictions;
    broker_.produce(message.topic,
                    std::array{KafkaMessage{like.back().partition, "", message.value}});
    ++reasons[message.reason];
  }
  ASSERT_TRUE(driftd->is_ready_within(kReadyLimit));
  EXPECT_TRUE(driftd->reaches("driftd_predictions_total",
                              static_cast<double>(traffic.predictions.size()), kReadLimit));
  EXPECT_TRUE(driftd->reaches("driftd_labels_total", static_cast<double>(traffic.labels.size()),
                              kReadLimit));
  EXPECT_TRUE(
      driftd->reaches("driftd_discarded_total", static_cast<double>(bad.size()), kReadLimit));
  EXPECT_EQ(driftd->metric("driftd_predictions_total"),
            static_cast<double>(traffic.predictions.size()));
  EXPECT_EQ(driftd->metric("driftd_labels_total"), static_cast<double>(traffic.labels.size()));
  for (const auto& [reason, count] : reasons) {
    EXPECT_EQ(driftd->metric("driftd_discarded_total", "reason=\"" + reason + "\""), count)
        << reason;
  }
  EXPECT_EQ(driftd->get("/-/healthy").status, 200);
  EXPECT_TRUE(
      wait_until(kReadLimit, [&] { return has_windows(results_in_sqlite(database()), expected); }));

  EXPECT_EQ(driftd->stop(), kExitOk);
  expect_same_results(results_in_sqlite(database()), expected);
  expect_all_committed();
  const auto letters = dead_letters(folder() / "state/dead-letters.ndjson");
  for (const char* reason : {"empty", "malformed_json", "invalid_utf8", "missing_field",
                             "wrong_type", "unknown_model", "too_large"}) {
    EXPECT_EQ(letters.contains(reason) ? letters.at(reason) : 0, reasons[reason]) << reason;
  }
}

// The rows of a query to a Prometheus server.
[[nodiscard]] json::array query(int port, const std::string& expression) {
  const HttpAnswer answer = http_get(port, "/api/v1/query?query=" + expression);
  if (answer.status != 200) return {};
  return json::parse(answer.body).at("data").at("result").as_array();
}
[[nodiscard]] double value_of(const json::value& row) {
  return std::strtod(row.at("value").at(1).as_string().c_str(), nullptr);
}

TEST_F(DaemonE2e, WritesToPostgresWhatAReplayFindsAndIsScrapedByPrometheus) {
  const CarLoanTraffic traffic(10);  // enough that the last window, of one day, is judged
  const StoredResults expected = expected_of(traffic);
  const TestServer postgres("postgres", "PG");
  const std::string url =
      "postgresql://driftd@127.0.0.1:" + std::to_string(postgres.port()) + "/postgres";
  config_.store = url;
  const TestServer prometheus("prometheus", "PROM",
                              {{"PROM_TARGET", "127.0.0.1:" + std::to_string(config_.port)}});
  produce(traffic);
  const auto driftd = start(config_);
  ASSERT_TRUE(driftd->is_ready_within(kReadyLimit));
  EXPECT_TRUE(driftd->reaches("driftd_labels_total", static_cast<double>(traffic.labels.size()),
                              kReadLimit));
  EXPECT_TRUE(
      wait_until(kReadLimit, [&] { return has_windows(results_in_postgres(url), expected); }));

  const fs::path scrape = folder() / "scrape.txt";
  write_text(scrape, driftd->get("/metrics").body);
  const CommandResult checked =
      run_command({"sh", "-c", "promtool check metrics < '" + scrape.string() + "'"}, kReadLimit);
  EXPECT_EQ(checked.status, 0) << checked.output;

  // A scrape from behind the last window is as good as any later one.
  EXPECT_TRUE(wait_until(kReadLimit, [&] {
    const json::array windows = query(prometheus.port(), "driftd_windows_closed_total");
    return windows.size() == 1 &&
           value_of(windows[0]) == driftd->metric("driftd_windows_closed_total");
  }));
  EXPECT_EQ(query(prometheus.port(), "up==1").size(), 1u);
  const json::array health = query(prometheus.port(), "driftd_model_health==1");
  ASSERT_EQ(health.size(), 1u) << json::serialize(health);
  EXPECT_EQ(health[0].at("metric").at("model").as_string(), "car-loan");
  EXPECT_EQ(health[0].at("metric").at("version").as_string(), "2018.1");
  const json::array drifts = query(prometheus.port(), "driftd_drift_detected");
  EXPECT_GT(drifts.size(), 10u);
  double drifting = 0;
  for (const json::value& row : drifts) drifting += value_of(row);
  EXPECT_EQ(drifting, driftd->metric("driftd_drift_detected"));
  EXPECT_GT(drifting, 0);

  EXPECT_EQ(driftd->stop(), kExitOk);
  expect_same_results(results_in_postgres(url), expected);
  expect_all_committed();
}

constexpr const char* kSecret = "whsec_ZHJpZnRkLXRlc3Qtc2VjcmV0LTAxMjM0NTY3ODk=";
constexpr const char* kAccepted = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";

TEST_F(DaemonE2e, TellsASignedWebhookOnceAlsoAcrossACrash) {
  const Server receiver(kAccepted);
  config_.more = "[[webhook]]\nname = \"retrain\"\nallow_private = true\nsecret = \"" +
                 std::string(kSecret) +
                 "\"\nurl = \"http://127.0.0.1:" + std::to_string(receiver.port()) + "/hook\"\n";
  const CarLoanTraffic traffic(1);
  produce(traffic);
  auto driftd = start(config_);
  EXPECT_TRUE(wait_until(kReadyLimit + kReadLimit, [&] { return !receiver.requests().empty(); }));
  driftd->kill();
  driftd = start(config_);
  ASSERT_TRUE(driftd->is_ready_within(kReadyLimit));
  EXPECT_TRUE(wait_until(kReadLimit, [&] { return results_in_sqlite(database()).size() > 100; }));
  EXPECT_EQ(driftd->stop(), kExitOk);

  const Result<std::string> key = decode_webhook_secret(kSecret);
  ASSERT_TRUE(key);
  std::map<std::string, std::string> bodies;
  for (const Request& request : receiver.requests()) {
    EXPECT_EQ(request.target(), "/hook");
    const std::string id(request["webhook-id"]);
    const std::int64_t timestamp = std::stoll(std::string(request["webhook-timestamp"]));
    EXPECT_TRUE(verify_webhook(*key, id, timestamp, request.body(),
                               std::string(request["webhook-signature"]), timestamp * 1000));
    // Said again behind the crash it is the same message under the same id.
    EXPECT_EQ(bodies.try_emplace(id, request.body()).first->second, request.body());
    EXPECT_THAT(request.body(), HasSubstr("car-loan"));
    EXPECT_THAT(request.body(), HasSubstr("degraded"));
  }
  EXPECT_GE(bodies.size(), 1u);
}

TEST_F(DaemonE2e, ShowsThePageInABrowserWithoutErrors) {
  const CarLoanTraffic traffic(1);
  const StoredResults expected = expected_of(traffic);
  produce(traffic);
  const auto driftd = start(config_);
  ASSERT_TRUE(driftd->is_ready_within(kReadyLimit));
  EXPECT_TRUE(
      wait_until(kReadLimit, [&] { return has_windows(results_in_sqlite(database()), expected); }));
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  const fs::path home = std::getenv("HOME") == nullptr ? "/root" : std::getenv("HOME");
  const fs::path module = (cache == nullptr ? home / ".cache" : fs::path(cache)) /
                          "driftd/node/node_modules/playwright-core";
  const CommandResult page = run_command({"node", DRIFTD_TEST_DATA "/browser/page_test.mjs",
                                          "http://127.0.0.1:" + std::to_string(config_.port) + "/",
                                          fs::path(DRIFTD_BINARY).parent_path() / "screenshots"},
                                         seconds(90), {{"PLAYWRIGHT_CORE_DIR", module}});
  EXPECT_EQ(page.status, 0) << page.output;
  EXPECT_EQ(driftd->stop(), kExitOk);
}

// A second daemon in the group, with a state of its own: what is not supported.
class TwoDaemons : public DaemonE2e {
 protected:
  TwoDaemons() {
    config_.properties = R"("session.timeout.ms" = "6000", "heartbeat.interval.ms" = "500")";
    other_ = config_;
    other_.port = free_port();
    other_.state_dir = "other";
    other_.store = "sqlite:other/driftd.db";
  }
  // Neither has all partitions, and both say so; the second counts nothing of what is there.
  void expect_refusal(const DriftdProcess& first, const DriftdProcess& second) const {
    EXPECT_TRUE(wait_until(kReadLimit, [&] {
      return first.metric("driftd_source_foreign_partitions") > 0 &&
             second.get("/-/ready").body.find("would count its messages twice") !=
                 std::string::npos;
    })) << second.get("/-/ready").body;
    const HttpAnswer ready = first.get("/-/ready");
    EXPECT_EQ(ready.status, 503);
    EXPECT_THAT(ready.body, HasSubstr("partitions are read by another instance in the group"));
    EXPECT_EQ(second.get("/-/ready").status, 503);
    EXPECT_EQ(second.metric("driftd_predictions_total"), 0);
    EXPECT_EQ(second.metric("driftd_labels_total"), 0);
  }
  [[nodiscard]] static bool is_whole_again(DriftdProcess& driftd) {
    // The gauge follows with the next checkpoint.
    return driftd.is_ready_within(kReadLimit) && wait_until(kReadLimit, [&] {
             return driftd.metric("driftd_source_foreign_partitions") == 0;
           });
  }

  CarLoanConfig other_;
};

TEST_F(TwoDaemons, OfAGroupCountNothingTwiceAndOneGoesOnWhenTheOtherEnds) {
  const CarLoanTraffic traffic(1);
  const StoredResults expected = expected_of(traffic);
  const auto third = [](const std::vector<KafkaMessage>& messages, std::size_t which) {
    const std::size_t size = messages.size() / 3 + 1;
    const std::size_t begin = std::min(which * size, messages.size());
    return std::span(messages).subspan(begin, std::min(size, messages.size() - begin));
  };
  const auto produce_third = [&](std::size_t which) {
    broker_.produce("predictions", third(traffic.predictions, which));
    broker_.produce("labels", third(traffic.labels, which));
  };
  produce_third(0);
  const auto first = start(config_, "first");
  ASSERT_TRUE(first->is_ready_within(kReadyLimit));
  EXPECT_EQ(first->metric("driftd_source_foreign_partitions"), 0);
  const auto ends = broker_.ends("predictions", kPredictionPartitions);
  EXPECT_TRUE(wait_until(kReadLimit, [&] {
    return broker_.committed(kGroup, "predictions", kPredictionPartitions) == ends;
  }));

  auto second = start(other_, "second");
  expect_refusal(*first, *second);
  produce_third(1);
  EXPECT_EQ(second->stop(), kExitOk);
  EXPECT_TRUE(is_whole_again(*first)) << first->get("/-/ready").body;

  second = start(other_, "second");
  expect_refusal(*first, *second);
  produce_third(2);
  second->kill();
  EXPECT_TRUE(is_whole_again(*first)) << first->get("/-/ready").body;

  EXPECT_TRUE(first->reaches("driftd_labels_total", static_cast<double>(traffic.labels.size()),
                             kReadLimit));
  EXPECT_EQ(first->metric("driftd_predictions_total"),
            static_cast<double>(traffic.predictions.size()));
  EXPECT_EQ(first->metric("driftd_discarded_total"), 0);
  EXPECT_TRUE(
      wait_until(kReadLimit, [&] { return has_windows(results_in_sqlite(database()), expected); }));
  EXPECT_EQ(first->stop(), kExitOk);
  expect_same_results(results_in_sqlite(database()), expected);
  expect_all_committed();
}

// What keeps a daemon from starting: no broker is there, and for most of it none is needed.
class StartUp : public ::testing::Test {
 protected:
  StartUp() { config_.port = free_port(); }

  [[nodiscard]] CommandResult start(const CarLoanConfig& config) const {
    return start(text_of(config));
  }
  [[nodiscard]] CommandResult start(const std::string& config) const {
    write_text(file(), config);
    return run_command({DRIFTD_BINARY, "run", "--config", file()}, kReadyLimit);
  }
  [[nodiscard]] fs::path file() const { return folder_.path() / "driftd.toml"; }

  TemporaryFolder folder_;
  CarLoanConfig config_;
};

TEST_F(StartUp, SaysWhichPortIsTaken) {
  const Server server(kAccepted);
  config_.port = server.port();
  const CommandResult result = start(config_);
  EXPECT_EQ(result.status, kExitUnavailable) << result.output;
  EXPECT_THAT(result.output, HasSubstr("127.0.0.1:" + std::to_string(server.port())));
  EXPECT_THAT(result.output, HasSubstr("listen"));
}

TEST_F(StartUp, SaysThatNoBrokerAnswers) {
  const CommandResult result = start(config_);
  EXPECT_EQ(result.status, kExitUnavailable) << result.output;
  EXPECT_THAT(result.output, HasSubstr(config_.brokers));
  EXPECT_THAT(result.output, HasSubstr("brokers"));
}

// The first has the folder while it looks for its broker.
TEST_F(StartUp, SaysThatTheStateDirectoryIsInUse) {
  const DriftdProcess first(([&] {
                              write_text(folder_.path() / "first.toml", text_of(config_));
                              return folder_.path() / "first.toml";
                            })(),
                            config_.port, folder_.path() / "first.log");
  ASSERT_TRUE(
      wait_until(kReadyLimit, [&] { return fs::exists(folder_.path() / "state/driftd.db"); }));
  config_.port = free_port();
  const CommandResult result = start(config_);
  EXPECT_EQ(result.status, kExitUnavailable) << result.output;
  EXPECT_THAT(result.output, HasSubstr((folder_.path() / "state").string()));
  EXPECT_THAT(result.output, HasSubstr("state_dir"));
}

TEST_F(StartUp, SaysThatAReferenceCannotBeReadOrHasNoRows) {
  config_.reference = folder_.path() / "missing.csv";
  CommandResult result = start(config_);
  EXPECT_EQ(result.status, kExitConfig) << result.output;
  EXPECT_THAT(result.output, HasSubstr(config_.reference.string()));
  EXPECT_THAT(result.output, HasSubstr("driftd.toml:"));

  config_.reference = folder_.path() / "empty.csv";
  write_text(config_.reference, "id,ts,car_value,prediction,predicted_class,actual\n");
  result = start(config_);
  EXPECT_EQ(result.status, kExitConfig) << result.output;
  EXPECT_THAT(result.output, HasSubstr(config_.reference.string()));

  config_.reference = folder_.path() / "not-a-gzip.csv.gz";
  write_text(config_.reference, "\x1f\x8b and then nothing that unpacks");
  result = start(config_);
  EXPECT_EQ(result.status, kExitConfig) << result.output;
  EXPECT_THAT(result.output, HasSubstr(config_.reference.string()));
}

TEST_F(StartUp, SaysEveryErrorOfAConfigurationWithItsPlace) {
  config_.size = "7 days";
  const CommandResult result =
      start(text_of(config_) + "[[webhook]]\nurll = \"http://127.0.0.1/\"\n");
  EXPECT_EQ(result.status, kExitConfig) << result.output;
  EXPECT_THAT(result.output, HasSubstr("driftd.toml:"));
  EXPECT_THAT(result.output, HasSubstr("7 days"));
  EXPECT_THAT(result.output, HasSubstr("did you mean `url`?"));
}

}  // namespace
}  // namespace driftd
