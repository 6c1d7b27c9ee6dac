// CUSUM chart: sums of standardised deviations beyond a slack, on both sides.
//
//   up_t   = max(0, up_{t-1}   + u_t - slack),
//   down_t = max(0, down_{t-1} - u_t - slack),   fires when one is above `threshold`,
// with u_t the self-starting standardised value of standardised.h. Sources: Page (1954), Biometrika
// 41; Montgomery, Introduction to Statistical Quality Control, chapter 9 (slack k, threshold h);
// the self-starting form: Hawkins (1987). How rarely it fires without a change is in
// docs/detectors.md.
//
// Thread rule: a value, one user at a time. Allocation rule: none. Failure rule: none.
#pragma once

#include <algorithm>

#include "core/sequential_catalog.h"
#include "detectors/sequential/reading.h"
#include "detectors/sequential/standardised.h"

namespace driftd {

class Cusum {
 public:
  static constexpr std::string_view kName = "cusum";

  explicit Cusum(const SequentialSettings& settings)
      : warm_start_(settings.number("warm_start")),
        slack_(settings.number("slack")),
        threshold_(settings.number("threshold")),
        side_(side_from(settings.choice("mode"))) {}

  void update(double x) {
    if (state_.drift) reset();
    const std::optional<double> u = state_.values.take(x, warm_start_);
    if (!u) return;
    state_.up = std::max(0.0, state_.up + *u - slack_);
    state_.down = std::max(0.0, state_.down - *u - slack_);
    state_.drift = sum() > threshold_;
  }

  [[nodiscard]] bool drift_detected() const { return state_.drift; }
  [[nodiscard]] bool warning_detected() const { return false; }
  // False when what it has learnt has left the range of doubles.
  [[nodiscard]] bool usable() const { return state_.values.usable(); }
  void reset() { state_ = {}; }

  [[nodiscard]] SequentialReading reading() const {
    if (!state_.values.learnt(warm_start_)) return {};
    return {true, finite_or_nothing(sum()), threshold_, std::nullopt};
  }

  void write(ByteWriter& out) const {
    state_.values.seen.write(out);
    out.number(state_.up);
    out.number(state_.down);
    out.byte(state_.drift ? 1 : 0);
  }
  [[nodiscard]] bool read(ByteReader& in) {
    state_.values.seen.read(in);
    state_.up = in.number();
    state_.down = in.number();
    state_.drift = in.byte() != 0;
    return in.ok();
  }

 private:
  // The larger sum of those that are watched.
  [[nodiscard]] double sum() const {
    if (side_ == Side::up) return state_.up;
    return side_ == Side::down ? state_.down : std::max(state_.up, state_.down);
  }

  double warm_start_;
  double slack_;
  double threshold_;
  Side side_;

  struct State {
    Standardised values;
    double up = 0;
    double down = 0;
    bool drift = false;
  } state_;
};

}  // namespace driftd
