// KSWIN: a two-sample Kolmogorov-Smirnov test of the newest values against a sample of older ones.
//
// Of the last `window_size` values the newest `stat_size` = r are compared with r drawn without
// replacement from the others, at every value. It fires when the distance D of the two distribution
// functions is above 0.1 and its exact p-value is at most `alpha`.
// Source: Raab, Heusinger and Schleif (2020), Neurocomputing 416; the p-value instead of the
// paper's limit, the 0.1 and the draw by Python's generator are River 0.26.1's, so that with a seed
// the same rows fire (python_random.h). Exact p: P(D >= h/r) = 2 sum_{k>=1} (-1)^{k-1}
// C(2r, r - kh) / C(2r, r), Gnedenko and Korolyuk (1951), in SciPy's form.
//
// The test is repeated at every value, so that `alpha` is far from the rate of false alarms.
//
// Thread rule: a value, one user at a time. Allocation rule: none after the first full window.
// Failure rule: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/sequential_catalog.h"
#include "detectors/sequential/python_random.h"
#include "detectors/sequential/reading.h"

namespace driftd {

class Kswin {
 public:
  static constexpr std::string_view kName = "kswin";

  explicit Kswin(const SequentialSettings& settings);

  void update(double x);

  [[nodiscard]] bool drift_detected() const { return drift_; }
  [[nodiscard]] bool warning_detected() const { return false; }
  [[nodiscard]] static bool usable() { return true; }
  void reset();

  // The statistic is D; the threshold is the smallest D that fires, none where no D can.
  [[nodiscard]] SequentialReading reading() const;

  void write(ByteWriter& out) const;
  [[nodiscard]] bool read(ByteReader& in);

 private:
  [[nodiscard]] double value(std::size_t age) const;
  void take_newest(double x);
  void sort_newest();
  [[nodiscard]] std::size_t distance();

  std::size_t window_size_;
  std::size_t stat_size_;
  std::uint64_t seed_;
  std::size_t smallest_firing_;  // the least h = r D that fires; r + 1: none does

  PythonRandom random_;
  std::vector<double> ring_;  // window_size values; the oldest is at `head_` once it is full
  std::size_t head_ = 0;
  std::size_t filled_ = 0;
  std::size_t h_ = 0;  // r D of the last test
  bool drift_ = false;

  // Made from the above or scratch: the newest values sorted, the draw, and where its values fall.
  std::vector<double> newest_;
  std::vector<std::uint32_t> drawn_;
  std::vector<std::uint32_t> cells_;
};

// P(D >= h / n) of two samples of n values each, as SciPy's ks_2samp(method="exact").
[[nodiscard]] double equal_samples_ks_p(std::size_t n, std::size_t h);

}  // namespace driftd
