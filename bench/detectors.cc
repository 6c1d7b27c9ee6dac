// What each window detector costs for a reference and a window of 10,000 values, and what the
// summaries cost a value: lines of a name and microseconds or nanoseconds.
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/event_generator.h"
#include "core/check.h"
#include "detectors/registry.h"

namespace driftd {
namespace {

constexpr std::size_t kRows = 10'000;
constexpr std::size_t kRowsPerBatch = 4'096;
constexpr double kSecondsPerFigure = 0.3;

std::vector<double> normal(std::uint64_t seed, std::size_t rows, double mean) {
  TrafficRandom random(seed);
  std::vector<double> values(rows);
  for (double& value : values) value = mean + random.normal();
  return values;
}

// The least time that a turn takes, of turns enough to fill the time for a figure.
template <typename Turn>
double seconds_of(Turn turn) {
  using Clock = std::chrono::steady_clock;
  double least = 1e9;
  const auto begun = Clock::now();
  for (auto now = begun; now - begun < std::chrono::duration<double>(kSecondsPerFigure);) {
    turn();
    const auto after = Clock::now();
    least = std::min(least, std::chrono::duration<double>(after - now).count());
    now = after;
  }
  return least;
}

// Keeps the compiler from leaving out what it computes.
volatile double sink;

void time_detectors() {
  NumericReference reference = make_numeric_reference(normal(1, kRows, 0), 1'000'000);
  reference.keeps_gaps = true;
  NumericSummary window(reference.index, true);
  NumericSummary::Scratch scratch;
  window.update(reference.index, normal(2, kRows, 0.1), scratch);
  NumericComparison samples;
  std::printf("table %.1f us\n", 1e6 * seconds_of([&] { samples = compare(reference, window); }));
  for (const Detector& detector : detectors()) {
    const double seconds = seconds_of([&] { sink = *detector.numeric(samples).statistic; });
    std::printf("%s %.2f us\n", std::string(detector.name).c_str(), 1e6 * seconds);
  }
}

// A window of `rows` values, in batches as a lane folds them.
void time_summary(const char* name, bool keeps_gaps, std::size_t rows) {
  const NumericReference reference = make_numeric_reference(normal(1, kRows, 0), 1'000'000);
  const std::vector<double> values = normal(3, rows, 0);
  NumericSummary::Scratch scratch;
  const double seconds = seconds_of([&] {
    NumericSummary window(reference.index, keeps_gaps);
    for (std::size_t from = 0; from < rows; from += kRowsPerBatch) {
      window.update(reference.index, {values.data() + from, std::min(kRowsPerBatch, rows - from)},
                    scratch);
    }
    sink = static_cast<double>(window.present());
  });
  std::printf("%s %.2f ns\n", name, 1e9 * seconds / static_cast<double>(rows));
}

}  // namespace
}  // namespace driftd

int main() {
  driftd::time_detectors();
  driftd::time_summary("fold_counters_10k", false, 10'000);
  driftd::time_summary("fold_counters_1M", false, 1'000'000);
  driftd::time_summary("fold_gap_values_10k", true, 10'000);
  driftd::time_summary("fold_gap_values_1M", true, 1'000'000);
}
