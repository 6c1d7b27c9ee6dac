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

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

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

  // `error` is not 0, or 0.
  void update(double error) { update_until_drift({&error, 1}); }

  // Takes values up to and with the first at which it fires; how many.
  std::size_t update_until_drift(std::span<const double> errors) {
    if (state_.drift) reset();
    State s = state_;  // a local one can be kept in registers
    Calm calm = calm_of(s);
    std::size_t taken = 0;
    while (taken < errors.size() && !s.drift) {
      s.rate.update(error_of(errors[taken++]));
      if (!(s.rate.n > warm_start_)) continue;
      if (calm.surely_holds(s.rate)) {
        s.warning = false;
      } else {
        look(s);
        calm = calm_of(s);
      }
    }
    state_ = s;
    return taken;
  }

  [[nodiscard]] bool drift_detected() const { return state_.drift; }
  [[nodiscard]] bool warning_detected() const { return state_.warning; }
  [[nodiscard]] static bool usable() { return true; }
  void reset() { state_ = {}; }

  // The statistic is (p + s - p_min) / s_min, which is not defined while no error was seen.
  [[nodiscard]] SequentialReading reading() const {
    if (!(state_.rate.n > warm_start_)) return {};
    return {true, finite_or_nothing((now(state_) - state_.p_min) / state_.s_min), drift_threshold_,
            std::nullopt};
  }

  void write(ByteWriter& out) const {
    state_.rate.write(out);
    out.number(now(state_));
    out.number(state_.p_min);
    out.number(state_.s_min);
    out.number(state_.lowest);
    out.byte(static_cast<std::uint8_t>((state_.drift ? 1 : 0) | (state_.warning ? 2 : 0)));
  }
  [[nodiscard]] bool read(ByteReader& in) {
    state_.rate.read(in);
    (void)in.number();  // p + s follows from the rate
    state_.p_min = in.number();
    state_.s_min = in.number();
    state_.lowest = in.number();
    const std::uint8_t flags = in.byte();
    state_.drift = (flags & 1) != 0;
    state_.warning = (flags & 2) != 0;
    return in.ok();
  }

 private:
  struct State {
    RunningMean rate;
    double p_min = 0;
    double s_min = 0;
    double lowest = std::numeric_limits<double>::infinity();  // p_min + s_min
    bool drift = false;
    bool warning = false;
  };

  [[nodiscard]] static double deviation(const State& s) {
    const double p = s.rate.mean;
    return std::sqrt(p * (1 - p) / s.rate.n);
  }
  // p + s; 0 as long as it has not been looked at.
  [[nodiscard]] double now(const State& s) const {
    return s.rate.n > warm_start_ ? s.rate.mean + deviation(s) : 0;
  }

  // Where p + s is clearly above its minimum and clearly below a warning, without a division or a
  // root: `above` - p < s < `below` - p, squared with its sign and multiplied by n. The margins
  // cover all rounding, so that `look` would say the same.
  struct Calm {
    double above = 0;
    double below = 0;

    [[nodiscard]] bool surely_holds(const RunningMean& rate) const {
      constexpr double kMargin = 1e-10;
      const double p = rate.mean;
      const double least = above - p;
      const double most = below - p;
      const double squared = p * (1 - p);
      return (least * std::abs(least) * rate.n < squared * (1 - kMargin)) &
             (squared * (1 + kMargin) < most * std::abs(most) * rate.n);
    }
  };
  [[nodiscard]] Calm calm_of(const State& s) const {
    constexpr double kRounding = 1e-14;
    const double limit = s.p_min + std::min(warning_threshold_, drift_threshold_) * s.s_min;
    return {s.lowest + kRounding, limit - kRounding * (1 + limit)};
  }

  void look(State& s) const {
    const double p = s.rate.mean;
    const double of_p = deviation(s);
    const double p_plus_s = p + of_p;
    if (p_plus_s <= s.lowest) {
      s.p_min = p;
      s.s_min = of_p;
      s.lowest = p_plus_s;
    }
    s.drift = p_plus_s > s.p_min + drift_threshold_ * s.s_min;
    s.warning = !s.drift && p_plus_s > s.p_min + warning_threshold_ * s.s_min;
  }

  double warm_start_;
  double warning_threshold_;
  double drift_threshold_;
  State state_;
};

}  // namespace driftd
