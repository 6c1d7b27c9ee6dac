// `driftd baseline` as a script sees it: the binary, on the example and on files made here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/exit_codes.h"
#include "tests/support/process.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds kLimit{120};

class BaselineCommand : public testing::Test {
 protected:
  struct Said {
    int status = 0;
    std::string output;
    std::string errors;
  };
  [[nodiscard]] Said driftd(const std::string& words) const {
    const std::string out = folder_.path() / "out";
    const std::string err = folder_.path() / "err";
    const std::string command = "cd '" + folder_.path().string() +
                                "' && exec '" DRIFTD_BINARY "' " + words + " >'" + out + "' 2>'" +
                                err + "'";
    const CommandResult result = run_command({"/bin/sh", "-c", command}, kLimit);
    return {result.status, read_text(out), read_text(err)};
  }
  void write(const std::string& name, const std::string& text) const {
    write_text(folder_.path() / name, text);
  }
  [[nodiscard]] std::string text_of(const std::string& name) const {
    return read_text(folder_.path() / name);
  }
  // The example's data, and a configuration whose reference is `reference`.
  void take_example(const std::string& reference) const {
    for (const char* name : {"reference.csv.gz", "predictions.jsonl.gz", "labels.jsonl.gz"}) {
      if (!fs::exists(folder_.path() / name))
        fs::create_symlink(fs::path(DRIFTD_ROOT) / "examples/car-loan" / name,
                           folder_.path() / name);
    }
    std::string config = read_text(fs::path(DRIFTD_ROOT) / "examples/car-loan/driftd.toml");
    config.replace(config.find("reference.csv.gz"), std::string("reference.csv.gz").size(),
                   reference);
    write("driftd.toml", config);
  }
  [[nodiscard]] boost::json::object show(const std::string& file) const {
    const Said said = driftd("baseline show --json " + file);
    EXPECT_EQ(said.status, kExitOk) << said.errors;
    return boost::json::parse(said.output).as_object();
  }

  TemporaryFolder folder_;
};

// Without the last line, which has how long it took.
[[nodiscard]] std::string without_summary(const std::string& lines) {
  const std::size_t end = lines.find_last_of('\n', lines.size() - 2);
  return lines.substr(0, end);
}

// Findings name what they were compared with, which is another thing for each.
[[nodiscard]] std::string without_names(std::string lines) {
  const std::string key = "\"baseline\":\"";
  for (std::size_t at = lines.find(key); at != std::string::npos; at = lines.find(key, at + 1)) {
    const std::size_t from = at + key.size();
    lines.erase(from, lines.find('"', from) - from);
  }
  return lines;
}

