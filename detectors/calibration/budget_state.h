// The live side of the false-alarm budget of one monitor: takes the points of each window as it
// closes and says which series drift, since when, by how much and how unusual that is.
//
// State: the last 128 windows' points of each series and one filter level; everything else follows
// from them. A window may be revised while it is among the newest 64, because what it is judged by
// reaches 63 further back. A window in which no event came is one, too: memory fades over it, it is
// judged insufficient_data, and it neither drifts nor counts towards being healthy again; of a gap
// at most 128 are taken, and then nothing is left of what was before. The same holds, series by
// series, for a window with fewer than `min_samples` events.
//
// A step costs one filter step and 127 multiply-adds a series. Thread rule: one owner; the model is
// shared and immutable. Allocation rule: once a window. Failure rule: `read` refuses damaged bytes
// and those of another number of series; a revision that comes too late changes nothing and says
// so.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/byte_stream.h"
#include "core/clock.h"
#include "detectors/calibration/budget_model.h"

namespace driftd {

// How long a significant location is remembered for `unfamiliar`: 8 times the longest scale.
inline constexpr std::int64_t kWanderWindows = 512;
inline constexpr std::size_t kReplayWindows = 64;
// What is kept: those that may be revised, and what the oldest of them is judged by.
inline constexpr std::size_t kKeptWindows = kReplayWindows + kLongestScale;

struct SeriesVerdict {
  // The scan's most extreme scale among those that are significant, else among all. Empty:
  // insufficient_data, or a series that is not watched; everything else then says nothing.
  std::optional<double> z;
  double n = 0;   // events of the judged window
  int began = 0;  // w: "began w windows ago", counting the one judged
  // The same as it was first said of a drift that has been significant ever since: the scan alone
  // reaches no further back than 64 windows. As `began` where nothing is significant.
  std::int64_t lasting = 0;
  double limit = 0;     // on |z|; the share of it that was reached is |z| / limit
  double p_value = 1;   // that a stable window reaches |z| in some series
  double expected = 0;  // P of the judged window: normal score, cbrt(s^2), or share
  // Mean of X - P over those w windows: standard deviations (location), cbrt(s^2) (spread), share.
  double effect = 0;
  bool significant = false;  // |z| above the limit and the effect large enough
};

struct WindowVerdict {
  TimeMs start = 0;
  std::vector<SeriesVerdict> series;  // by position in BudgetModel::series
  SeriesVerdict all;      // Z_all; its `effect` is the root mean square of the locations' effects
  bool judged = false;    // some series had enough events
  bool drifting = false;  // something is significant in this window
  bool alerting = false;  // drifting now, or within the last 12 judged windows
  // "The baseline does not describe this traffic: make a new one". A level that drifts goes one
  // way; one that was significantly above and significantly below what was expected, both within
  // the last 512 windows, has a longer memory (or another season) than the baseline's. Said while
  // alerting, where that holds for a tenth of the location series and at least two (or the only
  // one).
  bool unfamiliar = false;
};

class BudgetState {
 public:
  explicit BudgetState(std::shared_ptr<const BudgetModel> model);

  [[nodiscard]] const BudgetModel& model() const { return *model_; }
  // Start of the newest window taken.
  [[nodiscard]] std::optional<TimeMs> newest() const;

  // The next window, which starts after every one before it; for windows by count `start` is the
  // number of the window. Windows by time may leave out those without events: the gap is filled.
  WindowVerdict step(TimeMs start, std::span<const Point> points);

  // Other points for a window already taken (late events), or the first ones of a window that was
  // left out, be it before the first one taken: the verdicts of that window and all after it, in
  // order, as if all had come in order. Empty: it is not among the newest 64.
  std::vector<WindowVerdict> revise(TimeMs start, std::span<const Point> points);

  // The starts of the windows that may still be revised, the oldest first.
  [[nodiscard]] std::vector<TimeMs> looked_back_on() const;

