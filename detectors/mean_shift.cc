#include "detectors/mean_shift.h"

#include <cmath>

#include "detectors/distributions.h"

namespace driftd {

Outcome mean_shift(const NumericComparison& samples) {
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(samples.ranks.current_total);
  const Moments& reference = samples.reference.moments;
  const Moments& current = samples.current.moments;
  if (reference.count < 2 || current.count < 2 ||
      samples.reference.non_finite + samples.current.non_finite > 0) {
    return outcome;
  }
  const auto m = static_cast<double>(reference.count);
  const auto n = static_cast<double>(current.count);
  const double reference_variance = reference.squares / (m - 1);
  const double current_variance = current.squares / (n - 1);
  const double reference_part = reference_variance / m;
  const double current_part = current_variance / n;
  const double squared_error = reference_part + current_part;
  const double difference = current.mean - reference.mean;
  const double t = difference / std::sqrt(squared_error);
  if (!(squared_error > 0) || !std::isfinite(squared_error) || !std::isfinite(t)) return outcome;
  outcome.statistic = t;
  // Divided by the whole first: the squares of tiny variances would vanish.
  const double reference_share = reference_part / squared_error;
  const double current_share = current_part / squared_error;
  const double degrees_of_freedom =
      1 / (reference_share * reference_share / (m - 1) + current_share * current_share / (n - 1));
  outcome.p_value = student_t_two_sided(t, degrees_of_freedom);
  outcome.effect = std::abs(difference) / std::sqrt(reference_variance / 2 + current_variance / 2);
  return outcome;
}

}  // namespace driftd
