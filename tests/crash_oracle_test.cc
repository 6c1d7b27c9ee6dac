// A run that is ended at any moment around a checkpoint, or whose disk fails there, comes to the
// very lines of a run that nothing disturbs: every finding, metric and health transition once, with
// every digit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <string>
#include <vector>

#include "sinks/report_json.h"
#include "tests/support/crashes.h"
#include "tests/support/report_book.h"
#include "tests/support/seeded_stream.h"
#include "tests/support/state_files.h"

namespace driftd {
namespace {

constexpr std::uint32_t kSeed = 20'240'229;
// More than a short run has of any point but writes to the database.
constexpr std::uint32_t kNearlyEveryCall = 120;

// Detectors that see something within few windows; their state is part of every checkpoint.
void watch_windows(ModelConfig& model) {
  const auto add = [&](const char* on, SequentialSource source, bool waits,
                       const std::vector<std::string>& key_values) {
    SequentialConfig& watch = model.sequential.emplace_back();
    watch.on = on;
    watch.source = source;
    watch.waits_for_labels = waits;
    watch.series = "amount";
    watch.name = source == SequentialSource::metric ? "accuracy" : "ks";
    watch.settings = read_sequential_settings("page_hinkley", key_values).value();
  };
  add("metric:accuracy", SequentialSource::metric, true,
      {"min_instances=2", "threshold=0.1", "delta=0"});
  add("statistic:amount.ks", SequentialSource::statistic, false,
      {"min_instances=2", "threshold=0.1", "delta=0"});
  add("score", SequentialSource::score, false, {"min_instances=1", "threshold=0.01"});
}

// Few messages, so that nearly every call of every point can be tried.
[[nodiscard]] SteppedRun hard_run() {
  const auto arrange = [](Pipeline& pipeline) {
    pipeline.config.models[0].label_horizon = 250;
    pipeline.config.models[0].amend_interval = 2;
    watch_windows(pipeline.config.models[0]);
  };
  return {.stream = hard_stream(true), .arrange = arrange};
}

// Long enough that join rows expire, windows become final and amendments wait for their time.
[[nodiscard]] SteppedRun seeded_run(unsigned lanes = 1) {
  constexpr DurationMs kHorizon = 250;
  const SeededStream wanted{.seed = kSeed, .predictions = 250, .step = 4, .horizon = kHorizon};
  const auto arrange = [](Pipeline& pipeline) {
    ModelConfig& model = pipeline.config.models[0];
    model.label_horizon = kHorizon;
    model.amend_interval = 3;
    model.min_samples = 5;
    watch_windows(model);
  };
  // The clock stays within the horizon, or labels would be given up.
  return {.stream = StreamWriter(wanted).write(),
          .arrange = arrange,
          .lanes = lanes,
          .interval = 2,
          .messages = 8};
}

// Up to `most` of the calls 0 to `calls` - 1, the first and the last among them.
[[nodiscard]] std::vector<std::uint32_t> sample(std::uint32_t calls, std::uint32_t most,
                                                std::mt19937& random) {
  std::vector<std::uint32_t> chosen;
  if (calls <= most) {
    for (std::uint32_t call = 0; call < calls; ++call) chosen.push_back(call);
    return chosen;
  }
  const std::uint32_t stride = calls / (most - 1);
  chosen.push_back(0);
  for (std::uint32_t i = 1; i + 1 < most; ++i)
    chosen.push_back(i * stride + static_cast<std::uint32_t>(random() % stride));
  chosen.push_back(calls - 1);
  return chosen;
}

// What a run says that nothing disturbs, and how often it comes by each point.
class Undisturbed {
 public:
  explicit Undisturbed(const SteppedRun& run) {
    const RunResult result = run.in_child(folder_.path(), 0, nullptr);
    EXPECT_EQ(result.ending, Ending::complete);
    calls = result.calls;
    lines = run.lines(folder_.path());
    // The sequential detectors have something to lose.
    for (const char* const series : {"metric:accuracy", "statistic:amount.ks", "score"}) {
      EXPECT_TRUE(std::ranges::any_of(lines, [&](const std::string& line) {
        return line.find(series) != std::string::npos;
      })) << series;
    }
  }
  [[nodiscard]] std::uint32_t calls_of(FaultPoint point) const {
    return calls[static_cast<std::size_t>(point)];
  }
  CallCounts calls = {};
  std::vector<std::string> lines;

