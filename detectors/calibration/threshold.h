// The threshold that keeps the budget: from the tail of the history's own maxima, held against
// theory.
//
// y_t = max of Z^2 / 2 over series, scales and Z_all has a tail that is near exponential with slope
// 1. Exceedances less than 13 windows apart are one episode. lo = the highest level that r episodes
// reach, r = min(15, max(5, T / 24)) and at least the K = b T that the budget allows in the
// history; s = sum (peak - lo) / (r - 1); tail = lo + s (r - 1) ((r / K)^(1 / (r - 1)) - 1), whose
// expected rate is the budget exactly where the tail is exponential (the plug-in s ln(r / K)
// overspends). theory = u^2 / 2 with 2 S (1 + 0.7 (scales - 1)) Phi(-u) = b, S series. threshold =
// tail + max(0, theory - tail) / 2; theory alone where the history has fewer than r episodes.
// Where K < 0.2 (a history of less than 6 days of 30) theory is that of half the budget. Source:
// peaks over a threshold, Davison and Smith (1990), J. Royal Stat. Soc. B 52, with the predictive
// quantile of an exponential sample.
//
// Thread rule: pure. Allocation rule: by the history, in the fit only. Cannot fail.
#pragma once

#include <cstddef>
#include <span>

namespace driftd {

// An alert ends after so many windows without drift, and the history's episodes are told apart by
// the same.
inline constexpr int kQuietWindows = 12;

struct Threshold {
  double value = 0;    // on Z^2 / 2
  double theory = 0;   // what independent normal series would need
  double tail = 0;     // what the history's tail says; 0 where it has too few episodes
  double low = 0;      // lo
  double slope = 0;    // s
  int episodes = 0;    // r; 0 where the tail was not used
  double windows = 0;  // T: of the history, those without events included; 0 without one

  // The limit on |Z|.
  [[nodiscard]] double limit() const;
  // What the same tail and theory say for another budget.
  void spend(double looks, double budget);
};

// `looks`: S (1 + 0.7 (scales - 1)), see below. `maxima`: y_t by window, in the order of time; none
// where there is no history.
[[nodiscard]] Threshold fit_threshold(std::span<const double> maxima, double looks, double budget);

// How many independent looks a window's scan is worth.
[[nodiscard]] double looks(std::size_t series, int scales);

// The probability that a stable window reaches |Z| = z in some series: 2 looks Phi(-|z|), at
// most 1.
[[nodiscard]] double p_value(double z, double looks);

}  // namespace driftd
