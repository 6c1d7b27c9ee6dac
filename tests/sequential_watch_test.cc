// Sequential detectors over windows: whose turn it is, what is said, and that a restart or the
// order of labels changes nothing.
#include "daemon/sequential_watch.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "config/load.h"
#include "daemon/replay.h"
#include "health/health.h"
#include "tests/support/golden.h"
#include "tests/support/models.h"

namespace driftd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const MonitorName kMonitor{"fraud", "v1"};

[[nodiscard]] SequentialConfig on_accuracy(const std::vector<std::string>& key_values = {
                                               "min_instances=2", "threshold=0.2", "delta=0"}) {
  SequentialConfig config;
  config.on = "metric:accuracy";
  config.source = SequentialSource::metric;
  config.name = "accuracy";
  config.waits_for_labels = true;
  config.settings = read_sequential_settings("page_hinkley", key_values).value();
  return config;
}

[[nodiscard]] WindowName window(std::int64_t index) {
  return {.index = index, .start = 100 * index, .end = 100 * index + 100, .n = 50};
}

[[nodiscard]] Report accuracy(std::int64_t index, double value, Level level = Level::stable) {
  MetricValue metric;
  metric.monitor = kMonitor;
  metric.metric = "accuracy";
  metric.window = window(index);
  metric.value = value;
  metric.level = level;
  return metric;
}

// One monitor with one watch, and windows in whatever order the test wants.
class Watching {
 public:
  explicit Watching(SequentialConfig config = on_accuracy(), std::int64_t next = 0)
      : wanted_{std::move(config)} {
    watches_.configure(wanted_, next);
  }

