// Traffic whose drift is known, for measuring false alarms and delays: families of stable streams,
// and shifts that are put on them.
//
// A latent normal value of an event is season + level + noise of standard deviation 1; the family's
// shape turns it into what the column holds, so that shifts are in standard deviations of the
// latent value whatever the shape is. Levels are an AR(1) over windows, one a feature. Everything
// is a pure function of family, seed and number of the window; a copy goes on as the original
// would. Thread rule: one owner. Allocation rule: a window's columns. Cannot fail.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "bench/event_generator.h"
#include "core/clock.h"

namespace driftd {

enum class Shape : std::uint8_t { normal, cauchy, lognormal, ten_values };

struct Family {
  std::string_view name;
  int numeric = 20;
  int categorical = 0;
  int history_days = 30;
  int events = 200;      // a window
  int min_samples = 30;  // fewer values in a window are insufficient_data
  int least_events = 0;  // above 0: from this to 10 times it through the day
  double level_sd = 0;   // of the levels, from window to window
  double rho = 0.8;      // their memory
  double live_rho = -1;  // of live traffic, where it differs
  double walk = 0;       // above 0: levels are random walks between +- this
  double daily = 0;      // amplitude
  double weekly = 0;     // how much lower weekends are
  Shape shape = Shape::normal;
  double missing = 0;      // share of missing values
  double correlation = 0;  // between features: of events and of levels
  std::int64_t step = 3'600'000;
  int seeds = 16;              // in a full run
  bool without_times = false;  // a reference of 5,000 rows, no history
  bool holidays = false;       // every tenth live day is a Sunday
  bool clock_change = false;   // live seasons come an hour earlier from the 21st day on
  bool in_mean = true;         // counts towards the mean over families
  bool rivals = true;          // judged by the usual rules, too; not where that takes minutes
};

[[nodiscard]] std::span<const Family> families();

enum class ShiftKind : std::uint8_t {
  none,
  sd_01,
  sd_02,
  sd_03,
  sd_05,
  sd_1,
  variance,
  all_005,
  ramp,
  share,
  missing
};
inline constexpr int kShiftKinds = 11;
[[nodiscard]] const char* to_string(ShiftKind kind);

struct Shift {
  ShiftKind kind = ShiftKind::none;
  int feature = 0;  // numeric; categories and missing values shift in the first such column
};

// One column a feature, the numeric ones first; NaN marks of core/event_batch.h where missing, and
// codes 0 to 4 in categorical ones.
using Columns = std::vector<std::vector<double>>;
inline constexpr int kCategories = 5;

class SimulatedTraffic {
 public:
  SimulatedTraffic(const Family& family, std::uint64_t seed);

  [[nodiscard]] TimeMs next_start() const { return start_; }
  // The next window. `events` above 0 wins over the family's number; `since`: windows since the
  // shift began, from 0.
  void next(Columns& columns, bool live, int events = 0, const Shift& shift = {}, int since = 0);
  // Another stream of events, and the same of levels up to here.
  void reseed(std::uint64_t seed);

 private:
  void move_levels(bool live);
  [[nodiscard]] double season(int feature, bool live) const;

  const Family* family_;
  TrafficRandom events_;
  TrafficRandom levels_;
  std::vector<double> level_;
  std::vector<double> phase_;
  double common_level_ = 0;
  TimeMs start_;
  std::int64_t live_windows_ = 0;
};

}  // namespace driftd
