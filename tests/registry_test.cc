// The conformance suite: what every row of the table of detectors must do.
#include "detectors/registry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "detectors/judge.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

constexpr std::int64_t kMinSamples = 100;
constexpr int kRows = 5'000;

// One kind of series: a reference, and windows that a detector must take in the right way.
struct Series {
  const char* name;
  SeriesReference reference;
  SeriesSummary identical, resampled, shifted, empty, all_missing, few;
};

std::vector<double> normal(int n, double mean, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> value(mean, 1);
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(value(random));
  return values;
}

std::vector<std::string> texts(int n, const std::vector<double>& weights, unsigned seed) {
  std::mt19937_64 random(seed);
  std::discrete_distribution<int> category(weights.begin(), weights.end());
  std::vector<std::string> values;
  for (int i = 0; i < n; ++i) values.push_back("category " + std::to_string(category(random)));
  return values;
}

Series numeric_series() {
  const std::vector<double> values = normal(kRows, 0, 1);
  const NumericReference reference = reference_of(values);
  return {"numeric",
          {"amount", reference},
          summary_of(reference, values),
          summary_of(reference, normal(kRows, 0, 2)),
          summary_of(reference, normal(kRows, 1, 3)),
          summary_of(reference, {}),
          summary_of(reference, std::vector<double>(kRows, missing_number())),
          summary_of(reference, normal(kMinSamples - 1, 1, 4))};
}

Series categorical_series() {
  const std::vector<std::string> values = texts(kRows, {5, 3, 2}, 1);
  const CategoryReference reference = reference_of(values);
  CategorySummary missing = summary_of(reference, {});
  missing.missing = kRows;
  return {"categorical",
          {"channel", reference},
          summary_of(reference, values),
          summary_of(reference, texts(kRows, {5, 3, 2}, 2)),
          summary_of(reference, texts(kRows, {2, 3, 3, 2}, 3)),
          summary_of(reference, {}),
          missing,
          summary_of(reference, texts(kMinSamples - 1, {2, 3, 3, 2}, 4))};
}

class EveryDetector : public testing::TestWithParam<std::string> {
 protected:
  // Calls `look` for each kind of series that the detector takes.
  template <typename Look>
  void for_each_series(Look look) const {
    static const Series* const kNumeric = new Series(numeric_series());
    static const Series* const kCategorical = new Series(categorical_series());
    if (detector().numeric != nullptr) look(*kNumeric);
    if (detector().categorical != nullptr) look(*kCategorical);
  }
  [[nodiscard]] const Detector& detector() const { return *find_detector(GetParam()); }
  [[nodiscard]] Verdict verdict(const Series& series, const SeriesSummary& current,
                                bool by_p_value = false) const {
    return judge(run(detector(), series.reference, current),
                 limits_for(detector(), {}, by_p_value, 0.001), kMinSamples);
  }
};

TEST_P(EveryDetector, HasInsufficientDataInAnEmptyWindow) {
  for_each_series([this](const Series& series) {
    for (const SeriesSummary* const current : {&series.empty, &series.all_missing}) {
      const Verdict said = verdict(series, *current);
      EXPECT_EQ(said.level, Level::insufficient_data) << series.name;
      EXPECT_FALSE(said.statistic) << series.name;
      EXPECT_FALSE(said.p_value) << series.name;
      EXPECT_EQ(said.n, 0) << series.name;
    }
  });
}

TEST_P(EveryDetector, GivesTheStatisticOfTooFewRowsAllTheSame) {
  for_each_series([this](const Series& series) {
    const Verdict said = verdict(series, series.few);
    EXPECT_EQ(said.level, Level::insufficient_data) << series.name;
    ASSERT_TRUE(said.statistic) << series.name;
    EXPECT_GT(*said.statistic, 0.0) << series.name;
    EXPECT_EQ(said.n, kMinSamples - 1) << series.name;
  });
}

