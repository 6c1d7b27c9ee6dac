// HDDM-W: an exponentially weighted error rate against its best past one, by McDiarmid's bound.
//
// An average is m_t = lambda x_t + (1 - lambda) m_{t-1} with b_t = lambda^2 + (1 - lambda)^2
// b_{t-1}, b_0 = 1, the sum of its squared weights; its bound is sqrt(b ln(1/c) / 2). When m +
// bound of all values is a new minimum, that average becomes sample 1 and sample 2 begins anew;
// else sample 2 takes the value. It fires when m_2 - m_1 > sqrt((b_1 + b_2) ln(1/c) / 2) with
// drift_confidence and warns with warning_confidence; `two_sided_test` finds a fall likewise.
// Source: Frias-Blanco et al. (2015), IEEE Trans. Knowl. Data Eng. 27(3), W-test; order of
// operations as in River 0.26.1.
//
// Thread rule: a value, one user at a time. Allocation rule: none. Failure rule: none.
#pragma once

#include <limits>

#include "core/byte_stream.h"
#include "core/sequential_catalog.h"
#include "detectors/sequential/reading.h"

namespace driftd {

class HddmW {
 public:
  static constexpr std::string_view kName = "hddm_w";

  explicit HddmW(const SequentialSettings& settings);

  // `error` is 1 or 0.
  void update(double error);

  [[nodiscard]] bool drift_detected() const { return state_.drift; }
  [[nodiscard]] bool warning_detected() const { return state_.warning; }
  [[nodiscard]] static bool usable() { return true; }
  void reset() { state_ = {}; }

  // The statistic is the rise of sample 2 above sample 1; the threshold changes with their weights.
  [[nodiscard]] SequentialReading reading() const;

  void write(ByteWriter& out) const;
  [[nodiscard]] bool read(ByteReader& in);

 private:
  struct Average {
    double mean = 0;
    double weights = 1;  // b, the sum of squared weights
    bool begun = false;
  };

  void add(Average& average, double x) const;
  [[nodiscard]] static double bound(double weights, double log_confidence);
  // Whether `high` is above `low` by more than chance.
  [[nodiscard]] static bool above(const Average& low, const Average& high, double log_confidence);

  double lambda_;
  double rest_;  // 1 - lambda
  double lambda_squared_;
  double rest_squared_;
  double log_drift_;    // ln(1 / drift_confidence)
  double log_warning_;  // ln(1 / warning_confidence)
  bool two_sided_;

  struct State {
    Average all;
    Average before_rise;
    Average after_rise;
    Average before_fall;
    Average after_fall;
    double lowest = std::numeric_limits<double>::infinity();    // mean plus bound
    double highest = -std::numeric_limits<double>::infinity();  // mean minus bound
    bool drift = false;
    bool warning = false;
  } state_;
};

}  // namespace driftd