  std::vector<Finding> judge(std::int64_t index, double value, Level level = Level::stable) {
    const std::vector<Report> reports{accuracy(index, value, level)};
    std::vector<Finding> out;
    watches_.take(wanted_, kMonitor, window(index), model_, pane_, reports, false, out);
    return out;
  }
  std::vector<Finding> give_up(std::int64_t index) {
    std::vector<Finding> out;
    watches_.give_up(kMonitor, window(index), out);
    return out;
  }
  [[nodiscard]] std::string bytes() const {
    std::string bytes;
    ByteWriter out(bytes);
    watches_.write(out);
    return bytes;
  }
  // As after a restart.
  void restart() {
    const std::string stored = bytes();
    ByteReader in(stored);
    watches_ = {};
    ASSERT_TRUE(SequentialWatches::read(in, watches_) && in.at_end());
    watches_.configure(wanted_, 1'000);
  }
  [[nodiscard]] SequentialWatches& watches() { return watches_; }

 private:
  std::vector<SequentialConfig> wanted_;
  SequentialWatches watches_;
  // Metrics are taken from the reports alone.
  ModelSchema schema_;
  Reference reference_;
  MonitoredModel model_{&schema_, &reference_, {}};
  Pane pane_{model_};
};

[[nodiscard]] std::vector<std::pair<std::int64_t, Level>> said(const std::vector<Finding>& found) {
  std::vector<std::pair<std::int64_t, Level>> pairs;
  for (const Finding& finding : found) pairs.emplace_back(finding.window.index, finding.level);
  return pairs;
}

using Said = std::pair<std::int64_t, Level>;

TEST(SequentialWatch, SaysWarmUpStableAndDrift) {
  Watching monitor;
  EXPECT_THAT(said(monitor.judge(0, 0.9)), ElementsAre(Said{0, Level::insufficient_data}));
  EXPECT_THAT(said(monitor.judge(1, 0.9)), ElementsAre(Said{1, Level::stable}));
  const std::vector<Finding> drift = monitor.judge(2, 0.5);
  ASSERT_THAT(said(drift), ElementsAre(Said{2, Level::drift}));
  EXPECT_EQ(drift[0].series, "metric:accuracy");
  EXPECT_EQ(drift[0].detector, "page_hinkley");
  EXPECT_EQ(drift[0].threshold, 0.2);
  EXPECT_GT(drift[0].statistic, 0.2);
  EXPECT_FALSE(drift[0].p_value);
  // The detector begins anew.
  EXPECT_THAT(said(monitor.judge(3, 0.5)), ElementsAre(Said{3, Level::insufficient_data}));
}

TEST(SequentialWatch, WaitsForTheWindowsBefore) {
  Watching monitor;
  EXPECT_THAT(monitor.judge(2, 0.5), IsEmpty());
  EXPECT_THAT(monitor.judge(1, 0.9), IsEmpty());
  // A value that was judged keeps; a later revision of it does not count.
  EXPECT_THAT(monitor.judge(2, 0.9), IsEmpty());
  EXPECT_THAT(said(monitor.judge(0, 0.9)),
              ElementsAre(Said{0, Level::insufficient_data}, Said{1, Level::stable},
                          Said{2, Level::drift}));
  EXPECT_THAT(monitor.judge(1, 0.1), IsEmpty());
}

TEST(SequentialWatch, PassesOverAWindowWhoseLabelsNeverCame) {
  Watching monitor;
  (void)monitor.judge(0, 0.9);
  EXPECT_THAT(monitor.judge(2, 0.9), IsEmpty());
  EXPECT_THAT(monitor.judge(1, 0.9, Level::insufficient_data), IsEmpty());
  EXPECT_THAT(said(monitor.give_up(1)),
              ElementsAre(Said{1, Level::insufficient_data}, Said{2, Level::stable}));
  EXPECT_THAT(monitor.give_up(2), IsEmpty()) << "it had its turn";
}

TEST(SequentialWatch, SaysTheSameInWhateverOrderLabelsComeAndWhereverItIsRestarted) {
  const std::vector<double> values = {0.9, 0.91, 0.89, 0.9, 0.6, 0.62, 0.6, 0.61, 0.9};
  std::vector<Finding> in_order;
  std::string end;
  {
    Watching monitor;
    for (std::size_t i = 0; i < values.size(); ++i) {
      for (Finding& finding : monitor.judge(static_cast<std::int64_t>(i), values[i]))
        in_order.push_back(std::move(finding));
    }
    end = monitor.bytes();
  }
  EXPECT_THAT(in_order, SizeIs(values.size()));
  EXPECT_THAT(said(in_order), ::testing::Contains(::testing::Field(&Said::second, Level::drift)));
  const std::vector<std::vector<std::int64_t>> orders = {
      {0, 1, 2, 3, 4, 5, 6, 7, 8}, {8, 7, 6, 5, 4, 3, 2, 1, 0}, {1, 0, 3, 2, 5, 4, 8, 6, 7}};
  for (const auto& order : orders) {
    Watching monitor;
    std::vector<Finding> found;
    for (const std::int64_t index : order) {
      monitor.restart();
      for (Finding& finding : monitor.judge(index, values[static_cast<std::size_t>(index)]))
        found.push_back(std::move(finding));
    }
    EXPECT_EQ(said(found), said(in_order));
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_EQ(found[i].statistic, in_order[i].statistic);
    EXPECT_EQ(monitor.bytes(), end);
  }
}

TEST(SequentialWatch, GoesOnWhereSettingsStayAndBeginsAnewWhereTheyChange) {
  Watching monitor;
  for (int i = 0; i < 5; ++i) (void)monitor.judge(i, 0.9);
  const std::string before = monitor.bytes();
  const std::vector<SequentialConfig> same{on_accuracy()};
  monitor.watches().configure(same, 5);
  EXPECT_EQ(monitor.bytes(), before);
  const std::vector<SequentialConfig> other{on_accuracy({"threshold=3"})};
  monitor.watches().configure(other, 5);
  EXPECT_NE(monitor.bytes(), before);
  EXPECT_TRUE(monitor.watches().has("metric:accuracy/page_hinkley"));
  monitor.watches().configure({}, 5);
  EXPECT_TRUE(monitor.watches().empty());
  EXPECT_FALSE(monitor.watches().has("metric:accuracy/page_hinkley"));
}

TEST(SequentialWatch, BeginsWithTheWindowAfterItWasConfigured) {
  Watching monitor(on_accuracy(), 7);
  EXPECT_THAT(monitor.judge(6, 0.9), IsEmpty());
  EXPECT_THAT(said(monitor.judge(7, 0.9)), ElementsAre(Said{7, Level::insufficient_data}));
}

TEST(SequentialWatch, RecallsWhatItSaidLast) {
  Watching monitor;
  std::vector<Finding> recalled;
  monitor.watches().recall(kMonitor, recalled);
  EXPECT_THAT(recalled, IsEmpty());
  (void)monitor.judge(0, 0.9);
  const std::vector<Finding> last = monitor.judge(1, 0.9);
  monitor.restart();
  monitor.watches().recall(kMonitor, recalled);
  ASSERT_THAT(recalled, SizeIs(1));
  const Finding& finding = recalled[0];
  EXPECT_EQ(finding.window.index, 1);
  EXPECT_EQ(finding.level, Level::stable);
  EXPECT_EQ(finding.statistic, last[0].statistic);
}

TEST(SequentialWatch, RefusesDamagedBytes) {
  Watching monitor;
  (void)monitor.judge(0, 0.9);
  (void)monitor.judge(2, 0.9);
  const std::string bytes = monitor.bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    SequentialWatches read;
    ByteReader in(std::string_view(bytes).substr(0, size));
    EXPECT_FALSE(SequentialWatches::read(in, read) && in.at_end()) << size;
  }
}

