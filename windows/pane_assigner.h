// Says which pane a prediction belongs to, and when a lane that reads in order should stop to close
// a window.
//
// By time a pane is the floor of the event time; by count it is the running number of the
// prediction in its monitor. Thread rule: one lane. Allocation rule: once per new version. Cannot
// fail.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "windows/pane.h"

namespace driftd {

class PaneAssigner {
 public:
  // `stop_to_close`: the lane reads everything in order (a replay), so a window closes exactly at
  // the row that ends it.
  PaneAssigner(const WindowSpec& window, bool stop_to_close)
      : window_(window), stops_(stop_to_close) {}

  // The pane of an accepted prediction.
  [[nodiscard]] std::int64_t assign(VersionIndex version, TimeMs time) {
    if (!window_.by_count()) return pane_at(time);
    const std::int64_t number = number_of(version)++;
    window_full_ |= (number + 1) % window_.count == 0;
    return number / window_.count;
  }

  // The pane that a duplicate is counted in: that of its own time or, by count, the one that is
  // being filled.
  [[nodiscard]] std::int64_t assign_duplicate(VersionIndex version, TimeMs time) {
    return window_.by_count() ? number_of(version) / window_.count : pane_at(time);
  }

  // Every prediction read, duplicates too, moves the time on.
  void observe(TimeMs time) { latest_ = std::max(latest_, time); }

  [[nodiscard]] TimeMs watermark() const {
    return latest_ == kNoTime ? kNoTime : latest_ - window_.out_of_orderness;
  }

  [[nodiscard]] bool wants_close() const {
    if (!stops_) return false;
    if (window_.by_count()) return window_full_;
    return next_end_ != kEndOfTime && watermark() >= next_end_ + window_.lateness;
  }
  // The windows that wanted to be closed are; `next_end` is the smallest end of those that stay
  // open.
  void closed(TimeMs next_end) {
    window_full_ = false;
    next_end_ = next_end;
  }

  // By count: how many predictions each version has had; part of the stored state.
  [[nodiscard]] const std::vector<std::int64_t>& numbers() const { return numbers_; }
  void restore_number(VersionIndex version, std::int64_t number) { number_of(version) = number; }

 private:
  [[nodiscard]] std::int64_t pane_at(TimeMs time) {
    const std::int64_t pane = window_.pane_of(time);
    const TimeMs end = pane + window_.pane_size();
    if (end + window_.lateness > watermark()) next_end_ = std::min(next_end_, end);
    return pane;
  }
  [[nodiscard]] std::int64_t& number_of(VersionIndex version) {
    if (position(version) >= numbers_.size()) numbers_.resize(position(version) + 1, 0);
    return numbers_[position(version)];
  }

  WindowSpec window_;
  bool stops_;
  bool window_full_ = false;
  TimeMs latest_ = kNoTime;
  TimeMs next_end_ = kEndOfTime;
  std::vector<std::int64_t> numbers_;
};

}  // namespace driftd