TEST_P(EveryDetector, IsExactlyZeroAndStableOnTheReferenceItself) {
  for_each_series([this](const Series& series) {
    for (const bool by_p_value : {false, true}) {
      const Verdict said = verdict(series, series.identical, by_p_value);
      EXPECT_EQ(said.level, Level::stable) << series.name;
      EXPECT_EQ(said.statistic, 0.0) << series.name;
      EXPECT_EQ(said.p_value.value_or(1), 1.0) << series.name;
    }
  });
}

TEST_P(EveryDetector, IsStableOnAnotherSampleOfTheSame) {
  for_each_series([this](const Series& series) {
    for (const bool by_p_value : {false, true}) {
      EXPECT_EQ(verdict(series, series.resampled, by_p_value).level, Level::stable) << series.name;
    }
  });
}

TEST_P(EveryDetector, FindsAShift) {
  for_each_series([this](const Series& series) {
    for (const bool by_p_value : {false, true}) {
      EXPECT_EQ(verdict(series, series.shifted, by_p_value).level, Level::drift) << series.name;
    }
  });
}

TEST_P(EveryDetector, GivesNumbersWithinTheirRange) {
  for_each_series([this](const Series& series) {
    for (const SeriesSummary* const current :
         {&series.identical, &series.resampled, &series.shifted, &series.few}) {
      const Outcome outcome = run(detector(), series.reference, *current);
      EXPECT_TRUE(std::isfinite(*outcome.statistic)) << series.name;
      EXPECT_GE(*outcome.statistic, 0.0) << series.name;
      EXPECT_GE(outcome.p_value.value_or(0), 0.0) << series.name;
      EXPECT_LE(outcome.p_value.value_or(1), 1.0) << series.name;
      EXPECT_GE(outcome.effect.value_or(0), 0.0) << series.name;
    }
  });
}

// A window that was stored and read again, or that two lanes filled, is the same window.
TEST_P(EveryDetector, SaysTheSameOfAWindowThatWasMergedAndStored) {
  for_each_series([this](const Series& series) {
    SeriesSummary merged = series.few;
    std::string bytes;
    ByteWriter out(bytes);
    std::visit(
        [&](auto& summary) {
          using Summary = std::remove_reference_t<decltype(summary)>;
          summary.merge(std::get<Summary>(series.shifted));
          summary.write(out);
          Summary read;
          ByteReader in(bytes);
          ASSERT_TRUE(Summary::read(in, summary.counters.cells(), read) && in.at_end());
          summary = std::get<Summary>(series.shifted);
          summary.merge(std::get<Summary>(series.few));
          const Outcome stored = run(detector(), series.reference, read);
          const Outcome other_way = run(detector(), series.reference, summary);
          EXPECT_EQ(stored.statistic, other_way.statistic) << series.name;
          EXPECT_EQ(stored.p_value, other_way.p_value) << series.name;
          EXPECT_EQ(stored.n, kRows + kMinSamples - 1) << series.name;
        },
        merged);
  });
}

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const Detector& detector : detectors()) names.emplace_back(detector.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryDetector, testing::ValuesIn(all_names()),
                         [](const auto& param_info) { return param_info.param; });

TEST(Registry, HasRowsThatCanBeUsed) {
  std::set<std::string_view> names;
  bool numeric_default = false;
  bool categorical_default = false;
  for (const Detector& detector : detectors()) {
    EXPECT_TRUE(names.insert(detector.name).second) << detector.name;
    EXPECT_EQ(find_detector(detector.name), &detector);
    EXPECT_TRUE(detector.numeric != nullptr || detector.categorical != nullptr) << detector.name;
    EXPECT_TRUE(!detector.default_numeric || detector.numeric != nullptr) << detector.name;
    EXPECT_TRUE(!detector.default_categorical || detector.categorical != nullptr) << detector.name;
    EXPECT_LE(detector.limits.warning.value_or(0), detector.limits.threshold.value_or(0))
        << detector.name;
    numeric_default |= detector.default_numeric;
    categorical_default |= detector.default_categorical;
  }
  EXPECT_TRUE(numeric_default && categorical_default);
  for (const char* const unknown : {"", "KS", "ks ", "no such detector"}) {
    EXPECT_EQ(find_detector(unknown), nullptr) << unknown;
  }
}

}  // namespace
}  // namespace driftd
