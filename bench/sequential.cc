// What a sequential detector costs per value, for bench/sequential.py to compare with River.
//
//   bench_sequential values normal|errors N    the values, one a line
//   bench_sequential run FILE                  name, nanoseconds per value, alarms; a line each
//
// Values are read first and taken from memory; the best of five passes counts, because the machine
// does other work as well.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bench/event_generator.h"
#include "detectors/sequential/sequential_detector.h"

namespace driftd {
namespace {

constexpr int kPasses = 5;
constexpr double kErrorRate = 0.2;

void print_values(bool errors, long count) {
  TrafficRandom random(1);
  for (long i = 0; i < count; ++i) {
    if (errors) {
      std::printf("%d\n", random.uniform() < kErrorRate ? 1 : 0);
    } else {
      std::printf("%.17g\n", random.normal());
    }
  }
}

struct Cost {
  double nanoseconds = std::numeric_limits<double>::infinity();
  std::size_t alarms = 0;
};

// As a loop over one kind of detector has it, and as `detect` and the daemon call it.
[[nodiscard]] Cost cost_of(const SequentialSettings& settings, const std::vector<double>& values,
                           bool through_table) {
  using Clock = std::chrono::steady_clock;
  Cost cost;
  for (int pass = 0; pass < kPasses; ++pass) {
    SequentialDetector whole(settings);
    AnySequential inner = whole.inner();
    cost.alarms = 0;
    const auto begun = Clock::now();
    if (through_table) {
      for (const double x : values) cost.alarms += whole.update(x) ? 1 : 0;
    } else {
      std::visit(
          [&](auto& detector) {
            for (const double x : values) {
              detector.update(x);
              cost.alarms += detector.drift_detected() ? 1 : 0;
            }
          },
          inner);
    }
    const std::chrono::duration<double, std::nano> spent = Clock::now() - begun;
    cost.nanoseconds =
        std::min(cost.nanoseconds, spent.count() / static_cast<double>(values.size()));
  }
  return cost;
}

void run(const std::vector<double>& values) {
  const bool errors = std::ranges::all_of(values, [](double x) { return x == 0 || x == 1; });
  for (const SequentialKind& kind : sequential_kinds()) {
    if (kind.binary != errors && kind.name != "adwin") continue;
    SequentialSettings settings(kind);
    if (kind.name == "kswin" && !settings.set("seed", "1")) std::abort();
    const Cost direct = cost_of(settings, values, false);
    const Cost called = cost_of(settings, values, true);
    std::printf("%s %.2f %.2f %zu\n", std::string(kind.name).c_str(), direct.nanoseconds,
                called.nanoseconds, called.alarms);
  }
}

}  // namespace
}  // namespace driftd

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "values" && argc == 4) {
    driftd::print_values(std::string_view(argv[2]) == "errors", std::atol(argv[3]));
    return 0;
  }
  if (what == "run" && argc == 3) {
    std::ifstream file(argv[2]);
    std::vector<double> values;
    for (double x = 0; file >> x;) values.push_back(x);
    driftd::run(values);
    return 0;
  }
  std::fprintf(stderr, "usage: bench_sequential values normal|errors N, or run FILE\n");
  return 64;
}
