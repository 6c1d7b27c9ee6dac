#include "detectors/share_distances.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace driftd {
namespace {

[[nodiscard]] double magnitude(double p, double q) { return std::abs(p - q); }

[[nodiscard]] double root_distance(double p, double q) {
  const double difference = std::sqrt(p) - std::sqrt(q);
  return difference * difference;
}

// p ln(2p/(p+q)) + q ln(2q/(p+q)).
[[nodiscard]] double js_term(double p, double q) {
  const double sum = p + q;
  if (sum == 0) return 0;
  // With d = (p - q)/(p + q) it is (p + q)/2 ((1 + d) ln(1 + d) + (1 - d) ln(1 - d)), whose two
  // summands nearly cancel where the shares are close; the series is sum of d^2k / (k (2k - 1)).
  constexpr double kClose = 0.1;
  constexpr int kTerms = 8;  // 0.1^18 / 153 is below a double's last digit of 0.1^2
  const double d = (p - q) / sum;
  if (std::abs(d) < kClose) {
    double series = 0;
    for (int k = kTerms; k >= 1; --k) series = (series + 1.0 / (k * (2 * k - 1))) * d * d;
    return sum / 2 * series;
  }
  const auto part = [&](double share) {
    return share == 0 ? 0 : share * std::log(2 * share / sum);
  };
  return part(p) + part(q);
}

// A sum over the bins, and how much larger it may be than the lumped bins show.
struct Total {
  double sum = 0;
  double hidden = 0;
};

// `term`: what a bin adds; categories that share a bin add most where none is in both samples.
[[nodiscard]] Total total_of(const BinCounts& bins, double (*term)(double p, double q)) {
  Total total;
  for (std::size_t i = 0; i < bins.current.size(); ++i) total.sum += term(bins.p(i), bins.q(i));
  for (const std::size_t i : bins.lumped) {
    total.hidden += term(bins.p(i), 0) + term(0, bins.q(i)) - term(bins.p(i), bins.q(i));
  }
  return total;
}

[[nodiscard]] Outcome outcome_of(const BinCounts& bins, double (*term)(double p, double q),
                                 double (*finish)(double sum)) {
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(bins.current_total);
  if (bins.is_empty()) return outcome;
  const Total total = total_of(bins, term);
  outcome.statistic = finish(total.sum);
  outcome.bound = bound_of(finish(total.sum + total.hidden) - *outcome.statistic);
  return outcome;
}

}  // namespace

Outcome js(const BinCounts& bins) {
  return outcome_of(bins, js_term, [](double sum) {
    return std::min(1.0, std::sqrt(sum / (2 * std::numbers::ln2)));
  });
}

Outcome hellinger(const BinCounts& bins) {
  return outcome_of(bins, root_distance,
                    [](double sum) { return std::min(1.0, std::sqrt(sum / 2)); });
}

Outcome tv(const BinCounts& bins) {
  return outcome_of(bins, magnitude, [](double sum) { return std::min(1.0, sum / 2); });
}

Outcome linf(const BinCounts& bins) {
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(bins.current_total);
  if (bins.is_empty()) return outcome;
  // A bin of several categories says nothing of one, except that it cannot be larger.
  double largest = 0;
  double hidden = 0;
  for (std::size_t i = 0; i < bins.current.size(); ++i) {
    if (std::ranges::find(bins.lumped, i) == bins.lumped.end())
      largest = std::max(largest, magnitude(bins.p(i), bins.q(i)));
  }
  for (const std::size_t i : bins.lumped) hidden = std::max({hidden, bins.p(i), bins.q(i)});
  outcome.statistic = largest;
  outcome.bound = bound_of(hidden - largest);
  return outcome;
}

}  // namespace driftd
