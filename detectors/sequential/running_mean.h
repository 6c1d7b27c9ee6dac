// Mean and sum of squared deviations of a stream, updated value by value.
//
// mean_n = mean_{n-1} + (x - mean_{n-1}) / n, in the order of operations of River's stats.Mean and
// stats.Var, because detectors that compare such means fire one value earlier or later when a last
// bit differs. Sources: West (1979), Comm. ACM 22(9); Welford (1962), Technometrics 4(3).
// Thread rule: plain values. Allocation rule: none. Failure rule: none; numbers beyond a double's
// range make the state infinite or NaN, which its user looks for.
#pragma once

#include "core/byte_stream.h"

namespace driftd {

struct RunningMean {
  double n = 0;  // a double, because it divides: exact up to 2^53
  double mean = 0;

  void update(double x) {
    n += 1;
    mean += (1.0 / n) * (x - mean);
  }

  void write(ByteWriter& out) const {
    out.number(n);
    out.number(mean);
  }
  void read(ByteReader& in) {
    n = in.number();
    mean = in.number();
  }
};

struct RunningVariance {
  RunningMean mean;
  double squares = 0;  // sum of (x - mean)^2

  void update(double x) {
    const double before = mean.mean;
    mean.update(x);
    squares += (x - before) * (x - mean.mean);
  }
  // With the divisor n - 1; 0 below two values.
  [[nodiscard]] double variance() const { return mean.n > 1 ? squares / (mean.n - 1) : 0.0; }

  void write(ByteWriter& out) const {
    mean.write(out);
    out.number(squares);
  }
  void read(ByteReader& in) {
    mean.read(in);
    squares = in.number();
  }
};

}  // namespace driftd
