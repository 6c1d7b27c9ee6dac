// Whether a window's share exceeds the reference's, and whether two counts differ. The interval of
// a share itself is Wilson's (intervals.h).
//
// Thread rule: pure. Allocation rule: none. Failure rule: what is not defined (nothing was counted)
// is an empty optional.
#pragma once

#include <cstdint>
#include <optional>

#include "detectors/intervals.h"

namespace driftd {

// `part` of `whole`, part <= whole.
struct Share {
  std::uint64_t part = 0;
  std::uint64_t whole = 0;

  [[nodiscard]] double value() const {
    return static_cast<double>(part) / static_cast<double>(whole);
  }
};

// The exact 95 % interval of a Poisson mean of which `count` were seen: Garwood (1936),
// Biometrika 28.
[[nodiscard]] Interval count_interval(std::uint64_t count);

// The chance that the window would hold at least its part if it and the reference were drawn from
// the same rows: Fisher's exact test, one-sided (Fisher 1935; SciPy's fisher_exact with
// alternative="greater"). It is exact for tiny shares, too, where a normal approximation at the
// levels used here would be wrong by orders of magnitude. Empty where one of them has no rows.
[[nodiscard]] std::optional<double> exceeds_p_value(const Share& window, const Share& reference);

// Cohen's h = 2 asin(sqrt(a)) - 2 asin(sqrt(b)), a distance of shares on which 0 and 1 % lie as far
// apart as 50 % and 60 %: Cohen (1988), Statistical Power Analysis, chapter 6. 0.2 is called small.
[[nodiscard]] double cohens_h(double a, double b);

// The chance, two-sided and at most 1, of two Poisson counts over equal times that differ at least
// as much, if their means are equal: the conditional test, Przyborowski and Wilenski (1940),
// Biometrika 31.
[[nodiscard]] double same_rate_p_value(std::uint64_t a, std::uint64_t b);

}  // namespace driftd
