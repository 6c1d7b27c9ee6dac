#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>

#include "detectors/intervals.h"

namespace driftd {
namespace {

using Entries = std::span<const ValueCounts::Entry>;

// Newcombe's method 5: the AUC values whose Hanley-McNeil variance makes the estimate unsurprising,
// with N* = (m + n) / 2 - 1 in place of m - 1 and n - 1 in it.
[[nodiscard]] double newcombe_distance(double auc, double value, double positives,
                                       double negatives) {
  const double pairs = positives * negatives;
  const double middle = (positives + negatives) / 2 - 1;
  const double variance =
      auc * (1 - auc) / pairs * (1 + middle * ((1 - auc) / (2 - auc) + auc / (1 + auc)));
  return std::abs(auc - value) - kNormalQuantile * std::sqrt(std::max(0.0, variance));
}

[[nodiscard]] Interval newcombe(double value, double positives, double negatives) {
  // The distance is below 0 at the value and above 0 beyond the end of the interval.
  const auto end = [&](double outside) {
    double inside = value;
    for (int step = 0; step < 60; ++step) {
      const double middle = (inside + outside) / 2;
      (newcombe_distance(middle, value, positives, negatives) > 0 ? outside : inside) = middle;
    }
    return inside;
  };
  return {value <= 0 ? 0 : end(0), value >= 1 ? 1 : end(1)};
}

// P(B <= k) for B binomial of n trials.
[[nodiscard]] double binomial_at_most(std::int64_t k, double n, double q) {
  if (k < 0) return 0;
  const auto successes = static_cast<double>(k);
  if (successes >= n) return 1;
  return boost::math::ibetac(successes + 1, n - successes, q);
}

// The smallest rank r in [1, n + 1] at which the rising `holds` holds.
template <typename Holds>
[[nodiscard]] std::uint64_t first_rank(std::uint64_t n, Holds holds) {
  std::uint64_t from = 1;
  std::uint64_t to = n + 1;
  while (from < to) {
    const std::uint64_t middle = from + (to - from) / 2;
    if (holds(middle)) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  return from;
}

// Ranks are whole, so that no tail is exactly 2.5 %: the nearer one is taken, and beyond 2.5 % only
// as long as both tails together stay below 7 %.
[[nodiscard]] bool is_nearer(double above, double below) {
  constexpr double kLargestTail = 0.035;
  return above <= kLargestTail && above - kTail < kTail - below;
}

[[nodiscard]] double value_at_rank(Entries sorted, std::uint64_t rank) {
  std::uint64_t below = 0;
  for (const ValueCounts::Entry& entry : sorted) {
    below += entry.count[0];
    if (below >= rank) return entry.value;
  }
  return sorted.back().value;
}

// Sums of values that come many times each.
struct Deviations {
  double sum = 0;
  double squares = 0;

  void add(double value, double times) {
    sum += times * value;
    squares += times * value * value;
  }
};

struct RowsByKind {
  double negatives = 0;
  double positives = 0;
};
[[nodiscard]] RowsByKind rows_by_kind(Entries sorted) {
  RowsByKind rows;
  for (const ValueCounts::Entry& entry : sorted) {
    rows.negatives += entry.count[0];
    rows.positives += entry.count[1];
  }
  return rows;
}

}  // namespace

std::optional<RankEstimate> delong(Entries sorted) {
  const auto [negatives, positives] = rows_by_kind(sorted);
  if (positives == 0 || negatives == 0) return std::nullopt;
  double negatives_below = 0;
  double positives_below = 0;
  double wins = 0;              // pairs in which the positive scores higher, ties one half
  double positive_squares = 0;  // sums of squared placements: of each positive among the negatives
  double negative_squares = 0;
  for (const ValueCounts::Entry& entry : sorted) {
    const double of_positive = negatives_below + entry.count[0] / 2.0;
    const double of_negative = positives - positives_below - entry.count[1] / 2.0;
    wins += entry.count[1] * of_positive;
    positive_squares += entry.count[1] * std::pow(of_positive / negatives, 2);
    negative_squares += entry.count[0] * std::pow(of_negative / positives, 2);
    negatives_below += entry.count[0];
    positives_below += entry.count[1];
  }
  RankEstimate estimate{wins / (positives * negatives), 0};
  if (positives < 2 || negatives < 2) return estimate;
  const double square = estimate.value * estimate.value;
  const double of_positives = (positive_squares / positives - square) / (positives - 1);
  const double of_negatives = (negative_squares / negatives - square) / (negatives - 1);
  estimate.variance = std::max(0.0, of_positives) + std::max(0.0, of_negatives);
  // Placements that are all equal leave a rounding error behind.
  constexpr double kRounding = 1e-15;
  if (estimate.variance < kRounding / std::min(positives, negatives)) estimate.variance = 0;
  return estimate;
}

std::optional<Interval> auc_interval(const RankEstimate& auc, double positives, double negatives) {
  if (auc.variance > 0) return logit_interval(auc.value, auc.variance);
  const Interval interval = newcombe(auc.value, positives, negatives);
  return containing(auc.value, interval.low, interval.high);
}

std::optional<Interval> average_precision_interval(Entries sorted) {
  const auto [negatives, positives] = rows_by_kind(sorted);
  if (positives == 0 || negatives == 0) return std::nullopt;
  // With T_j positives and N_j rows at or above score j, and c_j positives at it, the value is
  // A / P, A = sum_j c_j T_j / N_j. Without a negative at g, every j at or below g has
  // T_j / (N_j - 1); without a positive there (T_j - 1) / (N_j - 1), and one such term less.
  double area = 0;
  double found = positives;
  double taken = positives + negatives;
  for (const ValueCounts::Entry& entry : sorted) {
    area += entry.count[1] * (found / taken);
    found -= entry.count[1];
    taken -= static_cast<double>(entry.count[0]) + entry.count[1];
  }
  const double value = area / positives;
  if (value >= 1 || positives < 2) return wilson(positives * value, positives);
  Deviations left_out;
  double of_all = 0;            // sum over the scores up to g of c_j T_j / N_j
  double without_positive = 0;  // of c_j (T_j - 1) / (N_j - 1)
  double without_negative = 0;  // of c_j T_j / (N_j - 1)
  found = positives;
  taken = positives + negatives;
  for (const ValueCounts::Entry& entry : sorted) {  // from the lowest score upwards
    // Where there is one row only, it has no others: then c_j = 0, or nothing is left out of it.
    const double others = std::max(taken - 1, 1.0);
    of_all += entry.count[1] * (found / taken);
    without_positive += entry.count[1] * ((found - 1) / others);
    without_negative += entry.count[1] * (found / others);
    left_out.add((area - of_all + without_negative) / positives - value, entry.count[0]);
    left_out.add(
        (area - of_all + without_positive - (found - 1) / others) / (positives - 1) - value,
        entry.count[1]);
    found -= entry.count[1];
    taken -= static_cast<double>(entry.count[0]) + entry.count[1];
  }
  const double n = positives + negatives;
  const double variance = (n - 1) / n * (left_out.squares - left_out.sum * left_out.sum / n);
  const double degrees = std::max(1.0, std::min(positives, negatives) - 1);
  const double quantile =
      boost::math::quantile(boost::math::complement(boost::math::students_t(degrees), kTail));
  const std::optional<Interval> interval = logit_interval(value, variance, quantile);
  return interval ? interval : wilson(positives * value, positives);
}

std::optional<Interval> quantile_interval(Entries sorted, double q) {
  std::uint64_t n = 0;
  for (const ValueCounts::Entry& entry : sorted) n += entry.count[0];
  if (n == 0) return std::nullopt;
  const auto trials = static_cast<double>(n);
  // Fewer than r values lie at or below the quantile with the probability miss_below(r): the r-th
  // one is above it then. At least r lie below it with miss_above(r) at most.
  const auto miss_below = [&](std::uint64_t r) {
    return binomial_at_most(static_cast<std::int64_t>(r) - 1, trials, q);
  };
  const auto miss_above = [&](std::uint64_t r) { return 1 - miss_below(r); };
  std::uint64_t low = first_rank(n, [&](std::uint64_t r) { return miss_below(r) > kTail; }) - 1;
  if (low < n && is_nearer(miss_below(low + 1), low == 0 ? 0 : miss_below(low))) ++low;
  std::uint64_t high = first_rank(n, [&](std::uint64_t r) { return miss_above(r) <= kTail; });
  if (high > 1 && is_nearer(miss_above(high - 1), high > n ? 0 : miss_above(high))) --high;
  if (low == 0 || high > n) return std::nullopt;
  return Interval{value_at_rank(sorted, low), value_at_rank(sorted, high)};
}

}  // namespace driftd
