// A sum of doubles with twice their digits.
//
// The sum of k values near 10^15 that differ by ones keeps their differences, which a double alone
// would lose; sums of parts added in any order agree to nearly as many digits. Thread rule: one
// owner. Allocation rule: none. Failure rule: none; beyond a double's range it is infinite or NaN,
// and `is_finite` says so. Source: Knuth, The Art of Computer Programming 2, 4.2.2, theorem B.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/byte_stream.h"

namespace driftd {

struct ExactSum {
  double high = 0;
  double low = 0;  // what `high` has lost to rounding

  void add(double value) {
    const double sum = high + value;
    const double part = sum - high;
    low += (high - (sum - part)) + (value - part);
    high = sum;
  }
  void add(double value, std::uint64_t times) {
    const auto count = static_cast<double>(times);
    const double product = value * count;
    low += std::fma(value, count, -product);
    add(product);
  }
  void add(const ExactSum& other) {
    low += other.low;
    add(other.high);
  }
  [[nodiscard]] bool is_finite() const { return std::isfinite(high) && std::isfinite(low); }
  [[nodiscard]] double value() const { return high + low; }
  // The sum of (from - x) over the `count` values x that were added.
  [[nodiscard]] double distance_from(double from, std::uint64_t count) const {
    return std::fma(from, static_cast<double>(count), -high) - low;
  }

  void write(ByteWriter& out) const {
    out.number(high);
    out.number(low);
  }
  [[nodiscard]] static ExactSum read(ByteReader& in) {
    ExactSum sum;
    sum.high = in.number();
    sum.low = in.number();
    return sum;
  }
};

}  // namespace driftd