 private:
  MemoryFolder folder_;
};

// Runs to the end, anew after every crash: the n-th process is disturbed by the n-th disturbance,
// those after the last one by nothing.
void run_to_the_end(const SteppedRun& run, const MemoryFolder& folder,
                    const std::vector<Disturbance>& disturbances) {
  std::size_t step = 0;
  for (const Disturbance& disturbance : disturbances) {
    const RunResult result = run.in_child(folder.path(), step, &disturbance);
    ASSERT_NE(result.ending, Ending::failed);
    if (result.ending == Ending::complete) return;
    step = result.step;
  }
  ASSERT_EQ(run.in_child(folder.path(), step, nullptr).ending, Ending::complete);
}

void expect_the_same_lines(const std::vector<std::string>& lines,
                           const std::vector<std::string>& expected) {
  const auto [found, wanted] =
      std::mismatch(lines.begin(), lines.end(), expected.begin(), expected.end());
  if (found == lines.end() && wanted == expected.end()) return;
  ADD_FAILURE() << "line " << found - lines.begin() << " of " << lines.size() << " is\n"
                << (found == lines.end() ? "nothing" : *found) << "\nand of " << expected.size()
                << " should be\n"
                << (wanted == expected.end() ? "nothing" : *wanted);
}

// For two lanes, which add the same rows in another order: rounded in the last digits.
[[nodiscard]] Book book_of(const std::vector<std::string>& lines) {
  Book book;
  for (const std::string& line : lines) {
    const Result<Report> report = parse_report(line);
    EXPECT_TRUE(report) << line;
    if (report) note(book, *report);
  }
  return book;
}

// Every point around a write; what a read finds is tests/state_fault_test.cc's.
[[nodiscard]] std::vector<FaultPoint> points_of_writing() {
  std::vector<FaultPoint> points;
  for (std::size_t i = 0; i < kFaultPointNames.size(); ++i) {
    const auto point = static_cast<FaultPoint>(i);
    if (point != FaultPoint::database_read) points.push_back(point);
  }
  return points;
}

class AtEveryPoint : public ::testing::TestWithParam<FaultPoint> {
 protected:
  // One crash at each of at most `most` calls of the point.
  static void crash_at_calls(const SteppedRun& run, std::uint32_t most) {
    const Undisturbed undisturbed(run);
    ASSERT_GT(undisturbed.lines.size(), 50U);
    ASSERT_GT(undisturbed.calls_of(GetParam()), 0U) << "no run comes by this point";
    std::mt19937 random(kSeed);
    for (const std::uint32_t call : sample(undisturbed.calls_of(GetParam()), most, random)) {
      const Disturbance crash{.point = GetParam(), .call = call};
      SCOPED_TRACE(to_string(crash));
      const MemoryFolder folder;
      const RunResult crashed = run.in_child(folder.path(), 0, &crash);
      ASSERT_EQ(crashed.ending, Ending::crashed);
      ASSERT_EQ(run.in_child(folder.path(), crashed.step, nullptr).ending, Ending::complete);
      expect_the_same_lines(run.lines(folder.path()), undisturbed.lines);
      if (HasFailure()) return;
    }
  }
};

TEST_P(AtEveryPoint, ACrashInAShortRunChangesNoNumber) {
  crash_at_calls(hard_run(), kNearlyEveryCall);
}

TEST_P(AtEveryPoint, ACrashInALongRunChangesNoNumber) { crash_at_calls(seeded_run(), 8); }

TEST_P(AtEveryPoint, AFailingDiskChangesNoNumber) {
  const SteppedRun run = seeded_run();
  const Undisturbed undisturbed(run);
  std::mt19937 random(kSeed);
  for (const std::uint32_t call : sample(undisturbed.calls_of(GetParam()), 3, random)) {
    for (const int error : {EIO, ENOSPC}) {
      // Fewer in turn than a stop tries before it gives up.
      const std::uint32_t times = 1 + static_cast<std::uint32_t>(random() % 3);
      const Disturbance failing{GetParam(), call, times, error};
      SCOPED_TRACE(to_string(failing));
      const MemoryFolder folder;
      const RunResult result = run.in_child(folder.path(), 0, &failing);
      ASSERT_TRUE(result.disturbed);
      // A start may be refused, and the next one succeeds; a checkpoint is tried until it does.
      if (result.ending == Ending::refused) {
        ASSERT_EQ(run.in_child(folder.path(), 0, nullptr).ending, Ending::complete);
      } else {
        ASSERT_EQ(result.ending, Ending::complete);
      }
      expect_the_same_lines(run.lines(folder.path()), undisturbed.lines);
      if (HasFailure()) return;
    }
  }
}

TEST_P(AtEveryPoint, ACrashOfTwoLanesChangesNoNumber) {
  const SteppedRun run = seeded_run(2);
  const Undisturbed undisturbed(run);
  const Book expected = book_of(undisturbed.lines);
  std::mt19937 random(kSeed);
  for (const std::uint32_t call : sample(undisturbed.calls_of(GetParam()), 3, random)) {
    const Disturbance crash{.point = GetParam(), .call = call};
    SCOPED_TRACE(to_string(crash));
    const MemoryFolder folder;
    const RunResult crashed = run.in_child(folder.path(), 0, &crash);
    // The number of writes is not quite the same in every run of two lanes.
    if (!crashed.disturbed) continue;
    ASSERT_EQ(crashed.ending, Ending::crashed);
    ASSERT_EQ(run.in_child(folder.path(), crashed.step, nullptr).ending, Ending::complete);
    expect_same(book_of(run.lines(folder.path())), expected);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(CrashOracle, AtEveryPoint, ::testing::ValuesIn(points_of_writing()),
                         [](const auto& instance) {
                           return std::string(to_string(instance.param));
                         });

TEST(CrashOracle, ManyCrashesInOneRunChangeNoNumber) {
  const SteppedRun run = seeded_run();
  const Undisturbed undisturbed(run);
  const std::vector<FaultPoint> points = points_of_writing();
  std::mt19937 random(kSeed);
  const auto crash = [&](std::uint32_t parts) {
    Disturbance made{.point = points[random() % points.size()]};
    made.call =
        static_cast<std::uint32_t>(random() % (undisturbed.calls_of(made.point) / parts + 1));
    return made;
  };
  for (int i = 0; i < 40; ++i) {
    // The second one often comes while the first one is being made good, hence among the first
    // calls.
    std::vector<Disturbance> crashes = {crash(1), crash(50)};
    if (i % 3 == 0) crashes = {crash(4), crash(4), crash(50), crash(4)};
    std::string trace;
    for (const Disturbance& one : crashes) trace += to_string(one) + "; ";
    SCOPED_TRACE(trace);
    const MemoryFolder folder;
    run_to_the_end(run, folder, crashes);
    expect_the_same_lines(run.lines(folder.path()), undisturbed.lines);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace driftd
