// One monitor under its false-alarm budget: the filters' state, and, where the reference taught too
// little, what is being learnt from live windows.
//
// Part of the monitor's state, in the same checkpoint as its windows. Without a model learnt from
// the reference one is assumed when the first window closes, and replaced after 7, 14 and 28 days
// by one that is fitted to the windows seen so far, those aside in which the assumed one alerted.
// Thread rule: one owner (the coordinator's thread). Allocation rule: may allocate (once a window).
// Failure rule: bytes that are no state of these series are refused.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/byte_stream.h"
#include "daemon/budget_plan.h"
#include "detectors/calibration/budget_state.h"

namespace driftd {

class BudgetWatch {
 public:
  // The points of a window that has closed, or that has changed since. Returns the starts of the
  // later windows whose verdicts this changed, too. `budget`: alerts per window that this monitor
  // may raise now; `step`: how long a window takes.
  std::vector<TimeMs> take(const BudgetGroup& group, TimeMs start, std::span<const Point> points,
                           double budget, DurationMs step);

  [[nodiscard]] std::optional<WindowVerdict> verdict(TimeMs start) const;
  // Of a window that the input cut short, as if it were the next one; nothing is kept of it.
  [[nodiscard]] std::optional<WindowVerdict> preview(TimeMs start,
                                                     std::span<const Point> points) const;
  [[nodiscard]] std::optional<TimeMs> newest() const;
  // True where a window is no longer looked back on once the window `next` has been taken.
  [[nodiscard]] bool is_final_after(TimeMs start, TimeMs next) const;
  // Null before the first window.
  [[nodiscard]] const BudgetModel* model() const { return state_ ? &state_->model() : nullptr; }
  // Learning still goes on, and what is assumed holds.
  [[nodiscard]] bool assumed() const { return state_ && state_->model().assumed; }

  // How many windows have been learnt from, while nothing can be judged because of that.
  [[nodiscard]] std::optional<std::size_t> learning(const BudgetGroup& group) const;

  void write(ByteWriter& out, const BudgetGroup& group) const;
  [[nodiscard]] bool read(ByteReader& in, const BudgetGroup& group);

 private:
  // So many windows are learnt from at most: 84 days of hours, a week of five minutes.
  static constexpr std::size_t kMostLearnt = 2'016;

  void begin(const BudgetGroup& group, TimeMs start, std::span<const Point> points, double budget);
  // Adds a window to those that are learnt from before anything is judged.
  void gather(const BudgetGroup& group, TimeMs start, std::span<const Point> points, double budget);
  void spend(double budget);
  // `adds`: the window is a further one to learn from; else only one that is known is replaced.
  void remember(TimeMs start, std::span<const Point> points, bool adds);
  // True where the model is another one now.
  bool learn(const BudgetGroup& group, DurationMs step);

  std::optional<BudgetState> state_;
  bool own_ = false;  // the model is not the reference's, and is stored with the state
  int fits_ = 0;
  TimeMs first_ = kNoTime;    // the window that what is assumed was made from
  std::int64_t windows_ = 0;  // that were learnt from
  BudgetHistory history_;     // the newest of them, while learning goes on
};

}  // namespace driftd
