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
#include <vector>

#include "core/byte_stream.h"
#include "core/sequential_catalog.h"
#include "detectors/sequential/reading.h"

namespace driftd {

class Adwin {
 public:
  static constexpr std::string_view kName = "adwin";

  explicit Adwin(const SequentialSettings& settings);

  void update(double x);

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
  struct Summary {
    double total = 0;
    double squares = 0;
  };
  // A look at the window: what is the same for all of its cuts.
  struct Look;

  [[nodiscard]] Summary* row(std::size_t level) { return summaries_.data() + level * row_size_; }
  [[nodiscard]] const Summary* row(std::size_t level) const {
    return summaries_.data() + level * row_size_;
  }
  void insert(double x);
  void merge_full_rows();
  void add_row();
  void drop_oldest();
  [[nodiscard]] bool has_cut() const;

  double delta_;
  std::uint64_t clock_;
  std::size_t row_size_;  // max_buckets + 1
  double min_window_length_;
  double grace_period_;

  double width_ = 0;
  double total_ = 0;
  double squares_ = 0;
  std::uint64_t until_look_;
  bool drift_ = false;
  // Level i holds summaries of 2^i values, oldest first. `counts_` says how many levels are in use;
  // `summaries_` may have room for more.
  std::vector<std::uint32_t> counts_;
  std::vector<Summary> summaries_;
};

}  // namespace driftd
