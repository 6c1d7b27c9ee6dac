// The traffic that the benchmarks run on: predictions of about 500 bytes with 20 numeric features
// (normal, exponential, lognormal and uniform in turn) and one category, of three versions in turn,
// a millisecond apart; their labels; and rows of the reference that they are compared with.
//
// Event number i is a pure function of i: any number of processes make the same traffic.
// Thread rule: pure. Allocation rule: only what `out` needs to grow. Cannot fail.
#pragma once

#include <cstdint>
#include <string>

namespace driftd {

inline constexpr int kTrafficFeatures = 20;
inline constexpr const char* kTrafficModel = "scoring";

void append_prediction(std::string& out, std::uint64_t number);
// The same event with its first feature only: for what depends on the number of events alone.
void append_short_prediction(std::string& out, std::uint64_t number);
// Of the prediction with the same number; known a minute after it.
void append_label(std::string& out, std::uint64_t number);

// CSV, with line ends.
void append_reference_header(std::string& out);
void append_reference_row(std::string& out, std::uint64_t number);

// SplitMix64: as many independent streams as there are seeds, for nothing.
class TrafficRandom {
 public:
  using result_type = std::uint64_t;
  explicit TrafficRandom(std::uint64_t seed) : state_(seed) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  result_type operator()();

  [[nodiscard]] double uniform();  // in (0, 1)
  [[nodiscard]] double normal();

 private:
  std::uint64_t state_;
};

}  // namespace driftd
