// The conformance suite: what every row of the table of detectors must do. A new row is tested
// without a new line here.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "config/catalog.h"
#include "detectors/judge.h"
#include "detectors/registry.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

constexpr std::int64_t kMinSamples = 100;
constexpr int kRows = 5'000;
constexpr double kAlpha = 0.01;

std::vector<double> normal(int n, double mean, double deviation, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> value(mean, deviation);
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

// One kind of series: a reference, and windows that a detector must take in the right way.
struct Series {
  const char* name;
  SeriesReference reference;
  SeriesSummary identical, resampled, shifted, empty, all_missing, few;
};

Series numeric_series() {
  const std::vector<double> values = normal(kRows, 0, 1, 1);
  const NumericReference reference = gap_reference_of(values);
  return {"numeric",
          {"amount", reference},
          summary_of(reference, values),
          summary_of(reference, normal(kRows, 0, 1, 2)),
          summary_of(reference, normal(kRows, 1, 2, 3)),
          summary_of(reference, {}),
          summary_of(reference, std::vector<double>(kRows, missing_number())),
          summary_of(reference, normal(kMinSamples - 1, 1, 2, 4))};
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

// How far apart the detector finds the samples: what a limit asks of besides significance, or the
// statistic where there is nothing else.
double size_of(const Outcome& outcome) {
  return outcome.effect ? *outcome.effect : std::abs(*outcome.statistic);
}

void expect_numbers_or_nothing(const Outcome& outcome, const std::string& where) {
  for (const auto& number : {outcome.statistic, outcome.p_value, outcome.effect, outcome.bound}) {
    if (number) {
      EXPECT_TRUE(std::isfinite(*number)) << where;
    }
  }
  EXPECT_GE(outcome.p_value.value_or(0), 0.0) << where;
  EXPECT_LE(outcome.p_value.value_or(1), 1.0) << where;
  EXPECT_GE(outcome.effect.value_or(0), 0.0) << where;
  EXPECT_GT(outcome.bound.value_or(1), 0.0) << where;
  if (!outcome.statistic) {
    EXPECT_FALSE(outcome.p_value) << where;
    EXPECT_FALSE(outcome.effect) << where;
  }
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
    return judge(run(detector(), compare(series.reference, current)),
                 limits_for(detector(), {}, by_p_value, kAlpha), kMinSamples);
  }
  [[nodiscard]] Outcome of_samples(const std::vector<double>& a,
                                   const std::vector<double>& b) const {
    const NumericReference reference = gap_reference_of(a);
    return run(detector(), Comparison(compare(reference, summary_of(reference, b))));
  }
  [[nodiscard]] Outcome of_samples(const std::vector<std::string>& a,
                                   const std::vector<std::string>& b) const {
    const CategoryReference reference = reference_of(a);
    return run(detector(), Comparison(compare(reference, summary_of(reference, b))));
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
    EXPECT_NE(*said.statistic, 0.0) << series.name;
    EXPECT_EQ(said.n, kMinSamples - 1) << series.name;
  });
}

