// What a baseline has learnt for the false-alarm budget of one monitor: expected values, noise,
// memory and the threshold. Made by budget_fit.h, used by budget_state.h; inspectable and storable.
//
// Thread rule: immutable once made, shared. Allocation rule: when made or read. Failure rule:
// `read` refuses damaged bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/byte_stream.h"
#include "core/clock.h"
#include "detectors/calibration/combined.h"
#include "detectors/calibration/level_noise.h"
#include "detectors/calibration/memory.h"
#include "detectors/calibration/points.h"
#include "detectors/calibration/scan.h"
#include "detectors/calibration/season.h"
#include "detectors/calibration/threshold.h"

namespace driftd {

struct BudgetOptions {
  // Alerts per window that this monitor may raise; see budget_per_window below.
  double budget = 0;
  // From one window's start to the next one's. 0: windows by count, which are
  // told apart by their numbers and have no seasons.
  DurationMs step = 0;
  // A series' window with fewer events is insufficient_data; at least 2.
  std::uint64_t min_samples = 30;
  // The least |mean of X - P| over the windows that fire: in standard deviations of normal scores
  // for location, of their cube root for spread, and in share points.
  double min_effect = 0.05;
  double min_spread_effect = 0.05;
  double min_share_effect = 0.01;
  bool only_rises = false;  // a fall is never significant: of errors, fewer are no trouble
  // Before windows have been learnt from, in standard deviations of an event: how far levels are
  // taken to move by themselves, and the least effect over fewer than 24 windows and over more.
  double assumed_level_sd = 0.1;
  double assumed_effect = 1;
  double assumed_long_effect = 0.5;

  bool operator==(const BudgetOptions&) const = default;
};

// "alerts per period" as alerts per window of one monitor: `monitors` is how many versions and
// segments share the budget. A window by count has no period of its own; there `step` is how long a
// window usually takes.
[[nodiscard]] double budget_per_window(double alerts, DurationMs period, DurationMs step,
                                       std::size_t monitors = 1);

enum class Learnt : std::uint8_t {
  fitted,           // from the history
  assumed,          // from the reference's rows; its noise is an assumption until windows are seen
  too_few_windows,  // fewer than kLeastWindows with enough events: not watched
  too_few_rows,     // the reference itself has fewer than `min_samples`: not watched
  no_variance,      // spread only: the column hardly varies within a window: not watched
};

[[nodiscard]] constexpr bool is_watched(Learnt learnt) {
  return learnt == Learnt::fitted || learnt == Learnt::assumed;
}

struct SeriesModel {
  SeriesSpec spec;
  Learnt learnt = Learnt::too_few_windows;
  double event_variance = 1;  // v: of X, of one event
  double level_variance = 0;  // lam2
  double mean_n = 0;          // events of a usable window
  std::uint64_t windows = 0;  // T: usable ones of the history; 0 where nothing was estimated
  double anchor_rows = 0;     // M: rows that the mean was taken from; 0: the history's own mean
  ExpectedValues expected;    // P
  Memory memory;
  SteadyFilter filter;
  SeriesScan scan;  // made from the above

  [[nodiscard]] bool share() const { return is_share(spec.kind); }
  [[nodiscard]] double expected_at(TimeMs start) const;
  // (X - P) / sqrt(lam2 + v / n); `value` as in Point.
  [[nodiscard]] double standardised(double value, double n, double expected) const;
  void make_scan();
};

struct BudgetModel {
  BudgetOptions options;
  std::vector<SeriesModel> series;
  CombinedModel combined;
  Threshold threshold;
  std::uint64_t windows = 0;  // of the history that had any usable series
  std::uint64_t watched = 0;  // series that are judged
  // S: those of them that vary. A share that was 0 (or 1) throughout the history does not alert by
  // chance, so it takes nothing from the budget of the others.
  std::uint64_t varying = 0;
  SeasonLevel deepest = SeasonLevel::all;
  int scales = 0;
  bool assumed = false;  // nothing was learnt from windows: the learning week's larger effects hold

  // The least effect that a series must show over w windows, see Point for the unit.
  [[nodiscard]] double least_effect(const SeriesModel& model, int w) const;
  // The threshold for another budget per window, as when more monitors share it. Exact where the
  // tail was not used, else by the same tail.
  void spend(double budget);
  [[nodiscard]] double looks() const;
  [[nodiscard]] double p_value(double z) const;

  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, BudgetModel& out);
};

// What could not be learnt, why, and what that costs: whole sentences for `baseline show`.
[[nodiscard]] std::vector<std::string> limitations(const BudgetModel& model);

}  // namespace driftd
