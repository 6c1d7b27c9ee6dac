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

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

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

  // `error` is not 0, or 0.
  void update(double error) { update_until_drift({&error, 1}); }

  // Takes values up to and with the first at which it fires; how many.
  std::size_t update_until_drift(std::span<const double> errors) {
    if (state_.drift) reset();
    State s = state_;  // a local one can be kept in registers
    std::array<std::uint32_t, kBlock> rows;
    std::size_t taken = 0;
    while (taken < errors.size() && !s.drift) {
      const std::span<const double> block =
          errors.subspan(taken, std::min(errors.size() - taken, kBlock));
      // Where the errors are is found without a branch, because none could be foretold.
      std::size_t count = 0;
      for (std::size_t i = 0; i < block.size(); ++i) {
        rows[count] = static_cast<std::uint32_t>(i);
        count += error_of(block[i]);
      }
      const double before = s.n;
      std::size_t ended = block.size();
      for (std::size_t k = 0; k < count; ++k) {
        s.n = before + (rows[k] + 1);
        update_at_error(s);
        if (!s.drift) continue;
        ended = rows[k] + 1;
        break;
      }
      s.n = before + static_cast<double>(ended);
      taken += ended;
    }
    state_ = s;
    return taken;
  }

  [[nodiscard]] bool drift_detected() const { return state_.drift; }
  [[nodiscard]] bool warning_detected() const { return state_.warning; }
  [[nodiscard]] static bool usable() { return true; }
  void reset() { state_ = {}; }

  // The statistic is (p' + 2 s') / max at the last error: smaller is worse.
  [[nodiscard]] SequentialReading reading() const {
    if (!(state_.distances.mean.n > warm_start_) || !(state_.longest > 0)) return {};
    return {true, finite_or_nothing(now(state_) / state_.longest), beta_, std::nullopt};
  }

  void write(ByteWriter& out) const {
    state_.distances.write(out);
    out.number(state_.n);
    out.number(state_.last_error);
    out.number(now(state_));
    out.number(state_.longest);
    out.byte(static_cast<std::uint8_t>((state_.drift ? 1 : 0) | (state_.warning ? 2 : 0)));
  }
  [[nodiscard]] bool read(ByteReader& in) {
    state_.distances.read(in);
    state_.n = in.number();
    state_.last_error = in.number();
    (void)in.number();  // p' + 2 s' follows from the distances
    state_.longest = in.number();
    const std::uint8_t flags = in.byte();
    state_.drift = (flags & 1) != 0;
    state_.warning = (flags & 2) != 0;
    return in.ok();
  }

 private:
  static constexpr std::size_t kBlock = 256;  // values

  struct State {
    RunningVariance distances;  // between errors; its n is the number of errors
    double n = 0;               // values so far
    double last_error = 0;      // the number of the value that was the last error
    double longest = -1;        // the maximum of p' + 2 s' over the errors
    bool drift = false;
    bool warning = false;
  };

  // p' + 2 s' at the last error; 0 as long as it has not been looked at.
  [[nodiscard]] double now(const State& s) const {
    if (!(s.last_error > warm_start_)) return 0;
    // std::pow, because River takes the root by Python's `** 0.5`, which is C's pow; it differs
    // from sqrt in the last bit for some values.
    return s.distances.mean.mean + 2 * std::pow(s.distances.variance(), 0.5);
  }

  void update_at_error(State& s) const {
    s.distances.update(s.n - s.last_error);
    s.last_error = s.n;
    if (!(s.n > warm_start_)) return;
    // The square root is ten times as fast as the power, and as good but near a border.
    const double p_plus_2s = s.distances.mean.mean + 2 * std::sqrt(s.distances.variance());
    const double warned = alpha_ * s.longest;
    const double fired = beta_ * s.longest;
    const auto is_near = [&](double border) {
      constexpr double kRounding = 1e-12;
      return std::abs(p_plus_2s - border) <= kRounding * p_plus_2s;
    };
    if (p_plus_2s > s.longest || is_near(s.longest) || is_near(warned) || is_near(fired)) {
      look(s);
    } else if (s.distances.mean.n > warm_start_) {
      s.drift = p_plus_2s < fired;
      // A drift leaves the warning as it was; the next value resets both.
      if (!s.drift) s.warning = p_plus_2s < warned;
    }
  }

  void look(State& s) const {
    const double p_plus_2s = now(s);
    if (p_plus_2s > s.longest) {
      s.longest = p_plus_2s;
    } else if (s.distances.mean.n > warm_start_) {
      const double level = p_plus_2s / s.longest;
      s.drift = level < beta_;
      if (!s.drift) s.warning = level < alpha_;
    }
  }

  double warm_start_;
  double alpha_;
  double beta_;
  State state_;
};

}  // namespace driftd
