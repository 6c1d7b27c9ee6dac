// Streams of numbers that Python makes as well: tests/golden/make_sequential.py, bit for bit.
//
// Only whole-number arithmetic, additions and multiplications, so that no library's rounding is in
// them. Thread rule: plain values. May allocate; cannot fail.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

namespace driftd {

// Steele, Lea and Flood (2014).
class Splitmix {
 public:
  explicit Splitmix(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // Nearly normal: the sum of 12 uniform numbers less 6.
  double bell() {
    double total = 0;
    for (int i = 0; i < 12; ++i) total += uniform();
    return total - 6;
  }

 private:
  std::uint64_t state_;
};

[[nodiscard]] inline std::vector<double> seeded_values(std::string_view shape, std::uint64_t seed,
                                                       std::size_t n) {
  Splitmix random(seed);
  double level = 0;
  double spread = 1;
  std::uint64_t left = 0;
  std::vector<double> out;
  for (std::size_t i = 0; i < n; ++i) {
    if (left == 0) {  // a new regime
      left = 200 + random.next() % 1'500;
      level = random.uniform();
      spread = 0.25 + random.uniform();
    }
    --left;
    double x = 0;
    if (shape == "errors") x = random.uniform() < level * 0.5 ? 1 : 0;
    if (shape == "rare") x = random.uniform() < level * 0.03 ? 1 : 0;
    if (shape == "bell") x = level * 3.0 + spread * random.bell();
    if (shape == "null") x = random.bell();
    if (shape == "ties") {
      x = static_cast<double>(random.next() % (2 + static_cast<std::uint64_t>(level * 8.0)));
    }
    if (shape == "far") x = 1e9 + level + spread * random.uniform();
    if (shape == "constant") x = i < 1'000 ? 0.1 : 0.3;
    if (shape == "wide") {
      const double bell = random.bell();
      x = std::ldexp(bell, static_cast<int>(random.next() % 60));
    }
    out.push_back(x);
  }
  return out;
}

}  // namespace driftd
