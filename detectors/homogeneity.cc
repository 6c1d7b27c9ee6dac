#include "detectors/homogeneity.h"

#include <cmath>

#include "detectors/distributions.h"

namespace driftd {
namespace {

__extension__ using Wide = __int128;

// (1 + x) ln(1 + x) - x, which is never negative; near 0 its series, because the two would cancel.
[[nodiscard]] double excess(double x) {
  constexpr double kClose = 0.01;
  constexpr int kTerms = 9;
  if (std::abs(x) < kClose) {
    // sum over k >= 2 of (-x)^k / (k (k - 1)), from the last term to the first.
    double series = 0;
    for (int k = kTerms; k >= 2; --k) series = series * -x + 1.0 / (k * (k - 1));
    return series * x * x;
  }
  return x <= -1 ? 1 : (1 + x) * std::log1p(x) - x;
}

// What a cell adds to the statistic, from its expected count and (observed - expected) / expected.
using Cell = double (*)(double expected, double off);

[[nodiscard]] Outcome outcome_of(const BinCounts& bins, Cell cell) {
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(bins.current_total);
  if (bins.is_empty()) return outcome;
  const auto reference_rows = static_cast<double>(bins.reference_total);
  const auto rows = static_cast<double>(bins.current_total);
  const double all = reference_rows + rows;
  double sum = 0;
  int used = 0;
  for (std::size_t i = 0; i < bins.current.size(); ++i) {
    const double column = static_cast<double>(bins.reference[i] + bins.current[i]);
    if (column == 0) continue;
    ++used;
    // observed - expected, the same for both samples but for its sign; as whole numbers, so that
    // equal shares give exactly 0.
    const Wide cross = static_cast<Wide>(bins.reference[i]) * bins.current_total -
                       static_cast<Wide>(bins.current[i]) * bins.reference_total;
    const double off = static_cast<double>(cross) / all;
    const double expected_reference = reference_rows * column / all;
    const double expected = rows * column / all;
    sum += cell(expected_reference, off / expected_reference) + cell(expected, -off / expected);
  }
  outcome.statistic = used <= 1 ? 0 : sum;
  outcome.p_value = used <= 1 ? 1.0 : chi_squared_sf(sum, used - 1);
  outcome.effect = std::sqrt(*outcome.statistic * all / (reference_rows * rows));
  return outcome;
}

}  // namespace

Outcome chi2(const BinCounts& bins) {
  return outcome_of(bins, [](double expected, double off) { return expected * off * off; });
}

// The deviations of a sample add up to nothing, so that x may be taken from each (1 + x) ln(1 + x):
// what is left is a sum of terms none of which is negative.
Outcome g_test(const BinCounts& bins) {
  return outcome_of(bins, [](double expected, double off) { return 2 * expected * excess(off); });
}

}  // namespace driftd
