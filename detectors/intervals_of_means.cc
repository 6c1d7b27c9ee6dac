#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "detectors/intervals.h"

namespace driftd {
namespace {

[[nodiscard]] double student_quantile(double rows) {
  return boost::math::quantile(boost::math::complement(boost::math::students_t(rows - 1), kTail));
}

// The standard error of the mean; 0 where it is not defined.
[[nodiscard]] double standard_error(const Moments& rows) {
  if (rows.count < 2 || !std::isfinite(rows.squares)) return 0;
  const auto n = static_cast<double>(rows.count);
  return std::sqrt(rows.squares / (n - 1) / n);
}

}  // namespace

std::optional<Interval> mean_interval(const Moments& rows) {
  const double error = standard_error(rows);
  if (!(error > 0)) return std::nullopt;
  const double half = student_quantile(static_cast<double>(rows.count)) * error;
  return containing(rows.mean, rows.mean - half, rows.mean + half);
}

std::optional<Interval> positive_mean_interval(const Moments& rows) {
  const double error = standard_error(rows);
  if (!(error > 0 && rows.mean > 0)) return std::nullopt;
  const double factor =
      std::exp(student_quantile(static_cast<double>(rows.count)) * error / rows.mean);
  return containing(rows.mean, rows.mean / factor, rows.mean * factor);
}

std::optional<Interval> log_loss_interval(const Moments& rows, double certain, double wrong) {
  const std::optional<Interval> plain = positive_mean_interval(rows);
  if (certain == 0) return plain;
  const auto n = static_cast<double>(rows.count);
  Moments others;
  others.count = rows.count - static_cast<std::uint64_t>(wrong);
  const auto left = static_cast<double>(others.count);
  if (left > 0) others.mean = (n * rows.mean - wrong * kLargestLogLoss) / left;
  others.squares = std::max(0.0, rows.squares + n * rows.mean * rows.mean -
                                     wrong * kLargestLogLoss * kLargestLogLoss -
                                     left * others.mean * others.mean);
  const Part parts[] = {{others.mean, positive_mean_interval(others), left / n},
                        {wrong / certain, wilson(wrong, certain), kLargestLogLoss * certain / n}};
  const std::optional<Interval> sum = weighted_sum_interval(parts);
  return sum ? containing(rows.mean, std::max(0.0, sum->low), sum->high) : plain;
}

std::optional<Interval> r2_interval(const RegressionPerformance& p) {
  const auto n = static_cast<double>(p.actual.count);
  const double unexplained = p.squared_error.mean;
  const double spread = p.actual.population_variance();
  if (p.actual.count < 3 || !(unexplained > 0 && spread > 0)) return std::nullopt;
  // With r = mean(u) / mean(d^2), the influence of a row on log r is
  // u / mean(u) - d^2 / mean(d^2); that the mean in d is estimated has no effect of first order.
  const double of_errors = p.squared_error.population_variance() / (unexplained * unexplained);
  const double of_spread = p.shape.fourth / n / (spread * spread) - 1;
  const double of_both =
      p.shape.squared_error_by_deviation_squared / n / (unexplained * spread) - 1;
  const double variance = (of_errors + of_spread - 2 * of_both) / (n - 1);
  if (!(variance > 0)) return std::nullopt;
  const double factor = std::exp(student_quantile(n) * std::sqrt(variance));
  const double ratio = unexplained / spread;
  return containing(1 - ratio, 1 - ratio * factor, 1 - ratio / factor);
}

}  // namespace driftd
