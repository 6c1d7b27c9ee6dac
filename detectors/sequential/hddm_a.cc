#include "detectors/sequential/hddm_a.h"

#include <algorithm>
#include <cmath>

namespace driftd {

HddmA::HddmA(const SequentialSettings& settings)
    : log_bound_(std::log(1.0 / settings.number("drift_confidence"))),
      log_drift_(std::log(2.0 / settings.number("drift_confidence"))),
      log_warning_(std::log(2.0 / settings.number("warning_confidence"))),
      two_sided_(settings.flag("two_sided_test")) {}

double HddmA::epsilon(const RunningMean& cut, double log_confidence) const {
  const double n = state_.all.n;
  const double m = (n - cut.n) / cut.n * (1.0 / n);
  return std::sqrt(m / 2 * log_confidence);
}

bool HddmA::risen(double log_confidence) const {
  const RunningMean& cut = state_.lowest.mean;
  return cut.n != state_.all.n && state_.all.mean - cut.mean >= epsilon(cut, log_confidence);
}

bool HddmA::fallen(double log_confidence) const {
  const RunningMean& cut = state_.highest.mean;
  return cut.n != state_.all.n && cut.mean - state_.all.mean >= epsilon(cut, log_confidence);
}

void HddmA::update(double error) {
  if (state_.drift) reset();
  State& s = state_;
  s.all.update(error);
  const double bound = std::sqrt(1.0 / (2 * s.all.n) * log_bound_);
  if (s.lowest.mean.n == 0 || s.lowest.mean.mean + s.lowest.bound >= s.all.mean + bound) {
    s.lowest = {s.all, bound};
  }
  if (s.highest.mean.n == 0 || s.highest.mean.mean - s.highest.bound <= s.all.mean - bound) {
    s.highest = {s.all, bound};
  }
  s.drift = risen(log_drift_);
  s.warning = !s.drift && risen(log_warning_);
  if (!two_sided_) return;
  if (fallen(log_drift_)) {
    s.drift = true;
  } else if (fallen(log_warning_)) {
    s.warning = true;
  }
}

SequentialReading HddmA::reading() const {
  const State& s = state_;
  // While the cut is all there is, nothing has risen above it.
  SequentialReading said;
  said.ready = s.all.n > 0;
  if (s.all.n != s.lowest.mean.n) {
    said.statistic = s.all.mean - s.lowest.mean.mean;
    said.threshold = epsilon(s.lowest.mean, log_drift_);
  }
  return said;
}

void HddmA::write(ByteWriter& out) const {
  state_.all.write(out);
  for (const Bounded* const cut : {&state_.lowest, &state_.highest}) {
    cut->mean.write(out);
    out.number(cut->bound);
  }
  out.byte(static_cast<std::uint8_t>((state_.drift ? 1 : 0) | (state_.warning ? 2 : 0)));
}

bool HddmA::read(ByteReader& in) {
  state_.all.read(in);
  for (Bounded* const cut : {&state_.lowest, &state_.highest}) {
    cut->mean.read(in);
    cut->bound = in.number();
  }
  const std::uint8_t flags = in.byte();
  state_.drift = (flags & 1) != 0;
  state_.warning = (flags & 2) != 0;
  return in.ok();
}

}  // namespace driftd