TEST_F(BaselineCommand, ReplaysFromABaselineAsFromTheRowsItWasMadeOf) {
  const std::string replay =
      "replay -c driftd.toml -p predictions.jsonl.gz -l labels.jsonl.gz --out ";
  take_example("reference.csv.gz");
  ASSERT_EQ(driftd(replay + "rows.ndjson").status, kExitOk);
  const Said made =
      driftd("baseline make -c driftd.toml --from reference.csv.gz --out car.baseline");
  ASSERT_EQ(made.status, kExitOk) << made.errors;
  EXPECT_THAT(made.output, AllOf(HasSubstr("model car-loan"), HasSubstr("10,000, 2018-01-01"),
                                 HasSubstr("debt_to_income_ratio"), HasSubstr("accuracy")));
  EXPECT_THAT(made.errors, HasSubstr("reference = \"car.baseline\""));
  take_example("car.baseline");
  ASSERT_EQ(driftd(replay + "baseline.ndjson").status, kExitOk);
  const std::string rows = without_summary(text_of("rows.ndjson"));
  EXPECT_GT(rows.size(), 100'000U);
  EXPECT_EQ(without_names(rows), without_names(without_summary(text_of("baseline.ndjson"))));
}

TEST_F(BaselineCommand, KeepsTheBudgetOfTheRowsItWasMadeOf) {
  // The same budget, whose thresholds are the baseline's, and another one, which is fitted anew.
  for (const std::string alerts : {"1 per 30d", "3 per 7d"}) {
    const std::string replay =
        "replay -c driftd.toml -p predictions.jsonl.gz -l labels.jsonl.gz --set "
        "'model.alerts={ budget = \"" +
        alerts + "\" }' --out ";
    take_example("reference.csv.gz");
    ASSERT_EQ(driftd(replay + "rows.ndjson").status, kExitOk);
    ASSERT_EQ(driftd("baseline make --force -c driftd.toml --set 'model.alerts={ budget = \"1 per "
                     "30d\" }' --from reference.csv.gz --out car.baseline")
                  .status,
              kExitOk);
    take_example("car.baseline");
    ASSERT_EQ(driftd(replay + "baseline.ndjson").status, kExitOk);
    const std::string rows = without_summary(text_of("rows.ndjson"));
    EXPECT_THAT(rows, HasSubstr("\"detector\":\"location\""));
    EXPECT_EQ(without_names(rows), without_names(without_summary(text_of("baseline.ndjson"))));
  }
  EXPECT_THAT(text_of("baseline.ndjson"),
              HasSubstr(std::string(show("car.baseline").at("hash").as_string()).substr(0, 12)))
      << "findings name their baseline";
}

// 30 days of hours whose level moves with the time of the day.
TEST_F(BaselineCommand, ShowsTheSeasonThatTheRowsHave) {
  std::string rows = "ts,amount,prediction\n";
  std::uint64_t state = 1;
  const auto random = [&] {
    state = state * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    return static_cast<double>(state >> 40) / (1 << 24);
  };
  for (int hour = 0; hour < 720; ++hour) {
    for (int i = 0; i < 40; ++i) {
      rows += std::to_string(1'717'200'000 + hour * 3'600 + i * 60) + "," +
              std::to_string(random() + (hour % 24 < 12 ? 0.0 : 0.4)) + "," +
              std::to_string(random()) + "\n";
    }
  }
  write("rows.csv", rows);
  write("driftd.toml", "[[model]]\nname = \"m\"\ntask = \"regression\"\n");
  const Said made = driftd("baseline make -c driftd.toml --from rows.csv --out m.baseline");
  ASSERT_EQ(made.status, kExitOk) << made.errors;
  EXPECT_THAT(made.output, AllOf(HasSubstr("learnt from 720 windows"), HasSubstr("hour of day, 0."),
                                 HasSubstr("|▁▁▁▁▁▁▁▁▁▁▁▁"), HasSubstr("███████")));
  const boost::json::object budget = show("m.baseline").at("budget").as_object();
  EXPECT_EQ(budget.at("windows").as_int64(), 720);
  EXPECT_GT(budget.at("limit").to_number<double>(), 3);
  const auto& series = budget.at("series").as_array()[0].as_object();
  EXPECT_EQ(series.at("series").as_string(), "amount location");
  EXPECT_EQ(series.at("season").as_string(), "hour of day");
}

TEST_F(BaselineCommand, NeedsNoReferenceInTheConfiguration) {
  write("driftd.toml",
        "[[model]]\nname = \"m\"\ntask = \"regression\"\nwindow = { size = \"1m\" }\n");
  std::string rows = "x,kind,prediction\n";
  for (int i = 0; i < 50; ++i)
    rows += std::to_string(i) + ",k" + std::to_string(i % 3) + "," + std::to_string(i * 2) + "\n";
  write("rows.csv", rows);
  const Said made = driftd("baseline make -c driftd.toml --from rows.csv --out m.baseline --json");
  ASSERT_EQ(made.status, kExitOk) << made.errors;
  const boost::json::object shown = show("m.baseline");
  EXPECT_EQ(boost::json::parse(made.output), boost::json::value(shown));
  EXPECT_EQ(shown.at("rows").as_int64(), 50);
  EXPECT_EQ(shown.at("task").as_string(), "regression");
  EXPECT_TRUE(shown.at("from").is_null());
  EXPECT_EQ(shown.at("columns").as_array().size(), 3U);
  const auto& first = shown.at("columns").as_array()[0].as_object();
  EXPECT_EQ(first.at("name").as_string(), "x");
  EXPECT_EQ(first.at("highest").to_number<double>(), 49);
  // It says what rows like these cannot teach.
  const std::string limits = boost::json::serialize(shown.at("limitations"));
  EXPECT_THAT(limits, AllOf(HasSubstr("no times"), HasSubstr("50 rows"), HasSubstr("no labels"),
                            HasSubstr("make 0 windows of the 10")));
  EXPECT_THAT(driftd("baseline show m.baseline").output,
              AllOf(HasSubstr("without times"), HasSubstr("What it could not learn")));
}

TEST_F(BaselineCommand, MakesTheSameBaselineOfTheSameRows) {
  take_example("none.csv");
  ASSERT_EQ(driftd("baseline make -c driftd.toml --from reference.csv.gz --out a.baseline").status,
            kExitOk);
  ASSERT_EQ(driftd("baseline make -c driftd.toml --from reference.csv.gz --out b.baseline").status,
            kExitOk);
  EXPECT_EQ(show("a.baseline").at("hash"), show("b.baseline").at("hash"));
  ASSERT_EQ(driftd("baseline make -c driftd.toml --from reference.csv.gz --start "
                   "2018-03-01T00:00:00Z --out c.baseline")
                .status,
            kExitOk);
  const boost::json::object later = show("c.baseline");
  EXPECT_NE(later.at("hash"), show("a.baseline").at("hash"));
  EXPECT_THAT(std::string(later.at("from").as_string()), HasSubstr("2018-03-01T"));
}

TEST_F(BaselineCommand, SaysWhatIsWrongWithWhatItIsGiven) {
  take_example("none.csv");
  write("two.toml", "[[model]]\nname = \"a\"\n[[model]]\nname = \"b\"\n");
  write("x.baseline", "");
  struct Case {
    std::string words;
    int status;
    std::vector<std::string> parts;
  };
  const std::string make = "baseline make -c driftd.toml --from reference.csv.gz ";
  const std::vector<Case> cases = {
      {"baseline make -c driftd.toml --out y.baseline", kExitUsage, {"--from", "--kafka"}},
      {make + "--out x.baseline", kExitUsage, {"x.baseline is there already", "--force"}},
      {make + "--out y.baseline --model nope", kExitUsage, {"no model `nope`", "car-loan"}},
      {"baseline make -c two.toml --from reference.csv.gz --out y.baseline",
       kExitUsage,
       {"several models", "a, b"}},
      {make + "--out y.baseline --start yesterday", kExitUsage, {"--start", "yesterday"}},
      {make + "--out y.baseline --start 2019-01-01T00:00:00Z --end 2018-01-01T00:00:00Z",
       kExitUsage,
       {"--start must come before --end"}},
      {make + "--out y.baseline --start 2030-01-01T00:00:00Z", kExitConfig, {"no rows"}},
      {make + "--out nowhere/y.baseline", kExitIo, {"nowhere/y.baseline", "cannot be written"}},
      {"baseline make -c none.toml --from reference.csv.gz --out y.baseline",
       kExitConfig,
       {"none.toml"}},
      {"baseline show x.baseline", kExitConfig, {"x.baseline: is no baseline"}},
      {"baseline show none.baseline", kExitConfig, {"none.baseline", "exists"}},
      {"baseline make -c driftd.toml --from none.csv --out y.baseline", kExitUsage, {"none.csv"}},
      {"baseline", kExitUsage, {"subcommand"}},
  };
  for (const Case& one : cases) {
    const Said said = driftd(one.words);
    EXPECT_EQ(said.status, one.status) << one.words << "\n" << said.errors;
    for (const std::string& part : one.parts) EXPECT_THAT(said.errors, HasSubstr(part));
    EXPECT_FALSE(fs::exists(folder_.path() / "y.baseline")) << one.words;
  }
}

TEST_F(BaselineCommand, ProposesANewOneAndPutsItInPlaceWhenItIsAccepted) {
  std::string before = "id,ts,amount,country,prediction,actual\n";
  std::string after = before;
  for (int i = 0; i < 2'000; ++i) {
    const std::string head = std::to_string(i) + "," + std::to_string(1'700'000'000 + i * 60) + ",";
    const std::string tail = std::string(i % 3 == 0 ? "DE" : "FR") + ",0." +
                             std::to_string(i * 7 % 9 + 1) + "," +
                             std::to_string(i * 7 % 9 + 1 >= 5 ? 1 : 0) + "\n";
    before += head + std::to_string(i * 37 % 100) + "," + tail;
    // Half a standard deviation (29) higher, and every tenth country is a new one.
    after += head + std::to_string(i * 37 % 100 + 14) + "," +
             (i % 10 == 0 ? "XX," + tail.substr(3) : tail);
  }
  write("before.csv", before);
  write("after.csv", after);
  write("driftd.toml",
        "[[model]]\nname = \"m\"\ntask = \"binary\"\nreference = \"m.baseline\"\n"
        "alerts = { policy = \"fixed\" }\n");
  EXPECT_THAT(driftd("baseline refresh -c driftd.toml --from after.csv").errors,
              HasSubstr("m.baseline cannot be read"));
  ASSERT_EQ(driftd("baseline make -c driftd.toml --from before.csv --out m.baseline").status,
            kExitOk);
  EXPECT_EQ(driftd("baseline accept -c driftd.toml").status, kExitConfig) << "none is proposed";
  const std::string first = text_of("m.baseline");

  const Said same = driftd("baseline refresh -c driftd.toml --from before.csv");
  EXPECT_THAT(same.output, HasSubstr("They are the same."));
  const Said proposed = driftd("baseline refresh -c driftd.toml --from after.csv");
  ASSERT_EQ(proposed.status, kExitOk) << proposed.errors;
  EXPECT_THAT(
      proposed.output,
      AllOf(HasSubstr("Nothing has changed yet"), HasSubstr("no more than chance: prediction"),
            HasSubstr("baseline accept --config driftd.toml"), HasSubstr("new: XX")));
  EXPECT_LT(proposed.output.find("amount"), proposed.output.find("country"));
  EXPECT_EQ(text_of("m.baseline"), first) << "the old one stays until the new one is accepted";

  const Said json = driftd("baseline refresh -c driftd.toml --from after.csv --json");
  const boost::json::object changes = boost::json::parse(json.output).as_object();
  const auto& columns = changes.at("columns").as_array();
  ASSERT_EQ(columns.size(), 3U);
  const auto& amount = columns[0].as_object();
  EXPECT_EQ(amount.at("name").as_string(), "amount");
  // Of 100 even values those of rank 0.14 on keep their scores, which add up to phi(1.0803), and
  // the highest 14 all have that of the last one, 2.665.
  EXPECT_NEAR(amount.at("location_sd").to_number<double>(), 0.2226 + 0.14 * 2.665, 1e-3);
  EXPECT_NEAR(amount.at("distance").to_number<double>(), 0.14, 1e-9);
  const auto& country = columns[1].as_object();
  EXPECT_EQ(country.at("category").as_string(), "XX");
  EXPECT_NEAR(country.at("share_after").to_number<double>(), 0.1, 1e-9);
  EXPECT_NEAR(country.at("distance").to_number<double>(), 0.1, 1e-9);
  EXPECT_TRUE(columns[2].as_object().at("by_chance").as_bool());

  const std::string new_bytes = text_of("m.baseline.proposed");
  const Said accepted = driftd("baseline accept -c driftd.toml");
  ASSERT_EQ(accepted.status, kExitOk) << accepted.errors;
  EXPECT_THAT(accepted.output, HasSubstr("on_change = \"set_aside\""));
  EXPECT_EQ(text_of("m.baseline"), new_bytes);
  EXPECT_FALSE(fs::exists(folder_.path() / "m.baseline.proposed"));
  const std::string hash(changes.at("hash_before").as_string());
  EXPECT_EQ(text_of("m.baseline." + hash.substr(0, 12) + ".old"), first);
}

TEST_F(BaselineCommand, AcceptsNothingThatTheConfigurationCouldNotUse) {
  take_example("car.baseline");
  ASSERT_EQ(
      driftd("baseline make -c driftd.toml --from reference.csv.gz --out car.baseline").status,
      kExitOk);
  ASSERT_EQ(driftd("baseline refresh -c driftd.toml --from reference.csv.gz --end "
                   "2018-06-01T00:00:00Z")
                .status,
            kExitOk);
  const std::string present = text_of("car.baseline");
  const Said refused = driftd("baseline accept -c driftd.toml --set model.window.count=400");
  EXPECT_EQ(refused.status, kExitConfig);
  EXPECT_THAT(refused.errors, AllOf(HasSubstr("{ count = 500 }"), HasSubstr("{ count = 400 }")));
  EXPECT_EQ(text_of("car.baseline"), present);
  EXPECT_TRUE(fs::exists(folder_.path() / "car.baseline.proposed"));
  take_example("reference.csv.gz");
  EXPECT_THAT(driftd("baseline refresh -c driftd.toml --from reference.csv.gz").errors,
              HasSubstr("is not a baseline but rows"));
}

TEST_F(BaselineCommand, TellsADamagedFile) {
  take_example("reference.csv.gz");
  ASSERT_EQ(driftd("baseline make -c driftd.toml --from reference.csv.gz --out a.baseline").status,
            kExitOk);
  std::string bytes = text_of("a.baseline");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write("a.baseline", bytes);
  take_example("a.baseline");
  for (const std::string words :
       {"baseline show a.baseline", "replay -c driftd.toml -p predictions.jsonl.gz"}) {
    const Said said = driftd(words);
    EXPECT_EQ(said.status, kExitIo) << words;
    EXPECT_THAT(said.output + said.errors, HasSubstr("a.baseline: the baseline is damaged"));
  }
}

}  // namespace
}  // namespace driftd
