// The default policy over real and third-party streams whose drift is known: what a false-alarm
// budget says of them, with nothing set but the windows.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "config/load.h"
#include "daemon/replay.h"
#include "tests/support/golden.h"

namespace driftd {
namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::UnorderedElementsAre;

namespace fs = std::filesystem;

// What of a replay the tests ask for; windows are told by their indexes, so by rows for windows by
// count.
struct Told {
  std::map<std::string, std::set<std::int64_t>> drifts;  // series -> windows, by the budget
  std::set<std::string> others;                          // series/detector that drifts without it
  std::vector<Transition> transitions;
  std::uint64_t alerts = 0;

  [[nodiscard]] std::set<std::string> drifting_in(std::int64_t from, std::int64_t to) const {
    std::set<std::string> names;
    for (const auto& [series, windows] : drifts) {
      const auto first = windows.lower_bound(from);
      if (first != windows.end() && *first < to) names.insert(series);
    }
    return names;
  }
};

class Listener final : public ReplayObserver {
 public:
  explicit Listener(Told& told) : told_(told) {}
  void report(const Report& report) override {
    if (const auto* transition = std::get_if<Transition>(&report))
      told_.transitions.push_back(*transition);
    const auto* finding = std::get_if<Finding>(&report);
    if (finding == nullptr || finding->level != Level::drift) return;
    if (finding->budget) {
      told_.drifts[finding->series].insert(finding->window.index);
    } else {
      told_.others.insert(finding->series + "/" + finding->detector);
    }
  }
  void progress(std::uint64_t, std::uint64_t) override {}

 private:
  Told& told_;
};

[[nodiscard]] Told told_of(const fs::path& folder, const std::string& model,
                           const std::string& task, const std::string& window,
                           const std::string& more = {}) {
  const fs::path file =
      fs::temp_directory_path() / fmt::format("driftd-budget-{}.toml", ::getpid());
  std::ofstream(file) << fmt::format(
      "[[model]]\nname = \"{}\"\ntask = \"{}\"\nreference = \"{}\"\nwindow = {}\n{}", model, task,
      (folder / "reference.csv.gz").string(), window, more);
  const auto config = load_config(file.string(), {{}, true});
  fs::remove(file);
  Told told;
  EXPECT_TRUE(config) << (config ? "" : to_text(config.error()));
  if (!config) return told;
  Listener listener(told);
  const auto summary =
      replay(*config,
             {(folder / "predictions.jsonl.gz").string(), (folder / "labels.jsonl.gz").string(), 0},
             listener);
  EXPECT_TRUE(summary) << (summary ? "" : summary.error().message);
  if (summary) told.alerts = summary->alerts;
  return told;
}

// The example in the repository: four columns drift from row 6,250 on.
TEST(ReplayBudget, NamesTheFourColumnsOfTheExampleAndNoOthers) {
  const Told told =
      told_of(fs::path(DRIFTD_ROOT) / "examples/car-loan", "car-loan", "binary", "{ count = 500 }");
  EXPECT_EQ(told.drifting_in(0, 12), std::set<std::string>());
  std::set<std::string> found = told.drifting_in(12, 14);
  for (const char* of_all : {"prediction", "features", "errors", "predicted_class"})
    found.erase(of_all);
  EXPECT_THAT(found, UnorderedElementsAre("car_value", "salary_range", "loan_length",
                                          "repaid_loan_on_prev_car"));
  EXPECT_EQ(told.alerts, 1U);
  EXPECT_TRUE(told.others.empty());
  ASSERT_EQ(told.transitions.size(), 2U);
  EXPECT_THAT(told.transitions[1].reasons, Contains("drift:car_value"));
  EXPECT_FALSE(told.transitions[1].together.empty());
}

class SharedStream : public testing::Test {
 protected:
  void SetUp() override {
    const auto shared = find_shared();
    if (!shared) GTEST_SKIP() << kNoShared;
    data_ = *shared / "data";
  }
  [[nodiscard]] Told told(const std::string& set, const std::string& model, const std::string& task,
                          const std::string& window, const std::string& more = {}) const {
    return told_of(data_ / set, model, task, window, more);
  }

