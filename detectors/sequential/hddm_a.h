// HDDM-A: the error rate against its best past one, by Hoeffding's bound on means.
//
// The cut is the prefix of n_0 values whose mean plus its bound sqrt(ln(1/c) / (2 n_0)) is the
// smallest so far. With m_0 its mean, m that of all n values and
//   eps(c) = sqrt((n - n_0) / (n_0 n) ln(2/c) / 2)
// it fires when m - m_0 >= eps(drift_confidence) and warns with warning_confidence; with
// `two_sided_test` a second cut, of the largest mean minus its bound, finds a fall likewise.
// Source: Frias-Blanco et al. (2015), IEEE Trans. Knowl. Data Eng. 27(3), A-test; order of
// operations as in River 0.26.1.
//
// Thread rule: a value, one user at a time. Allocation rule: none. Failure rule: none.
#pragma once

#include "core/sequential_catalog.h"
#include "detectors/sequential/reading.h"
#include "detectors/sequential/running_mean.h"

namespace driftd {

class HddmA {
 public:
  static constexpr std::string_view kName = "hddm_a";

  explicit HddmA(const SequentialSettings& settings);

  // `error` is 1 or 0.
  void update(double error);

  [[nodiscard]] bool drift_detected() const { return state_.drift; }
  [[nodiscard]] bool warning_detected() const { return state_.warning; }
  [[nodiscard]] static bool usable() { return true; }
  void reset() { state_ = {}; }

  // The statistic is the rise of the mean above the cut's; the threshold changes with n.
  [[nodiscard]] SequentialReading reading() const;

  void write(ByteWriter& out) const;
  [[nodiscard]] bool read(ByteReader& in);

 private:
  // A mean and its Hoeffding bound, which is computed once.
  struct Bounded {
    RunningMean mean;
    double bound = 0;
  };

  [[nodiscard]] double epsilon(const RunningMean& cut, double log_confidence) const;
  [[nodiscard]] bool risen(double log_confidence) const;
  [[nodiscard]] bool fallen(double log_confidence) const;

  double log_bound_;    // ln(1 / drift_confidence)
  double log_drift_;    // ln(2 / drift_confidence)
  double log_warning_;  // ln(2 / warning_confidence)
  bool two_sided_;

  struct State {
    RunningMean all;
    Bounded lowest;   // the cut for a rise
    Bounded highest;  // the cut for a fall
    bool drift = false;
    bool warning = false;
  } state_;
};

}  // namespace driftd