// Labels are late, so that the newest window that a detector was given is older than the newest
// window; health follows it all the same, until the next one.
TEST(SequentialHealth, FollowsTheNewestWindowOfEachDetector) {
  MonitorHealth health;
  Watching monitor;
  const auto fold = [&](const std::vector<Finding>& findings) {
    const std::vector<Report> reports(findings.begin(), findings.end());
    (void)health.update(kMonitor, reports);
  };
  Finding newest;
  newest.series = "amount";
  newest.detector = "ks";
  newest.window = window(9);
  newest.threshold = 0.1;
  newest.level = Level::stable;
  fold({newest});
  fold(monitor.judge(0, 0.9));
  fold(monitor.judge(1, 0.9));
  EXPECT_EQ(health.state, HealthState::healthy);
  fold(monitor.judge(2, 0.4));
  EXPECT_EQ(health.state, HealthState::degraded);
  EXPECT_THAT(health.reasons, ElementsAre("drift:metric:accuracy"));
  EXPECT_THAT(health.drifting(), ElementsAre("metric:accuracy"));

  std::string bytes;
  ByteWriter out(bytes);
  health.write(out);
  MonitorHealth read;
  ByteReader in(bytes);
  ASSERT_TRUE(MonitorHealth::read(in, read) && in.at_end());
  EXPECT_EQ(read.sequential, health.sequential);

  fold(monitor.judge(3, 0.4));
  EXPECT_EQ(health.state, HealthState::healthy);
}

TEST(SequentialWatch, IsRefusedWhereNothingIsFoundOfItsSeries) {
  ModelSchema schema;
  schema.series.push_back({.name = "amount", .type = SeriesType::numeric, .categories = {}});
  ModelConfig model;
  model.name = "fraud";
  SequentialConfig& watch = model.sequential.emplace_back();
  watch.source = SequentialSource::statistic;
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"amuont", "ks", "the model has no series `amuont`: did you mean `amount`?"},
      {"amount", "kss", "no `kss` is found of `amount`: did you mean `ks`?"},
      {"amount", "unseen", "no `unseen` is found of `amount`: there is ks, psi, "},
  };
  for (const auto& [series, detector, message] : cases) {
    watch.series = series;
    watch.name = detector;
    const Result<> checked = check_sequential(model, schema);
    ASSERT_FALSE(checked) << message;
    EXPECT_THAT(checked.error().message, HasSubstr(message));
  }
  for (const char* const check : {"missing", "outliers", "out_of_range"}) {
    watch.name = check;
    EXPECT_TRUE(check_sequential(model, schema)) << check;
  }
  watch.series = "predictions";
  watch.name = "volume";
  EXPECT_TRUE(check_sequential(model, schema));
  watch.name = "ks";
  EXPECT_FALSE(check_sequential(model, schema));
  watch.series = "amount";
  // What the owner switched off is not found.
  FeatureConfig& feature = model.features.emplace_back();
  feature.name = "amount";
  feature.detectors.emplace();
  watch.name = "ks";
  EXPECT_FALSE(check_sequential(model, schema));
}

