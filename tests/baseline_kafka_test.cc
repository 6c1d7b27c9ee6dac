// `driftd baseline make --kafka` against a real broker: the messages of a stretch of time, of all
// partitions, with their labels, and a consumer group that notices nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "core/clock.h"
#include "daemon/exit_codes.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/process.h"

namespace driftd {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Lt;

constexpr std::chrono::seconds kLimit{120};
constexpr int kPartitions = 3;
constexpr int kEvents = 900;

TEST(BaselineFromKafka, ReadsAStretchOfTheTopicsAndLeavesTheGroupAlone) {
  const TemporaryFolder folder;
  const KafkaBroker broker;
  broker.create_topic("predictions", kPartitions);
  broker.create_topic("labels", 1);
  const TimeMs now = SystemClock().now();
  // One event a second; the last one has just happened.
  const TimeMs first = now - kEvents * 1'000;
  std::vector<KafkaMessage> events;
  std::vector<KafkaMessage> labels;
  for (int i = 0; i < kEvents; ++i) {
    const std::string id = std::to_string(i);
    events.push_back({i % kPartitions, "",
                      R"({"id":)" + id + R"(,"ts":)" + std::to_string(first + i * 1'000) +
                          R"(,"model":"m","features":{"x":)" + std::to_string(i % 10) +
                          R"(},"prediction":0.)" + std::to_string(i % 9) + "}"});
    if (i % 2 == 0)
      labels.push_back({0, "",
                        R"({"id":)" + id + R"(,"ts":)" + std::to_string(now) + R"(,"actual":)" +
                            std::to_string(i / 2 % 2) + "}"});
  }
  events.push_back({0, "", "no event"});
  broker.produce("predictions", events);
  broker.produce("labels", labels);
  write_text(folder.path() / "driftd.toml",
             "[[source]]\nbrokers = \"" + broker.address() +
                 "\"\ngroup_id = \"watchers\"\npredictions = [\"predictions\"]\nlabels = "
                 "[\"labels\"]\n[[model]]\nname = \"m\"\ntask = \"binary\"\nwindow = { size = "
                 "\"1m\" }\n");
  // The first and the last hundred are left out.
  const std::string baseline = folder.path() / "m.baseline";
  const CommandResult made =
      run_command({DRIFTD_BINARY, "baseline", "make", "--config", folder.path() / "driftd.toml",
                   "--kafka", "--start", std::to_string(first + 100'000), "--end",
                   std::to_string(first + (kEvents - 100) * 1'000), "--out", baseline},
                  kLimit);
  ASSERT_EQ(made.status, kExitOk) << made.output;
  const CommandResult shown =
      run_command({DRIFTD_BINARY, "baseline", "show", "--json", baseline}, kLimit);
  ASSERT_EQ(shown.status, kExitOk) << shown.output;
  const boost::json::object object = boost::json::parse(shown.output).as_object();
  EXPECT_EQ(object.at("rows").as_int64(), kEvents - 200);
  EXPECT_EQ(object.at("labelled").as_int64(), (kEvents - 200) / 2);
  EXPECT_EQ(object.at("duplicates").as_int64(), 0);
  EXPECT_THAT(boost::json::serialize(object.at("inputs")), HasSubstr("predictions of"));
  EXPECT_THAT(boost::json::serialize(object.at("notes")), HasSubstr("1 messages were no JSON"));
  EXPECT_THAT(broker.committed("watchers", "predictions", kPartitions), Each(Lt(0)));

  const CommandResult nothing =
      run_command({DRIFTD_BINARY, "baseline", "make", "--config", folder.path() / "driftd.toml",
                   "--kafka", "--out", baseline, "--force"},
                  kLimit);
  EXPECT_EQ(nothing.status, kExitUsage);
  EXPECT_THAT(nothing.output, HasSubstr("--kafka needs --start"));
}

}  // namespace
}  // namespace driftd
