// EWMA chart: an exponentially weighted average of standardised values.
//
//   z_t = lambda u_t + (1 - lambda) z_{t-1},   z_0 = 0,   fires when
//   |z_t| > threshold sqrt(lambda / (2 - lambda) (1 - (1 - lambda)^{2t})),
// with u_t the self-starting standardised value of standardised.h and t counted from the end of the
// warm-up. Sources: Roberts (1959), Technometrics 1(3); exact limits: Lucas and Saccucci (1990),
// Technometrics 32(1). How rarely it fires without a change is in docs/detectors.md.
//
// Thread rule: a value, one user at a time. Allocation rule: none. Failure rule: none.
#pragma once

#include <cmath>

#include "core/sequential_catalog.h"
#include "detectors/sequential/reading.h"
#include "detectors/sequential/standardised.h"

namespace driftd {

class Ewma {
 public:
  static constexpr std::string_view kName = "ewma";

  explicit Ewma(const SequentialSettings& settings)
      : warm_start_(settings.number("warm_start")),
        lambda_(settings.number("lambda_val")),
        threshold_(settings.number("threshold")),
        side_(side_from(settings.choice("mode"))) {}

  void update(double x) {
    if (state_.drift) reset();
    const std::optional<double> u = state_.values.take(x, warm_start_);
    if (!u) return;
    state_.average = lambda_ * *u + (1 - lambda_) * state_.average;
    state_.forgotten *= (1 - lambda_) * (1 - lambda_);
    // What is lost in 1 - forgotten is dropped, before it becomes a slow subnormal number.
    if (state_.forgotten < 0x1p-60) state_.forgotten = 0;
    state_.drift = deviations() > threshold_;
  }

  [[nodiscard]] bool drift_detected() const { return state_.drift; }
  [[nodiscard]] bool warning_detected() const { return false; }
  // False when what it has learnt has left the range of doubles.
  [[nodiscard]] bool usable() const { return state_.values.usable(); }
  void reset() { state_ = {}; }

  // The statistic is the average in its own standard deviations.
  [[nodiscard]] SequentialReading reading() const {
    if (state_.forgotten == 1) return {state_.values.learnt(warm_start_), {}, {}, {}};
    return {true, finite_or_nothing(deviations()), threshold_, std::nullopt};
  }

  void write(ByteWriter& out) const {
    state_.values.seen.write(out);
    out.number(state_.average);
    out.number(state_.forgotten);
    out.byte(state_.drift ? 1 : 0);
  }
  [[nodiscard]] bool read(ByteReader& in) {
    state_.values.seen.read(in);
    state_.average = in.number();
    state_.forgotten = in.number();
    state_.drift = in.byte() != 0;
    return in.ok();
  }

 private:
  [[nodiscard]] double deviations() const {
    const double z = state_.average / std::sqrt(lambda_ / (2 - lambda_) * (1 - state_.forgotten));
    if (side_ == Side::up) return z;
    return side_ == Side::down ? -z : std::abs(z);
  }

  double warm_start_;
  double lambda_;
  double threshold_;
  Side side_;

  struct State {
    Standardised values;
    double average = 0;    // z
    double forgotten = 1;  // (1 - lambda)^(2t)
    bool drift = false;
  } state_;
};

}  // namespace driftd