TEST_P(EveryDetector, FindsNothingInTheReferenceItself) {
  for_each_series([this](const Series& series) {
    for (const bool by_p_value : {false, true}) {
      const Verdict said = verdict(series, series.identical, by_p_value);
      EXPECT_EQ(said.level, Level::stable) << series.name;
      EXPECT_EQ(size_of(run(detector(), compare(series.reference, series.identical))), 0.0)
          << series.name;
      EXPECT_GE(said.p_value.value_or(1), 0.25) << series.name;
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

// Significance alone never alerts: among very many rows a difference of nothing is significant.
TEST_P(EveryDetector, IsNoMoreThanWarnedByASignificantTrifle) {
  std::vector<double> values;
  for (int i = 0; i < 200'000; ++i) values.push_back(i % 1'000);
  std::vector<double> moved = values;
  for (double& value : moved) value = value * 1.01 + 4;
  if (detector().numeric == nullptr) return;
  const Outcome outcome = of_samples(values, moved);
  const Verdict said = judge(outcome, limits_for(detector(), {}, false, kAlpha), kMinSamples);
  EXPECT_NE(said.level, Level::drift);
}

TEST_P(EveryDetector, GivesNumbersOrNothing) {
  for_each_series([this](const Series& series) {
    for (const SeriesSummary* const current :
         {&series.identical, &series.resampled, &series.shifted, &series.few}) {
      const Outcome outcome = run(detector(), compare(series.reference, *current));
      ASSERT_TRUE(outcome.statistic);
      expect_numbers_or_nothing(outcome, series.name);
    }
  });
}

// One value, constants, NaN, infinities, the ends of what a double holds: a number or nothing.
TEST_P(EveryDetector, GivesNumbersOrNothingOfExtremeValues) {
  if (detector().numeric == nullptr) return;
  const double nan = missing_number();
  const std::vector<std::vector<double>> samples = {
      {1},
      {1, 2},
      std::vector<double>(500, 3.5),
      std::vector<double>(500, 4.5),
      normal(500, 0, 1, 5),
      {nan, 1, nan, 2, 3},
      {-kInfinity, 0, 1, 2, kInfinity},
      std::vector<double>(40, kInfinity),
      {kHuge, -kHuge, 1e308, -1e308, 0},
      std::vector<double>(500, kHuge),
      {1e308, 1.1e308, 1.2e308, 1.3e308},
      {kTiny, -kTiny, 0, 2 * kTiny},
      {0.0, -0.0, 0.0},
      {1e15, 1e15 + 1, 1e15 + 2},
  };
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (std::size_t j = 0; j < samples.size(); ++j) {
      const std::string where = std::to_string(i) + " and " + std::to_string(j);
      expect_numbers_or_nothing(of_samples(samples[i], samples[j]), where);
      std::vector<double> a = samples[i];
      std::vector<double> b = samples[j];
      std::erase_if(a, [](double v) { return std::isnan(v); });
      std::erase_if(b, [](double v) { return std::isnan(v); });
      expect_numbers_or_nothing(run(detector(), Comparison(compare_samples(a, b))), where);
    }
  }
}

TEST_P(EveryDetector, TakesMissingValuesForNoValues) {
  if (detector().numeric == nullptr) return;
  const std::vector<double> a = normal(300, 0, 1, 6);
  std::vector<double> b = normal(300, 0.3, 1, 7);
  const Outcome expected = of_samples(a, b);
  b.insert(b.begin() + 100, 50, missing_number());
  b.push_back(wrong_type_number());
  const Outcome outcome = of_samples(a, b);
  EXPECT_EQ(outcome.statistic, expected.statistic);
  EXPECT_EQ(outcome.p_value, expected.p_value);
  EXPECT_EQ(outcome.n, 300);
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
          const Outcome stored = run(detector(), compare(series.reference, read));
          const Outcome other_way = run(detector(), compare(series.reference, summary));
          ASSERT_TRUE(stored.statistic && other_way.statistic);
          // The order of addition shows in the last digits of the moments, nowhere else.
          EXPECT_NEAR(*stored.statistic, *other_way.statistic, 1e-9 * std::abs(*stored.statistic))
              << series.name;
          EXPECT_NEAR(stored.p_value.value_or(0), other_way.p_value.value_or(0), 1e-9)
              << series.name;
          EXPECT_EQ(stored.n, kRows + kMinSamples - 1) << series.name;
        },
        merged);
  });
}

