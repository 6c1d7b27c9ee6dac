// Page-Hinkley test: has the mean of a stream moved away from its running mean?
//
// With m_t the mean of x_1 .. x_t, the sums are
//   up_t   = alpha up_{t-1}   + (x_t - m_t) - delta,   fires when up_t - min(up) > threshold,
//   down_t = alpha down_{t-1} + (x_t - m_t) + delta,   fires when max(down) - down_t > threshold.
// Source: Page (1954), Biometrika 41; the form with forgetting and both sides is River 0.26.1's,
// whose rows of detection it gives. One difference of the sides is River's: max(down) starts at -1,
// min(up) at the first sum.
//
// Thread rule: a value, one user at a time. Allocation rule: none. Failure rule: none.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/sequential_catalog.h"
#include "detectors/sequential/reading.h"
#include "detectors/sequential/running_mean.h"

namespace driftd {

class PageHinkley {
 public:
  static constexpr std::string_view kName = "page_hinkley";

  explicit PageHinkley(const SequentialSettings& settings)
      : min_instances_(settings.number("min_instances")),
        delta_(settings.number("delta")),
        threshold_(settings.number("threshold")),
        alpha_(settings.number("alpha")),
        side_(side_from(settings.choice("mode"))) {}

  void update(double x) {
    if (state_.drift) reset();
    State& s = state_;
    s.mean.update(x);
    const double deviation = x - s.mean.mean;
    s.up = alpha_ * s.up + deviation - delta_;
    s.down = alpha_ * s.down + deviation + delta_;
    s.lowest_up = std::min(s.up, s.lowest_up);
    s.highest_down = std::max(s.down, s.highest_down);
    s.drift = s.mean.n >= min_instances_ && (rise() > threshold_ || fall() > threshold_);
  }

  [[nodiscard]] bool drift_detected() const { return state_.drift; }
  [[nodiscard]] bool warning_detected() const { return false; }
  // False when a sum has left the range of doubles, after which it could never fire again.
  [[nodiscard]] bool usable() const { return !(std::isnan(rise()) && std::isnan(fall())); }
  void reset() { state_ = {}; }

  [[nodiscard]] SequentialReading reading() const {
    if (state_.mean.n < std::max(min_instances_, 1.0)) return {};
    return {true, finite_or_nothing(std::fmax(rise(), fall())), threshold_, std::nullopt};
  }

  void write(ByteWriter& out) const {
    state_.mean.write(out);
    out.number(state_.up);
    out.number(state_.down);
    out.number(state_.lowest_up);
    out.number(state_.highest_down);
    out.byte(state_.drift ? 1 : 0);
  }
  [[nodiscard]] bool read(ByteReader& in) {
    state_.mean.read(in);
    state_.up = in.number();
    state_.down = in.number();
    state_.lowest_up = in.number();
    state_.highest_down = in.number();
    state_.drift = in.byte() != 0;
    return in.ok();
  }

 private:
  static constexpr double kNever = std::numeric_limits<double>::quiet_NaN();

  // The side that is not watched is NaN, which is above no threshold.
  [[nodiscard]] double rise() const {
    return side_ == Side::down ? kNever : state_.up - state_.lowest_up;
  }
  [[nodiscard]] double fall() const {
    return side_ == Side::up ? kNever : state_.highest_down - state_.down;
  }

  double min_instances_;
  double delta_;
  double threshold_;
  double alpha_;
  Side side_;

  struct State {
    RunningMean mean;
    double up = 0;
    double down = 0;
    double lowest_up = std::numeric_limits<double>::infinity();
    double highest_down = -1;
    bool drift = false;
  } state_;
};

}  // namespace driftd
