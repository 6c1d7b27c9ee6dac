// What a sequential detector costs per value, for bench/sequential.py to compare with River.
//
//   bench_sequential values normal|errors N    the values, one a line
//   bench_sequential run FILE                  name, nanoseconds per value twice, alarms; a line
//   each
//
// Nanoseconds are those of a value given alone and of one given with the others, as `driftd detect`
// does it. Values are read first and taken from memory; the best of many passes counts, because the
// machine does other work as well.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/event_generator.h"
#include "detectors/sequential/sequential_detector.h"

namespace driftd {
namespace {

constexpr int kPasses = 25;
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

enum class Way : std::uint8_t { one_by_one, blocks };

// CPU time of this process, which other work on the machine lengthens least.
[[nodiscard]] double cpu_nanoseconds() {
  return static_cast<double>(std::clock()) * (1e9 / CLOCKS_PER_SEC);
}

[[nodiscard]] Cost cost_of(const SequentialSettings& settings, const std::vector<double>& values,
                           Way way) {
  Cost cost;
  for (int pass = 0; pass < kPasses; ++pass) {
    SequentialDetector detector(settings);
    cost.alarms = 0;
    const double begun = cpu_nanoseconds();
    if (way == Way::one_by_one) {
      for (const double x : values) cost.alarms += detector.update(x) ? 1 : 0;
    } else {
      for (std::span<const double> left = values; !left.empty();) {
        left = left.subspan(detector.update_until(StopAt::drift, left));
        cost.alarms += detector.drift_detected() ? 1 : 0;
      }
    }
    const double spent = cpu_nanoseconds() - begun;
    cost.nanoseconds = std::min(cost.nanoseconds, spent / static_cast<double>(values.size()));
  }
  return cost;
}

void run(const std::vector<double>& values) {
  const bool errors = std::ranges::all_of(values, [](double x) { return x == 0 || x == 1; });
  for (const SequentialKind& kind : sequential_kinds()) {
    if (kind.binary != errors && kind.name != "adwin") continue;
    SequentialSettings settings(kind);
    if (kind.name == "kswin" && !settings.set("seed", "1")) std::abort();
    const Cost single = cost_of(settings, values, Way::one_by_one);
    const Cost blocks = cost_of(settings, values, Way::blocks);
    if (single.alarms != blocks.alarms) std::abort();
    std::printf("%s %.2f %.2f %zu\n", std::string(kind.name).c_str(), single.nanoseconds,
                blocks.nanoseconds, blocks.alarms);
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
