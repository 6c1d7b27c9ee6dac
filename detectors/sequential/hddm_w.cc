#include "detectors/sequential/hddm_w.h"

#include <cmath>

namespace driftd {
namespace {

// River squares 1 - lambda by Python's `** 2`, which is C's pow and not always x * x to the last
// bit; the compiler would make a product of an exponent that it knows.
[[nodiscard]] double squared_by_pow(double x) {
  volatile double exponent = 2;
  return std::pow(x, exponent);
}

}  // namespace

HddmW::HddmW(const SequentialSettings& settings)
    : lambda_(settings.number("lambda_val")),
      rest_(1.0 - lambda_),
      lambda_squared_(lambda_ * lambda_),
      rest_squared_(squared_by_pow(1.0 - lambda_)),
      log_drift_(std::log(1 / settings.number("drift_confidence"))),
      log_warning_(std::log(1 / settings.number("warning_confidence"))),
      two_sided_(settings.flag("two_sided_test")) {}

void HddmW::add(Average& average, double x) const {
  average.mean = average.begun ? lambda_ * x + rest_ * average.mean : x;
  average.begun = true;
  average.weights = lambda_squared_ + rest_squared_ * average.weights;
}

double HddmW::bound(double weights, double log_confidence) {
  return std::sqrt(weights * log_confidence / 2);
}

bool HddmW::above(const Average& low, const Average& high, double log_confidence) {
  return low.begun && high.begun &&
         high.mean - low.mean > bound(low.weights + high.weights, log_confidence);
}

void HddmW::update(double error) {
  if (state_.drift) reset();
  State& s = state_;
  add(s.all, error);
  const double eps = bound(s.all.weights, log_drift_);
  if (s.all.mean + eps < s.lowest) {
    s.lowest = s.all.mean + eps;
    s.before_rise = s.all;
    s.after_rise = {};
  } else {
    add(s.after_rise, error);
  }
  s.drift = above(s.before_rise, s.after_rise, log_drift_);
  s.warning = !s.drift && above(s.before_rise, s.after_rise, log_warning_);
  if (!two_sided_) return;

  if (s.all.mean - eps > s.highest) {
    s.highest = s.all.mean - eps;
    s.before_fall = s.all;
    s.after_fall = {};
  } else {
    add(s.after_fall, error);
  }
  if (above(s.after_fall, s.before_fall, log_drift_)) {
    s.drift = true;
  } else if (above(s.after_fall, s.before_fall, log_warning_)) {
    s.warning = true;
  }
}

SequentialReading HddmW::reading() const {
  SequentialReading said;
  said.ready = state_.all.begun;
  if (state_.before_rise.begun && state_.after_rise.begun) {
    said.statistic = state_.after_rise.mean - state_.before_rise.mean;
    said.threshold = bound(state_.before_rise.weights + state_.after_rise.weights, log_drift_);
  }
  return said;
}

void HddmW::write(ByteWriter& out) const {
  const State& s = state_;
  for (const Average* const average :
       {&s.all, &s.before_rise, &s.after_rise, &s.before_fall, &s.after_fall}) {
    out.number(average->mean);
    out.number(average->weights);
    out.byte(average->begun ? 1 : 0);
  }
  out.number(s.lowest);
  out.number(s.highest);
  out.byte(static_cast<std::uint8_t>((s.drift ? 1 : 0) | (s.warning ? 2 : 0)));
}

bool HddmW::read(ByteReader& in) {
  State& s = state_;
  for (Average* const average :
       {&s.all, &s.before_rise, &s.after_rise, &s.before_fall, &s.after_fall}) {
    average->mean = in.number();
    average->weights = in.number();
    average->begun = in.byte() != 0;
  }
  s.lowest = in.number();
  s.highest = in.number();
  const std::uint8_t flags = in.byte();
  s.drift = (flags & 1) != 0;
  s.warning = (flags & 2) != 0;
  return in.ok();
}

}  // namespace driftd