class Sea : public testing::Test {
 protected:
  class Collector final : public ReplayObserver {
   public:
    void report(const Report& report) override {
      if (const auto* finding = std::get_if<Finding>(&report); finding && finding->sequential) {
        findings.push_back(*finding);
      }
      if (const auto* transition = std::get_if<Transition>(&report)) {
        for (const std::string& reason : transition->reasons) reasons.insert(reason);
      }
    }
    void progress(std::uint64_t, std::uint64_t) override {}
    std::vector<Finding> findings;
    std::set<std::string> reasons;
  };

  // Windows of 500 of a shared set, in the order of its file.
  [[nodiscard]] static std::optional<Collector> run(const std::filesystem::path& folder) {
    const auto path = std::filesystem::temp_directory_path() /
                      fmt::format("sequential-{}-{}.toml", ::getpid(), folder.filename().string());
    std::ofstream(path) << fmt::format(
        "[[model]]\nname = \"sea\"\ntask = \"binary\"\npositive_class = 1\nreference = \"{}\"\n"
        "window = {{ count = 500 }}\nlabel_horizon = \"400d\"\n"
        "alerts = {{ policy = \"fixed\" }}\n"
        "[model.metrics]\naccuracy = {{}}\nf1 = {{}}\n"
        "[[model.sequential]]\ndetector = \"cusum\"\non = \"metric:accuracy\"\n"
        "set = {{ warm_start = 8, threshold = 5 }}\n"
        "[[model.sequential]]\ndetector = \"cusum\"\non = \"statistic:attrib1.ks\"\n"
        "set = {{ warm_start = 8 }}\n"
        "[[model.sequential]]\ndetector = \"ewma\"\non = \"score\"\n"
        "set = {{ warm_start = 8 }}\n",
        (folder / "reference.csv.gz").string());
    const auto config = load_config(path.string(), {{}, true});
    std::filesystem::remove(path);
    if (!config) {
      ADD_FAILURE() << to_text(config.error());
      return std::nullopt;
    }
    Collector collector;
    const auto summary = replay(
        *config,
        {(folder / "predictions.jsonl.gz").string(), (folder / "labels.jsonl.gz").string(), 0},
        collector);
    EXPECT_TRUE(summary) << (summary ? "" : summary.error().message);
    return collector;
  }

  [[nodiscard]] static std::vector<std::int64_t> drifts(const Collector& collector,
                                                        const std::string& on) {
    std::vector<std::int64_t> windows;
    std::int64_t next = 0;
    for (const Finding& finding : collector.findings) {
      if (finding.series != on) continue;
      EXPECT_EQ(finding.window.index, next++) << on << ": every window once, in order";
      if (finding.level == Level::drift) windows.push_back(finding.window.index);
    }
    EXPECT_GE(next, 50) << on;
    return windows;
  }
};

// P(y|x) changes in rows 4,500, 17,000 and 29,500 of the analysis: in windows 9, 34 and 59. The
// features do not drift and neither does the score; only the accuracy knows.
TEST_F(Sea, ChangesOfTheConceptAreFoundInTheAccuracyAlone) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  const auto collector = run(*shared / "data/sea_abrupt");
  ASSERT_TRUE(collector);
  const std::vector<std::int64_t> accuracy = drifts(*collector, "metric:accuracy");
  EXPECT_THAT(accuracy, ElementsAre(10, 63));
  EXPECT_THAT(drifts(*collector, "statistic:attrib1.ks"), IsEmpty());
  EXPECT_THAT(drifts(*collector, "score"), IsEmpty());
  EXPECT_TRUE(collector->reasons.contains("drift:metric:accuracy"));
}

TEST_F(Sea, NothingIsFoundWhereNothingChanges) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  const auto collector = run(*shared / "data/sea_null");
  ASSERT_TRUE(collector);
  for (const char* const on : {"metric:accuracy", "statistic:attrib1.ks", "score"}) {
    EXPECT_THAT(drifts(*collector, on), IsEmpty()) << on;
  }
}

}  // namespace
}  // namespace driftd