// The order of the rows, and how they were spread over lanes and panes, change nothing.
TEST_P(EveryDetector, SaysTheSameOfAnySplitInAnyOrder) {
  if (detector().numeric == nullptr) return;
  const NumericReference reference = gap_reference_of(normal(2'000, 0, 1, 8));
  std::vector<double> values = normal(3'000, 0.2, 1.1, 9);
  for (std::size_t i = 0; i < values.size(); i += 3) values[i] = std::round(values[i] * 10) / 10;
  const Outcome whole =
      run(detector(), Comparison(compare(reference, summary_of(reference, values))));
  std::mt19937_64 random(10);
  for (int turn = 0; turn < 5; ++turn) {
    std::ranges::shuffle(values, random);
    std::vector<NumericSummary> parts;
    for (std::size_t from = 0; from < values.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 900, values.size() - from);
      const auto first = values.begin() + static_cast<std::ptrdiff_t>(from);
      parts.push_back(summary_of(reference, {first, first + static_cast<std::ptrdiff_t>(size)}));
      from += size;
    }
    std::ranges::shuffle(parts, random);
    NumericSummary merged = parts.front();
    for (std::size_t i = 1; i < parts.size(); ++i) merged.merge(parts[i]);
    const Outcome outcome = run(detector(), Comparison(compare(reference, merged)));
    EXPECT_NEAR(*outcome.statistic, *whole.statistic, 1e-9 * std::abs(*whole.statistic));
    EXPECT_NEAR(outcome.p_value.value_or(0), whole.p_value.value_or(0), 1e-9);
    EXPECT_EQ(outcome.bound.has_value(), whole.bound.has_value());
  }
}

// Without drift the p-value is below 0.05 in some 5 % of the windows. 800 windows: the standard
// error is 0.8 %, the limits are four of them away; rank distances that take few values stay below.
TEST_P(EveryDetector, AlarmsAtItsStatedRateWithoutDrift) {
  static constexpr int kWindows = 800;
  for_each_series([this](const Series& series) {
    int alarms = 0;
    int judged = 0;
    for (unsigned i = 0; i < kWindows; ++i) {
      const unsigned seed = 1'000 + 2 * i;
      const Outcome outcome =
          std::holds_alternative<NumericReference>(series.reference.baseline)
              ? of_samples(normal(400, 0, 1, seed), normal(300, 0, 1, seed + 1))
              : of_samples(texts(400, {5, 3, 2}, seed), texts(300, {5, 3, 2}, seed + 1));
      judged += outcome.p_value.has_value();
      alarms += outcome.p_value.value_or(1) < 0.05;
    }
    if (judged == 0) return;  // it has no p-value
    EXPECT_EQ(judged, kWindows) << series.name;
    EXPECT_GE(alarms, kWindows * 2 / 100) << series.name;
    EXPECT_LE(alarms, kWindows * 8 / 100) << series.name;
  });
}

TEST_P(EveryDetector, FindsMoreTheFurtherASampleMoves) {
  const std::vector<double> values = normal(1'000, 0, 1, 11);
  double numeric_before = -1;
  double categories_before = -1;
  for (const double shift : {0.0, 0.25, 0.5, 1.0, 2.0}) {
    if (detector().numeric != nullptr) {
      std::vector<double> moved = values;
      for (double& value : moved) value = value * (1 + shift) + shift;
      const double size = size_of(of_samples(values, moved));
      EXPECT_GE(size, numeric_before) << shift;
      if (shift <= 0.5) {
        EXPECT_GT(size, numeric_before) << shift;
      }
      numeric_before = size;
    }
    if (detector().categorical != nullptr) {
      std::vector<std::string> from(1'000, "a");
      std::fill(from.begin() + 500, from.end(), "b");
      std::vector<std::string> to = from;
      std::fill(to.begin(), to.begin() + static_cast<int>(shift * 200), "b");
      const double size = size_of(of_samples(from, to));
      EXPECT_GT(size, categories_before) << shift;
      categories_before = size;
    }
  }
}

TEST_P(EveryDetector, IsInTheCatalogOfTheConfiguration) {
  const DetectorEntry* entry = find_detector_entry(GetParam());
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->numeric == Support::now, detector().numeric != nullptr);
  EXPECT_EQ(entry->categorical == Support::now, detector().categorical != nullptr);
  for_each_series([&](const Series& series) {
    const Outcome outcome = run(detector(), compare(series.reference, series.shifted));
    EXPECT_EQ(outcome.p_value.has_value(), entry->has_p_value) << series.name;
    // Significance is judged with an effect, or by a limit on the statistic.
    EXPECT_TRUE(!entry->has_p_value || outcome.effect) << series.name;
    EXPECT_TRUE(entry->has_p_value || detector().limits.threshold) << series.name;
  });
  if (detector().numeric == nullptr) return;
  // What it needs is what the catalog says it needs.
  const NumericReference reference = gap_reference_of({0, 10});
  const std::vector<double> window = {3, 3, 3, 4, 12, 12, 5};
  NumericSummary without(reference.index);
  NumericSummary::Scratch scratch;
  without.update(reference.index, window, scratch);
  const Outcome bare = run(detector(), Comparison(compare(reference, without)));
  const Outcome full =
      run(detector(), Comparison(compare(reference, summary_of(reference, window))));
  if (!entry->needs_gaps) {
    EXPECT_EQ(bare.statistic, full.statistic);
  }
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
  for (const Detector& detector : detectors()) {
    EXPECT_TRUE(names.insert(detector.name).second) << detector.name;
    EXPECT_EQ(find_detector(detector.name), &detector);
    EXPECT_TRUE(detector.numeric != nullptr || detector.categorical != nullptr) << detector.name;
    EXPECT_TRUE(!detector.default_numeric || detector.numeric != nullptr) << detector.name;
    EXPECT_TRUE(!detector.default_categorical || detector.categorical != nullptr) << detector.name;
    EXPECT_LE(detector.limits.warning.value_or(0), detector.limits.threshold.value_or(0))
        << detector.name;
    EXPECT_NE(detector.limits.threshold.has_value(), detector.limits.min_effect > 0)
        << detector.name;
  }
  for (const char* const unknown : {"", "KS", "ks ", "no such detector"}) {
    EXPECT_EQ(find_detector(unknown), nullptr) << unknown;
  }
}

TEST(Registry, KeepsTheDefaultsOfAFeatureThatListsNone) {
  std::set<std::string_view> numeric;
  std::set<std::string_view> categorical;
  for (const Detector& detector : detectors()) {
    if (detector.default_numeric) numeric.insert(detector.name);
    if (detector.default_categorical) categorical.insert(detector.name);
  }
  EXPECT_EQ(numeric, (std::set<std::string_view>{"ks", "psi"}));
  EXPECT_EQ(categorical, (std::set<std::string_view>{"psi", "chi2"}));
}

}  // namespace
}  // namespace driftd
