// What every sequential detector of the table must do, and the rules that are theirs alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "detectors/sequential/registry.h"
#include "tests/support/allocations.h"
#include "tests/support/seeded_values.h"

namespace driftd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

[[nodiscard]] SequentialDetector make(std::string_view name,
                                      const std::vector<std::string>& pairs = {}) {
  const auto settings = read_sequential_settings(name, pairs);
  EXPECT_TRUE(settings) << name << (settings ? "" : settings.error().message);
  return SequentialDetector(settings.value());
}

[[nodiscard]] std::vector<std::size_t> drifts(SequentialDetector& detector,
                                              const std::vector<double>& stream) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (detector.update(stream[i])) rows.push_back(i);
  }
  return rows;
}

[[nodiscard]] std::string snapshot(const SequentialDetector& detector) {
  std::string bytes;
  ByteWriter out(bytes);
  detector.write(out);
  return bytes;
}

[[nodiscard]] std::optional<SequentialDetector> restored(const std::string& bytes) {
  ByteReader in(bytes);
  auto detector = SequentialDetector::read(in);
  return in.at_end() ? std::move(detector) : std::nullopt;
}

class EverySequential : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] static SequentialDetector fresh() { return make(GetParam()); }
  [[nodiscard]] static bool binary() { return find_sequential_kind(GetParam())->binary; }
  // Values at one level: errors with that probability, or normal ones about that mean.
  static void add(std::vector<double>& stream, Splitmix& random, int n, double rate, double mean) {
    for (int i = 0; i < n; ++i) {
      stream.push_back(binary() ? (random.uniform() < rate ? 1.0 : 0.0) : mean + random.bell());
    }
  }
  // 1,500 values, then as many at another level.
  [[nodiscard]] static std::vector<double> shifting(std::uint64_t seed) {
    Splitmix random(seed);
    std::vector<double> stream;
    add(stream, random, 1'500, 0.1, 0);
    add(stream, random, 1'500, 0.6, 4);
    return stream;
  }
};

TEST_P(EverySequential, FiresNoMoreThanItsStatedRateWhereNothingChanges) {
  constexpr int kStreams = 20;
  constexpr int kValues = 10'000;
  std::size_t alarms = 0;
  for (int seed = 0; seed < kStreams; ++seed) {
    Splitmix random(static_cast<std::uint64_t>(seed));
    std::vector<double> stream;
    add(stream, random, kValues, 0.2, 0);
    SequentialDetector detector = fresh();
    alarms += drifts(detector, stream).size();
  }
  EXPECT_LE(static_cast<double>(alarms),
            find_sequential_kind(GetParam())->alarms_per_1000 * kStreams * kValues / 1'000);
}

TEST_P(EverySequential, FindsABigShiftSoon) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SequentialDetector detector = fresh();
    const std::vector<std::size_t> rows = drifts(detector, shifting(seed));
    EXPECT_TRUE(
        std::ranges::any_of(rows, [](std::size_t row) { return row >= 1'500 && row < 1'800; }))
        << "seed " << seed;
  }
}

TEST_P(EverySequential, GoesOnFromASnapshotAtEveryCutBitByBit) {
  const std::vector<double> stream = shifting(4);
  SequentialDetector whole = fresh();
  for (std::size_t cut = 0; cut < stream.size(); ++cut) {
    std::optional<SequentialDetector> resumed = restored(snapshot(whole));
    ASSERT_TRUE(resumed) << cut;
    EXPECT_EQ(resumed->settings(), whole.settings());
    // The next value is enough: by induction over the cuts the rest is the same.
    EXPECT_EQ(whole.update(stream[cut]), resumed->update(stream[cut])) << cut;
    ASSERT_EQ(whole.warning_detected(), resumed->warning_detected()) << cut;
    ASSERT_EQ(snapshot(whole), snapshot(*resumed)) << cut;
  }
}