  // What is said of a window that is still kept; empty for others.
  [[nodiscard]] std::optional<WindowVerdict> verdict(TimeMs start) const;

  // Goes on under the same model with another threshold; what was said before stays said.
  void respend(std::shared_ptr<const BudgetModel> model);

  // Goes on under another model of the same series (a refit, or a new baseline): the windows kept
  // are judged again by it. `forgive`: what they show is taken for normal and no alert is on.
  void adopt(std::shared_ptr<const BudgetModel> model, bool forgive);

  void write(ByteWriter& out) const;
  // The state must have the model that the bytes were written under.
  [[nodiscard]] bool read(ByteReader& in);

 private:
  static constexpr std::int64_t kNoOnset = -1;
  // What a series keeps of one window.
  struct Kept {
    double value = 0;
    double n = 0;         // 0: said nothing
    double residual = 0;  // whitened; for shares: what was expected of the count
    double x_less_expected = 0;
    int direction = 0;  // of a significant location: 1 or -1
    // Number of the window in which what is significant now began; kNoOnset: nothing is.
    std::int64_t onset = kNoOnset;
  };
  // Numbers of the windows in which a location was last significant upwards and downwards.
  struct Directions {
    std::int64_t up = -kWanderWindows;
    std::int64_t down = -kWanderWindows;
    void fold(int direction, std::int64_t window);
  };
  struct Series {
    std::vector<Kept> windows;  // the newest last; as many as `starts_`
    double level_before = 0;    // the filter's prediction before windows[0]
    double level = 0;           // and after the newest
    Directions before;          // of windows no longer kept
    std::int64_t onset_before = kNoOnset;
  };
  // Of one window: what the alert is folded from.
  enum class Mark : std::uint8_t { not_judged, quiet, drifting };
  struct Alert {
    bool on = false;
    int quiet = 0;
    void fold(Mark mark);
  };

  void append(TimeMs start, std::span<const Point> points);
  void take(std::size_t series, Kept& kept, const Point& point, TimeMs start) const;
  void filter(std::size_t series, Kept& kept, double& level) const;
  void drop_oldest();
  // Makes room for a window that was left out (and, by time, for those between it and the first
  // one); false where there is none.
  [[nodiscard]] bool insert(TimeMs start);
  void refilter();
  // The verdict, and what follows from it for later windows.
  WindowVerdict judge(std::size_t window);
  // Remembers when what is significant began, and says how long ago that was.
  void note_onset(Series& series, std::size_t window, const SeriesVerdict& verdict) const;
  void note_lasting(std::size_t window, WindowVerdict& verdict) const;
  // All of the verdict but what depends on the marks of this and other windows.
  [[nodiscard]] WindowVerdict scan(std::size_t window) const;
  void fold_alert(std::size_t window, WindowVerdict& verdict) const;
  // What the locations of a window add up to, by scale.
  struct Together {
    std::array<double, kScales> squares{};  // of Z
    std::array<double, kScales> effects{};  // squared
    int locations = 0;
    double most_n = 0;
  };
  [[nodiscard]] SeriesVerdict judge_series(std::size_t series, std::size_t window,
                                           Together& together) const;
  [[nodiscard]] SeriesVerdict judge_all(std::size_t window, const Together& together) const;
  // "Began w windows ago", but not before the first one.
  [[nodiscard]] int began(std::size_t window, int w) const;
  [[nodiscard]] Alert alert_after(std::size_t window) const;
  [[nodiscard]] bool wanders(const Series& series, std::size_t window) const;
  [[nodiscard]] bool is_unfamiliar(std::size_t window) const;

  std::shared_ptr<const BudgetModel> model_;
  std::vector<TimeMs> starts_;
  std::vector<Mark> marks_;
  std::vector<double> limits_;  // on |Z|, as they were when each window was first judged
  std::vector<Series> series_;
  Alert alert_before_;        // before the oldest window kept
  std::int64_t dropped_ = 0;  // windows no longer kept, which is the number of the oldest kept
};

}  // namespace driftd
