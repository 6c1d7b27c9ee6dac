// ADWIN, adaptive windowing: the newest values that may still have one mean.
//
// The window is kept as summaries (total, sum of squared deviations) of 1, 2, 4, .. values, at most
// `max_buckets` of each size and one more until two of them are merged. Every `clock` values each
// border between two summaries cuts it into an older part of n_0 and a newer part of n_1 values; a
// cut is found when
//   |m_0 - m_1| > sqrt(2 r v ln(2 ln(n) / delta)) + (2/3) r ln(2 ln(n) / delta),
//   r = 1 / (n_0 - L + 1) + 1 / (n_1 - L + 1),
// where v is the variance of the window, n = n_0 + n_1 and L = `min_window_length`. Then the oldest
// summary is dropped and the rest is looked at again.
// Sources: Bifet and Gavalda (2007), SIAM SDM, section 4 (ADWIN2); the variances of summaries:
// Babcock et al. (2003), PODS. L, the order of operations and the new beginning after a drift are
// River 0.26.1's, whose rows of detection it gives.
//
// Thread rule: a value, one user at a time. Allocation rule: one more row of summaries whenever the
// window has doubled, none otherwise; `reset` keeps the room. Failure rule: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/byte_stream.h"
#include "core/sequential_catalog.h"
#include "detectors/sequential/reading.h"

namespace driftd {

class Adwin {
 public:
  static constexpr std::string_view kName = "adwin";

  explicit Adwin(const SequentialSettings& settings);

  void update(double x) { update_until_drift({&x, 1}); }
  // Takes values up to and with the first at which it fires or is not usable any more; how many.
  std::size_t update_until_drift(std::span<const double> values);

  [[nodiscard]] bool drift_detected() const { return drift_; }
  [[nodiscard]] bool warning_detected() const { return false; }
  // False when a sum has left the range of doubles, after which it could never fire again.
  [[nodiscard]] bool usable() const;
  void reset();

  // There is no one statistic: every cut has its own.
  [[nodiscard]] SequentialReading reading() const { return {width_ > grace_period_, {}, {}, {}}; }

  // The window: how many values, their sum, and their sum of squared deviations.
  [[nodiscard]] double width() const { return width_; }
  [[nodiscard]] double total() const { return total_; }
  [[nodiscard]] double squares() const { return squares_; }

  void write(ByteWriter& out) const;
  [[nodiscard]] bool read(ByteReader& in);

 private:
  static constexpr std::size_t kBlock = 32;  // values that are inserted together at most
  // What is the same for all cuts of a window.
  struct Look;

  // Of level i: where its summaries are in `totals_`, `squares_of_` and `sums_`, with room for what
  // a block adds before rows are merged.
  [[nodiscard]] std::size_t row_room() const { return max_buckets_ + 4 * kBlock; }
  [[nodiscard]] std::size_t row(std::size_t level) const {
    return level * row_room() + starts_[level];
  }

  [[nodiscard]] std::size_t insert(std::span<const double> values);
  void merge_full_rows();
  void add_row();
  void make_room(std::size_t level, std::size_t more);
  void drop_oldest();
  void look();
  void refresh_borders();
  [[nodiscard]] bool is_clearly_calm();
  [[nodiscard]] bool has_cut() const;
  [[nodiscard]] double log_term() const;

  double delta_;
  std::uint64_t clock_;
  std::size_t max_buckets_;
  double min_window_length_;
  double grace_period_;

  double width_ = 0;
  double total_ = 0;
  double squares_ = 0;
  std::uint64_t until_look_;
  bool drift_ = false;
  // Level i holds summaries of 2^i values, oldest first. `counts_` says how many levels are in use;
  // there may be room for more.
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint32_t> starts_;  // where a level begins in its room
  std::vector<double> totals_;
  std::vector<double> squares_of_;
  // The sum of the window up to the newest value of a summary. After `drop_oldest` it is that of
  // another window; nothing asks for it before the reset.
  std::vector<double> sums_;

  // All cuts, oldest first: how many values are before it, and their sum. Those of the `stale`
  // smallest levels have changed.
  struct Borders {
    std::size_t count = 0;
    std::size_t stale = 0;
    std::vector<double> ends;
    std::vector<double> sums;
  } borders_;
  double log_width_ = 0;  // the width whose logarithm `least_log_term_` has
  double least_log_term_ = 0;
};

}  // namespace driftd
