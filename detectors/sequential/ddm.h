// Drift detection method: the error rate has risen above the best it has been.
//
// With p_t the share of errors among the first t values and s_t = sqrt(p_t (1 - p_t) / t), it keeps
// the p and s of the smallest p + s and warns (fires) when
//   p_t + s_t > p_min + warning_threshold s_min   (drift_threshold s_min).
// Source: Gama, Medas, Castillo and Rodrigues (2004), SBIA, LNCS 3171; comparisons are strict and
// the minimum is taken from the value after `warm_start` on, as in River 0.26.1.
//
// Thread rule: a value, one user at a time. Allocation rule: none. Failure rule: none.
#pragma once

#include <cmath>
#include <limits>

#include "core/sequential_catalog.h"
#include "detectors/sequential/reading.h"
#include "detectors/sequential/running_mean.h"

namespace driftd {

class Ddm {
 public:
  static constexpr std::string_view kName = "ddm";

  explicit Ddm(const SequentialSettings& settings)
      : warm_start_(settings.number("warm_start")),
        warning_threshold_(settings.number("warning_threshold")),
        drift_threshold_(settings.number("drift_threshold")) {}

  // `error` is 1 or 0.
  void update(double error) {
    if (state_.drift) reset();
    State& s = state_;
    s.rate.update(error);
    if (!(s.rate.n > warm_start_)) return;
    const double p = s.rate.mean;
    const double deviation = std::sqrt(p * (1 - p) / s.rate.n);
    s.now = p + deviation;
    if (s.now <= s.lowest) {
      s.p_min = p;
      s.s_min = deviation;
      s.lowest = s.now;
    }
    s.drift = s.now > s.p_min + drift_threshold_ * s.s_min;
    s.warning = !s.drift && s.now > s.p_min + warning_threshold_ * s.s_min;
  }

  [[nodiscard]] bool drift_detected() const { return state_.drift; }
  [[nodiscard]] bool warning_detected() const { return state_.warning; }
  [[nodiscard]] static bool usable() { return true; }
  void reset() { state_ = {}; }

  // The statistic is (p + s - p_min) / s_min, which is not defined while no error was seen.
  [[nodiscard]] SequentialReading reading() const {
    if (!(state_.rate.n > warm_start_)) return {};
    return {true, finite_or_nothing((state_.now - state_.p_min) / state_.s_min), drift_threshold_,
            std::nullopt};
  }

  void write(ByteWriter& out) const {
    state_.rate.write(out);
    out.number(state_.now);
    out.number(state_.p_min);
    out.number(state_.s_min);
    out.number(state_.lowest);
    out.byte(static_cast<std::uint8_t>((state_.drift ? 1 : 0) | (state_.warning ? 2 : 0)));
  }
  [[nodiscard]] bool read(ByteReader& in) {
    state_.rate.read(in);
    state_.now = in.number();
    state_.p_min = in.number();
    state_.s_min = in.number();
    state_.lowest = in.number();
    const std::uint8_t flags = in.byte();
    state_.drift = (flags & 1) != 0;
    state_.warning = (flags & 2) != 0;
    return in.ok();
  }

 private:
  double warm_start_;
  double warning_threshold_;
  double drift_threshold_;

  struct State {
    RunningMean rate;
    double now = 0;  // p + s
    double p_min = 0;
    double s_min = 0;
    double lowest = std::numeric_limits<double>::infinity();  // p_min + s_min
    bool drift = false;
    bool warning = false;
  } state_;
};

}  // namespace driftd
