// Early drift detection method: errors have come closer together than they once were.
//
// With p' and s' the mean and the standard deviation of the distances between errors, it keeps the
// largest p' + 2 s' and warns (fires) when (p' + 2 s') / max is below alpha (beta).
// Source: Baena-Garcia et al. (2006), Workshop on Knowledge Discovery from Data Streams. As in
// River 0.26.1 the first distance is that to the beginning of the stream, and a warning lasts until
// an error ends it.
//
// Thread rule: a value, one user at a time. Allocation rule: none. Failure rule: none.
#pragma once

#include <cmath>

#include "core/sequential_catalog.h"
#include "detectors/sequential/reading.h"
#include "detectors/sequential/running_mean.h"

namespace driftd {

class Eddm {
 public:
  static constexpr std::string_view kName = "eddm";

  explicit Eddm(const SequentialSettings& settings)
      : warm_start_(settings.number("warm_start")),
        alpha_(settings.number("alpha")),
        beta_(settings.number("beta")) {}

  // `error` is 1 or 0.
  void update(double error) {
    if (state_.drift) reset();
    state_.n += 1;
    if (error != 0) update_at_error();
  }

  [[nodiscard]] bool drift_detected() const { return state_.drift; }
  [[nodiscard]] bool warning_detected() const { return state_.warning; }
  [[nodiscard]] static bool usable() { return true; }
  void reset() { state_ = {}; }

  // The statistic is (p' + 2 s') / max at the last error: smaller is worse.
  [[nodiscard]] SequentialReading reading() const {
    if (!(state_.distances.mean.n > warm_start_) || !(state_.longest > 0)) return {};
    return {true, finite_or_nothing(state_.now / state_.longest), beta_, std::nullopt};
  }

  void write(ByteWriter& out) const {
    state_.distances.write(out);
    out.number(state_.n);
    out.number(state_.last_error);
    out.number(state_.now);
    out.number(state_.longest);
    out.byte(static_cast<std::uint8_t>((state_.drift ? 1 : 0) | (state_.warning ? 2 : 0)));
  }
  [[nodiscard]] bool read(ByteReader& in) {
    state_.distances.read(in);
    state_.n = in.number();
    state_.last_error = in.number();
    state_.now = in.number();
    state_.longest = in.number();
    const std::uint8_t flags = in.byte();
    state_.drift = (flags & 1) != 0;
    state_.warning = (flags & 2) != 0;
    return in.ok();
  }

 private:
  void update_at_error() {
    State& s = state_;
    s.distances.update(s.n - s.last_error);
    s.last_error = s.n;
    if (!(s.n > warm_start_)) return;
    // std::pow, because River takes the root by Python's `** 0.5`, which is C's pow; it differs
    // from sqrt in the last bit for some values.
    s.now = s.distances.mean.mean + 2 * std::pow(s.distances.variance(), 0.5);
    if (s.now > s.longest) {
      s.longest = s.now;
    } else if (s.distances.mean.n > warm_start_) {
      const double level = s.now / s.longest;
      s.drift = level < beta_;
      // A drift leaves the warning as it was; the next value resets both.
      if (!s.drift) s.warning = level < alpha_;
    }
  }

  double warm_start_;
  double alpha_;
  double beta_;

  struct State {
    RunningVariance distances;  // between errors; its n is the number of errors
    double n = 0;               // values so far
    double last_error = 0;      // the number of the value that was the last error
    double now = 0;             // p' + 2 s' at the last error
    double longest = -1;        // its maximum
    bool drift = false;
    bool warning = false;
  } state_;
};

}  // namespace driftd