// Blocks of any size, at any point of the stream, with values that are no numbers and values beyond
// all bounds among them, against values one by one.
TEST_P(EverySequential, SaysOfBlocksWhatItSaysOfSingleValues) {
  for (const StopAt stop : {StopAt::drift, StopAt::drift_or_warning}) {
    Splitmix random(13);
    std::vector<double> stream = shifting(13);
    for (const std::uint64_t seed : {14U, 15U, 16U, 17U}) {
      const std::vector<double> more = shifting(seed);
      stream.insert(stream.end(), more.begin(), more.end());
    }
    for (const std::size_t row : {700U, 701U, 2'400U, 9'000U}) stream[row] = kNan;
    for (const std::size_t row : {5'000U, 5'003U, 5'040U}) stream[row] = -1e308;
    for (const std::size_t row : {5'001U, 5'002U, 5'041U}) stream[row] = 1e308;
    SequentialDetector single = fresh();
    SequentialDetector blocks = fresh();
    std::size_t fired = 0;
    for (std::size_t row = 0; row < stream.size();) {
      const auto wanted = static_cast<std::size_t>(random.uniform() * random.uniform() * 400);
      const std::span<const double> block =
          std::span(stream).subspan(row, std::min(stream.size() - row, wanted));
      const std::size_t taken = blocks.update_until(stop, block);
      ASSERT_LE(taken, block.size());
      for (std::size_t i = 0; i < taken; ++i) {
        single.update(block[i]);
        const bool stops = single.drift_detected() ||
                           (stop == StopAt::drift_or_warning && single.warning_detected());
        ASSERT_EQ(stops, i + 1 == taken && stops) << row + i;
        fired += stops ? 1 : 0;
      }
      ASSERT_TRUE(taken == block.size() || single.drift_detected() || single.warning_detected());
      ASSERT_EQ(snapshot(blocks), snapshot(single)) << row << " " << taken;
      row += taken;
    }
    EXPECT_GT(fired, 0U);
  }
}

TEST_P(EverySequential, IsFreshAfterAReset) {
  const std::vector<double> stream = shifting(5);
  SequentialDetector used = fresh();
  (void)drifts(used, stream);
  used.reset();
  SequentialDetector unused = fresh();
  EXPECT_EQ(snapshot(used), snapshot(unused));
  EXPECT_EQ(drifts(used, stream), drifts(unused, stream));
  EXPECT_EQ(snapshot(used), snapshot(unused));
}

TEST_P(EverySequential, SkipsAndCountsWhatIsNoNumber) {
  const std::vector<double> stream = shifting(6);
  SequentialDetector plain = fresh();
  SequentialDetector dirty = fresh();
  std::uint64_t dirt = 0;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (i % 7 == 0) {
      for (const double x : {kNan, kInf, -kInf}) {
        EXPECT_FALSE(dirty.update(x));
        EXPECT_FALSE(dirty.drift_detected() || dirty.warning_detected());
        ++dirt;
      }
    }
    ASSERT_EQ(plain.update(stream[i]), dirty.update(stream[i])) << i;
  }
  EXPECT_EQ(dirty.skipped(), dirt);
  EXPECT_EQ(plain.skipped(), 0U);
}

TEST_P(EverySequential, IsSilentOnOneValueAndOnAConstant) {
  for (const double constant : {0.0, 1.0, 0.1, -1e308, 5e-324}) {
    SequentialDetector detector = fresh();
    EXPECT_FALSE(detector.update(constant));
    EXPECT_THAT(drifts(detector, std::vector<double>(5'000, constant)), IsEmpty()) << constant;
  }
}

// Values whose squares no double holds must not leave a detector deaf behind them.
TEST_P(EverySequential, StillFindsAShiftAfterValuesBeyondAllBounds) {
  SequentialDetector detector = fresh();
  for (int i = 0; i < 50; ++i) detector.update(i % 2 == 0 ? 1e308 : -1e308);
  const std::vector<std::size_t> rows = drifts(detector, shifting(7));
  EXPECT_TRUE(
      std::ranges::any_of(rows, [](std::size_t row) { return row >= 1'500 && row < 1'800; }));
}

TEST_P(EverySequential, ReadsOutNumbersOrNothing) {
  const std::vector<double> stream = shifting(8);
  SequentialDetector detector = fresh();
  EXPECT_FALSE(detector.reading().statistic);
  bool was_ready = false;
  for (const double x : stream) {
    detector.update(x);
    const SequentialReading said = detector.reading();
    for (const std::optional<double>& number : {said.statistic, said.threshold, said.p_value}) {
      EXPECT_TRUE(!number || std::isfinite(*number));
    }
    was_ready |= said.ready;
    EXPECT_TRUE(said.ready || !detector.drift_detected());
  }
  EXPECT_TRUE(was_ready);
}

TEST_P(EverySequential, AllocatesNothingInSteadyState) {
  SequentialDetector detector = fresh();
  const std::vector<double> stream = shifting(9);
  (void)drifts(detector, stream);
  detector.reset();
  const std::uint64_t before = allocations();
  for (const double x : stream) detector.update(x);
  EXPECT_EQ(allocations(), before);
}

TEST_P(EverySequential, RefusesSnapshotsThatAreCutOrOfAnotherKind) {
  SequentialDetector detector = fresh();
  (void)drifts(detector, shifting(10));
  const std::string bytes = snapshot(detector);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(restored(bytes.substr(0, size))) << size;
  }
  std::string other = bytes;
  other[0] = 2;
  EXPECT_FALSE(restored(other));
}

// A flipped bit may make another state, but never a crash or an endless loop.
TEST_P(EverySequential, SurvivesDamagedSnapshots) {
  SequentialDetector detector = fresh();
  (void)drifts(detector, shifting(11));
  const std::string bytes = snapshot(detector);
  const std::vector<double> stream = shifting(12);
  std::size_t read = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    if (std::optional<SequentialDetector> other = restored(damaged)) {
      for (std::size_t i = 0; i < 200; ++i) other->update(stream[i]);
      ++read;
    }
  }
  EXPECT_GT(read, 0U);
}

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const SequentialKind& kind : sequential_kinds()) names.emplace_back(kind.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Catalog, EverySequential, testing::ValuesIn(all_names()),
                         [](const auto& param_info) { return param_info.param; });

TEST(SequentialRegistry, MakesWhatTheCatalogLists) {
  ASSERT_EQ(sequential_rows().size(), sequential_kinds().size());
  for (const SequentialKind& kind : sequential_kinds()) {
    EXPECT_TRUE(std::ranges::any_of(sequential_rows(), [&](const SequentialRow& row) {
      return row.name == kind.name;
    })) << kind.name;
    for (const SequentialParameter& parameter : kind.parameters) {
      SequentialSettings settings(kind);
      // Every default can be written as text and read again.
      EXPECT_TRUE(settings.set(parameter.name, to_text(parameter, parameter.fallback)));
      EXPECT_EQ(settings, SequentialSettings(kind)) << kind.name << " " << parameter.name;
    }
  }
}

// The message and the help of what was refused.
[[nodiscard]] std::string refusal(std::string_view name, const std::vector<std::string>& pairs) {
  const auto settings = read_sequential_settings(name, pairs);
  EXPECT_FALSE(settings);
  return settings ? "" : settings.error().message + "; " + settings.error().help;
}

TEST(SequentialSettings, SaysWhatIsWrongAndWhatToWrite) {
  EXPECT_THAT(refusal("page_hinkly", {}), HasSubstr("did you mean `page_hinkley`?"));
  EXPECT_THAT(refusal("zzz", {}), HasSubstr("the detectors are: adwin, page_hinkley, kswin"));
  EXPECT_THAT(refusal("adwin", {"detla=0.1"}), HasSubstr("did you mean `delta`?"));
  EXPECT_THAT(refusal("adwin", {"window=3"}),
              HasSubstr("its parameters are: delta, clock, max_buckets, min_window_length, "
                        "grace_period"));
  EXPECT_THAT(refusal("adwin", {"delta"}), HasSubstr("write KEY=VALUE, for example delta=0.002"));
  EXPECT_THAT(refusal("adwin", {"delta=0"}), HasSubstr("a number above 0, at most 1"));
  EXPECT_THAT(refusal("adwin", {"clock=1.5"}),
              HasSubstr("a whole number from 1 to 1000000000; the default is 32"));
  EXPECT_THAT(refusal("adwin", {"delta=nan"}), HasSubstr("`nan` cannot be adwin's `delta`"));
  EXPECT_THAT(refusal("adwin", {"delta=0.1x"}), HasSubstr("cannot be"));
  EXPECT_THAT(refusal("page_hinkley", {"mode=left"}), HasSubstr("one of both, up, down"));
  EXPECT_THAT(refusal("page_hinkley", {"threshold=-1"}), HasSubstr("a number from 0 on"));
  EXPECT_THAT(refusal("hddm_a", {"two_sided_test=1"}), HasSubstr("`true` or `false`"));
  EXPECT_THAT(refusal("kswin", {"stat_size=60"}), HasSubstr("at least twice the `stat_size`"));
  EXPECT_THAT(refusal("eddm", {"alpha=0.5"}), HasSubstr("at least `beta`"));
  // The order in which they are set does not matter.
  EXPECT_TRUE(read_sequential_settings(
      "kswin", std::vector<std::string>{"stat_size=60", "window_size=200"}));
}

TEST(SequentialSettings, TakesTheLastOfOneKey) {
  const auto settings =
      read_sequential_settings("adwin", std::vector<std::string>{"delta=0.5", "delta=0.25"});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->number("delta"), 0.25);
  EXPECT_EQ(settings->whole("clock"), 32U);
}

// Known values of CPython: random.Random(seed).sample(range(n), k), Python 3.11.
TEST(PythonRandom, DrawsWhatPythonDraws) {
  std::vector<std::uint32_t> drawn(5);
  PythonRandom(42).sample(10, drawn);
  EXPECT_THAT(drawn, ElementsAre(1U, 0U, 4U, 9U, 6U));
  PythonRandom large(std::uint64_t{1} << 40);
  large.sample(1'000, drawn);
  EXPECT_THAT(drawn, ElementsAre(106U, 361U, 686U, 67U, 436U));
  large.sample(1'000, drawn);
  EXPECT_THAT(drawn, ElementsAre(49U, 397U, 408U, 641U, 573U));
}

// SciPy 1.17.1: ks_2samp(method="exact").pvalue of samples of n each at distance h / n.
TEST(Kswin, HasSciPysExactPValue) {
  EXPECT_NEAR(equal_samples_ks_p(30, 12), 0.015643390496754332, 1e-12);
  EXPECT_NEAR(equal_samples_ks_p(30, 4), 0.9578462903438838, 1e-12);
  EXPECT_NEAR(equal_samples_ks_p(50, 21), 0.0002460240344273171, 1e-12);
  EXPECT_EQ(equal_samples_ks_p(30, 0), 1);
}

TEST(Errors, AreAllValuesThatAreNotZero) {
  for (const char* const name : {"ddm", "eddm", "hddm_a", "hddm_w"}) {
    SequentialDetector ones = make(name);
    SequentialDetector others = make(name);
    for (const double x : seeded_values("errors", 3, 4'000)) {
      ASSERT_EQ(ones.update(x), others.update(x == 0 ? -0.0 : -0.25)) << name;
    }
    EXPECT_EQ(snapshot(ones), snapshot(others)) << name;
  }
}

TEST(PageHinkley, WatchesOneSideWhenToldTo) {
  std::vector<double> up(200, 0.0);
  up.resize(400, 1.0);
  std::vector<double> down(200, 1.0);
  down.resize(400, 0.0);
  for (const auto& [mode, rises, falls] :
       {std::tuple{"mode=up", 1U, 0U}, {"mode=down", 0U, 1U}, {"mode=both", 1U, 1U}}) {
    SequentialDetector rising = make("page_hinkley", {mode, "threshold=10"});
    SequentialDetector falling = make("page_hinkley", {mode, "threshold=10"});
    EXPECT_THAT(drifts(rising, up), SizeIs(rises)) << mode;
    EXPECT_THAT(drifts(falling, down), SizeIs(falls)) << mode;
  }
}

TEST(Cusum, AndEwmaWatchOneSideWhenToldTo) {
  for (const char* const name : {"cusum", "ewma"}) {
    for (const auto& [mode, shift, found] : {std::tuple{"mode=up", 3.0, true},
                                             {"mode=up", -3.0, false},
                                             {"mode=down", -3.0, true},
                                             {"mode=down", 3.0, false}}) {
      Splitmix random(1);
      SequentialDetector detector = make(name, {mode});
      bool fired = false;
      for (int i = 0; i < 220; ++i) fired |= detector.update(random.bell() + (i < 200 ? 0 : shift));
      EXPECT_EQ(fired, found) << name << " " << mode << " " << shift;
    }
  }
}

// Mean number of values to a false alarm over fresh starts, standard normal values. The published
// ones, for a known mean and deviation: CUSUM k = 0.5, h = 5: 465 (Montgomery, table 9.4); EWMA
// lambda 0.2, L = 3: 560 (Lucas and Saccucci 1990, table 3). What is learnt from 30 values and
// more comes near; the bounds are 20 % around them, six standard errors of 1,000 runs.
TEST(Cusum, AndEwmaHaveTheirPublishedRunLengths) {
  const std::tuple<const char*, const char*, double> cases[] = {{"cusum", "threshold=5", 465},
                                                                {"ewma", "threshold=3", 560}};
  for (const auto& [name, threshold, published] : cases) {
    Splitmix random(11);
    SequentialDetector detector = make(name, {threshold, "warm_start=200"});
    double values = 0;
    constexpr int kRuns = 1'000;
    for (int run = 0; run < kRuns; ++run) {
      detector.reset();
      for (int i = 0; i < 200; ++i) detector.update(random.bell());
      do ++values;
      while (!detector.update(random.bell()));
    }
    EXPECT_NEAR(values / kRuns, published, 0.2 * published) << name;
  }
}

TEST(Ewma, FindsASmallShiftThatASingleValueHides) {
  Splitmix random(5);
  SequentialDetector detector = make("ewma");
  for (int i = 0; i < 500; ++i) ASSERT_FALSE(detector.update(random.bell()));
  bool found = false;
  for (int i = 0; i < 100; ++i) found |= detector.update(random.bell() + 1);
  EXPECT_TRUE(found);
}

TEST(Standardised, LearnsOnUntilTheValuesVary) {
  SequentialDetector detector = make("cusum");
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(detector.update(7));
  EXPECT_FALSE(detector.reading().ready);
  // The first other value gives a scale; a few more of it are a shift.
  EXPECT_FALSE(detector.update(8));
  EXPECT_TRUE(detector.reading().ready);
  bool found = false;
  for (int i = 0; i < 5; ++i) found |= detector.update(8);
  EXPECT_TRUE(found);
}

TEST(Adwin, KeepsItsMemoryLogarithmic) {
  SequentialDetector detector = make("adwin");
  for (int i = 0; i < 100'000; ++i) detector.update(i % 2);
  EXPECT_EQ(std::get<Adwin>(detector.inner()).width(), 100'000);
  EXPECT_LT(snapshot(detector).size(), 2'000U);
}

}  // namespace
}  // namespace driftd
