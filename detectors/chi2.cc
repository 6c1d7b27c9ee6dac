#include "detectors/chi2.h"

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

#include "detectors/bins.h"

namespace driftd {
namespace {

// Nothing of Boost.Math may throw here: out of range gives 0 or infinity.
using QuietPolicy = boost::math::policies::policy<
    boost::math::policies::domain_error<boost::math::policies::ignore_error>,
    boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::underflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;

}  // namespace

Outcome chi2(const CategoryReference& reference, const CategorySummary& current) {
  const BinCounts bins = bin_counts(reference, current);
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(bins.current_total);
  if (bins.current_total == 0 || bins.reference_total == 0) return outcome;
  const double rows[2] = {static_cast<double>(bins.reference_total),
                          static_cast<double>(bins.current_total)};
  const double all = rows[0] + rows[1];
  double sum = 0;
  int used = 0;
  for (std::size_t i = 0; i < bins.current.size(); ++i) {
    const double column = static_cast<double>(bins.reference[i] + bins.current[i]);
    if (column == 0) continue;
    ++used;
    const double observed[2] = {static_cast<double>(bins.reference[i]),
                                static_cast<double>(bins.current[i])};
    for (int row = 0; row < 2; ++row) {
      const double expected = rows[row] * column / all;
      sum += (observed[row] - expected) * (observed[row] - expected) / expected;
    }
  }
  outcome.statistic = used <= 1 ? 0 : sum;
  outcome.p_value =
      used <= 1 ? 1.0 : boost::math::gamma_q((used - 1) / 2.0, sum / 2, QuietPolicy());
  outcome.effect = std::sqrt(*outcome.statistic * all / (rows[0] * rows[1]));
  return outcome;
}

}  // namespace driftd