 private:
  fs::path data_;
};

TEST_F(SharedStream, WithoutAnyDriftIsQuiet) {
  for (const char* window : {"{ size = \"1h\" }", "{ size = \"8h\" }", "{ count = 500 }"}) {
    const Told quiet = told("sea_null", "sea", "binary", window);
    EXPECT_EQ(quiet.alerts, 0U) << window;
    EXPECT_TRUE(quiet.drifts.empty() && quiet.others.empty()) << window;
  }
}

// P(y|x) changes at rows 4,500, 17,000 and 29,500; the features do not.
TEST_F(SharedStream, WhoseConceptChangesIsQuietOnItsFeaturesAndLoudOnItsPerformance) {
  for (const int count : {500, 1'500}) {
    const Told concept_drift =
        told("sea_abrupt", "sea", "binary", fmt::format("{{ count = {} }}", count));
    EXPECT_EQ(concept_drift.drifting_in(0, 1'000), std::set<std::string>{"errors"});
    const std::int64_t first = *concept_drift.drifts.at("errors").begin();
    EXPECT_GE(first, 4'500 / count);
    EXPECT_LE(first, 6'000 / count);
    ASSERT_EQ(concept_drift.transitions.size(), 2U);
    EXPECT_EQ(concept_drift.transitions[1].performance, ModelPerformance::fell);
    EXPECT_THAT(concept_drift.transitions[1].reasons, Contains("low_accuracy"));
  }
}

TEST_F(SharedStream, OfElectricityNamesTheThreeColumnsInTheWindowOfTheirRow) {
  const Told elec = told("elec2", "elec2-updown", "binary", "{ size = \"1d\" }",
                         "[model.features]\nday = { type = \"categorical\" }\n");
  // Row 3,424 is a midnight; the stream begins in the evening of a day.
  for (const char* column : {"vicprice", "vicdemand", "transfer"})
    EXPECT_EQ(*elec.drifts.at(column).begin(), *elec.drifts.at("vicprice").begin());
  EXPECT_EQ(*elec.drifts.at("vicprice").begin(), 3'424 / 48 + 1);
}

TEST_F(SharedStream, OfCarLoansNamesFourColumnsFromTheMiddleOnAndNoOthers) {
  for (const int count : {1'000, 5'000}) {
    const Told loans =
        told("nml_car_loan", "car-loan", "binary", fmt::format("{{ count = {} }}", count));
    EXPECT_EQ(loans.drifting_in(0, 25'000 / count), std::set<std::string>());
    std::set<std::string> found = loans.drifting_in(0, 1'000);
    for (const char* of_all : {"prediction", "features", "errors"}) found.erase(of_all);
    EXPECT_THAT(found, UnorderedElementsAre("car_value", "salary_range", "loan_length",
                                            "repaid_loan_on_prev_car"));
    EXPECT_THAT(loans.drifting_in(25'000 / count, 25'000 / count + 1), IsSupersetOf(found));
    EXPECT_EQ(loans.alerts, 1U);
  }
}

TEST_F(SharedStream, OfCarPricesDriftsFromTheMiddleOn) {
  const Told prices = told("nml_car_price", "car-price", "regression", "{ count = 3000 }");
  EXPECT_EQ(prices.drifting_in(0, 10), std::set<std::string>());
  EXPECT_THAT(prices.drifting_in(10, 12), IsSupersetOf({"car_age", "km_driven", "price_new",
                                                        "accident_count", "fuel", "transmission"}));
  EXPECT_FALSE(prices.drifts.contains("errors")) << "the mean absolute error falls";
}

// Batches 5 and 6 begin at rows 1,747 and 1,944, 8 and 9 at 4,244 and 4,538. The reference is a
// sample of two batches without windows of its own.
TEST_F(SharedStream, OfGasSensorsDriftsAtItsBatchesAndInItsErrors) {
  const Told sensors = told("gas_sensor", "gas-id", "multiclass", "{ count = 100 }");
  EXPECT_TRUE(sensors.drifts.contains("errors"));
  EXPECT_GE(sensors.drifting_in(42, 46).size(), 10U);
  EXPECT_THAT(sensors.drifting_in(19, 23), IsSupersetOf({"s05_dR", "s06_dR"}));
}

}  // namespace
}  // namespace driftd
