#include "detectors/sequential/adwin.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/wide_vectors.h"

namespace driftd {
namespace {

// Where a row of summaries is.
struct SummaryRow {
  double* totals;
  double* squares;
  double* sums;
};

// A window of 2^63 values is longer than any stream.
constexpr std::size_t kMostLevels = 63;

[[nodiscard]] double size_of(std::size_t level) {
  return static_cast<double>(std::uint64_t{1} << level);
}

// By how much each value raises the sum of squared deviations, `before` values and the sum
// `sums[i]` before it: divisions that do not wait for each other.
DRIFTD_WIDE_VECTORS void rises(double before, const double* values, const double* sums,
                               std::size_t count, double* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const double n = before + static_cast<double>(static_cast<std::int32_t>(i));
    const double deviation = values[i] - sums[i] / n;
    out[i] = n * deviation * deviation / (n + 1);
  }
}

// What each pair of `in` becomes, summaries of `n` values. Not for wide vectors: what one level
// stores in them could not be handed on to the next one's loads without a wait.
void merge_pairs(double n, std::size_t pairs, const SummaryRow& in, const SummaryRow& out) {
  // A power of two divides exactly, and so does its inverse multiply.
  const double one_nth = 1 / n;
  const double half = n * 0.5;
  const double* __restrict const totals = in.totals;
  const double* __restrict const squares = in.squares;
  const double* __restrict const sums = in.sums;
  double* __restrict const to_totals = out.totals;
  double* __restrict const to_squares = out.squares;
  double* __restrict const to_sums = out.sums;
  for (std::size_t k = 0; k < pairs; ++k) {
    const double difference = totals[2 * k] * one_nth - totals[2 * k + 1] * one_nth;
    const double between = half * difference * difference;
    to_totals[k] = totals[2 * k] + totals[2 * k + 1];
    to_squares[k] = squares[2 * k] + squares[2 * k + 1] + between;
    to_sums[k] = sums[2 * k + 1];
  }
}

// Whether d^2 is below `bound` n_0 n_1 for all cuts, d = u_0 - n_0 u / n.
DRIFTD_WIDE_VECTORS bool all_are_below(const double* ends, const double* sums, std::size_t count,
                                       double n, double mean, double bound) {
  std::uint64_t others = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double d = sums[i] - ends[i] * mean;
    others |= d * d < ends[i] * (n - ends[i]) * bound ? 0 : 1;
  }
  return others == 0;
}

}  // namespace

Adwin::Adwin(const SequentialSettings& settings)
    : delta_(settings.number("delta")),
      clock_(settings.whole("clock")),
      max_buckets_(settings.whole("max_buckets")),
      min_window_length_(settings.number("min_window_length")),
      grace_period_(settings.number("grace_period")),
      until_look_(clock_) {
  add_row();
}

bool Adwin::usable() const { return std::isfinite(total_) && std::isfinite(squares_); }

void Adwin::reset() {
  width_ = total_ = squares_ = 0;
  until_look_ = clock_;
  drift_ = false;
  counts_.clear();
  starts_.clear();
  borders_.count = borders_.stale = 0;
  add_row();
}

void Adwin::add_row() {
  counts_.push_back(0);
  starts_.push_back(0);
  const std::size_t room = counts_.size() * row_room();
  if (totals_.size() >= room) return;
  totals_.resize(room);
  squares_of_.resize(room);
  sums_.resize(room);
  borders_.ends.resize(room);
  borders_.sums.resize(room);
}

// A row slides through its room as it loses summaries at the front and gets others at the back; at
// the end of the room it is moved back to the beginning.
void Adwin::make_room(std::size_t level, std::size_t more) {
  if (starts_[level] + counts_[level] + more <= row_room()) return;
  const std::size_t from = row(level);
  starts_[level] = 0;
  for (std::vector<double>* const of_row : {&totals_, &squares_of_, &sums_}) {
    std::copy_n(of_row->data() + from, counts_[level], of_row->data() + row(level));
  }
}

std::size_t Adwin::update_until_drift(std::span<const double> values) {
  std::size_t taken = 0;
  while (taken < values.size()) {
    if (drift_) reset();
    const std::size_t wanted = std::min({values.size() - taken, kBlock, std::size_t{until_look_}});
    const std::size_t inserted = insert(values.subspan(taken, wanted));
    taken += inserted;
    until_look_ -= inserted;
    if (until_look_ == 0) {
      until_look_ = clock_;
      look();
    }
    if (drift_ || !usable()) break;
  }
  return taken;
}

void Adwin::look() {
  if (!(width_ > grace_period_) || is_clearly_calm()) return;
  while (has_cut()) {
    drift_ = true;
    drop_oldest();
  }
}

// Takes all of the values, or one if a sum leaves the range of doubles: at which value it does
// matters then.
std::size_t Adwin::insert(std::span<const double> values) {
  std::array<double, kBlock + 1> sums;
  std::array<double, kBlock> rise;
  const std::size_t count = values.size();
  sums[0] = total_;
  for (std::size_t i = 0; i < count; ++i) sums[i + 1] = sums[i] + values[i];
  rises(width_, values.data(), sums.data(), count, rise.data());
  if (width_ == 0) rise[0] = 0;
  double squares = squares_;
  for (std::size_t i = 0; i < count; ++i) squares += rise[i];
  if (count > 1 && !(std::isfinite(sums[count]) && std::isfinite(squares))) {
    return insert(values.first(1));
  }
  width_ += static_cast<double>(count);
  total_ = sums[count];
  squares_ = squares;
  make_room(0, count);
  const std::size_t to = row(0) + counts_[0];
  std::copy_n(values.data(), count, totals_.data() + to);
  std::copy_n(sums.data() + 1, count, sums_.data() + to);
  counts_[0] += static_cast<std::uint32_t>(count);
  merge_full_rows();
  return count;
}

// Makes one summary of each two oldest of the rows that are too full, from the smallest size on:
// what it would make of them if the values came one by one.
void Adwin::merge_full_rows() {
  std::size_t level = 0;
  for (; counts_[level] > max_buckets_; ++level) {
    if (level + 1 == counts_.size()) add_row();
    const std::size_t pairs = (counts_[level] - max_buckets_ + 1) / 2;
    make_room(level + 1, pairs);
    const std::size_t from = row(level);
    const std::size_t to = row(level + 1) + counts_[level + 1];
    merge_pairs(size_of(level), pairs, {&totals_[from], &squares_of_[from], &sums_[from]},
                {&totals_[to], &squares_of_[to], &sums_[to]});
    counts_[level + 1] += static_cast<std::uint32_t>(pairs);
    counts_[level] -= static_cast<std::uint32_t>(2 * pairs);
    starts_[level] += static_cast<std::uint32_t>(2 * pairs);
  }
  borders_.stale = std::max(borders_.stale, level + 1);
}

void Adwin::drop_oldest() {
  const std::size_t level = counts_.size() - 1;
  const std::size_t last = row(level);
  const double n = size_of(level);
  width_ -= n;
  total_ -= totals_[last];
  const double difference = totals_[last] / n - total_ / width_;
  squares_ -= squares_of_[last] + n * width_ * difference * difference / (n + width_);
  --counts_[level];
  ++starts_[level];
  // With `max_buckets` 1 a row below may be empty, too.
  while (counts_.size() > 1 && counts_.back() == 0) {
    counts_.pop_back();
    starts_.pop_back();
  }
}

// Brings the cuts up to date, from the oldest row that has changed on.
void Adwin::refresh_borders() {
  std::size_t count = 0;
  for (std::size_t level = borders_.stale; level < counts_.size(); ++level) count += counts_[level];
  double end = count == 0 ? 0 : borders_.ends[count - 1];
  for (std::size_t level = std::min(borders_.stale, counts_.size()); level-- > 0;) {
    const double size = size_of(level);
    const double* const sums = sums_.data() + row(level);
    for (std::size_t k = 0; k < counts_[level]; ++k) {
      end += size;
      borders_.ends[count] = end;
      borders_.sums[count] = sums[k];
      ++count;
    }
  }
  borders_.count = count;
  borders_.stale = 0;
}

// Whether all cuts are far from being one, without their divisions and roots.
//
// With d = u_0 - n_0 u / n, m_0 - m_1 is d n / (n_0 n_1), and where L >= 1 r is n / (n_0 n_1) at
// least, so that d^2 < (2 v ln(..) / n) n_0 n_1 is no cut. The sums at the cuts were added up value
// by value, and not by summaries as in `has_cut`: `error` bounds by how much anything can differ in
// d for rounding, 2^-53 for each addition times the sum of |x|, which by Cauchy and Schwarz is
// sqrt(n sum x^2) at most. Where it is a twentieth of the least bound or less, d may be 0.93 of it.
bool Adwin::is_clearly_calm() {
  constexpr double kUnit = 0x1p-52;
  constexpr double kTwentiethSquared = 0.05 * 0.05;
  constexpr double kShare = 0.93 * 0.93;
  if (min_window_length_ < 1) return false;
  refresh_borders();
  // The logarithm grows with n, slowly: that of a window up to half as long bounds it.
  if (width_ < log_width_ || width_ > 2 * log_width_) {
    log_width_ = width_;
    least_log_term_ = log_term();
  }
  const double one_nth = 1 / width_;
  const double bound = 2 * squares_ * one_nth * least_log_term_ * one_nth;
  const double additions = width_ + 4 * static_cast<double>(borders_.count) + 64;
  const double error_squared =
      kUnit * kUnit * additions * additions * (width_ * squares_ + total_ * total_);
  if (!(bound > 1e-100 && bound < 1e100 &&
        error_squared < kTwentiethSquared * bound * (width_ - 1))) {
    return false;
  }
  // The newest value alone is no cut.
  return all_are_below(borders_.ends.data(), borders_.sums.data(), borders_.count - 1, width_,
                       total_ * one_nth, kShare * bound);
}

double Adwin::log_term() const { return std::log(2.0 * std::log(width_) / delta_); }

// A look at the window: what is the same for all of its cuts.
struct Adwin::Look {
  double min_length;
  double log_term;  // ln(2 ln(n) / delta)
  double variance;  // of the window

  [[nodiscard]] bool is_cut(double n0, double n1, double u0, double u1) const {
    const double difference = u0 / n0 - u1 / n1;
    const double r = 1.0 / (n0 - min_length + 1.0) + 1.0 / (n1 - min_length + 1.0);
    const double epsilon = std::sqrt(2.0 * r * variance * log_term) + 2.0 / 3.0 * log_term * r;
    return std::abs(difference) > epsilon;
  }
};

bool Adwin::has_cut() const {
  const Look look{min_window_length_, log_term(), squares_ / width_};
  const double least_newer = std::max(1.0, min_window_length_);
  double n0 = 0;
  double n1 = width_;
  double u0 = 0;
  double u1 = total_;
  for (std::size_t level = counts_.size(); level-- > 0;) {
    const double size = size_of(level);
    const double* const totals = totals_.data() + row(level);
    // The newest value alone is no cut.
    const std::size_t cuts = counts_[level] - (level == 0 && counts_[0] > 0 ? 1 : 0);
    for (std::size_t k = 0; k < cuts; ++k) {
      n0 += size;
      n1 -= size;
      u0 += totals[k];
      u1 -= totals[k];
      if (n1 < least_newer) return false;
      if (n0 < min_window_length_) continue;
      if (look.is_cut(n0, n1, u0, u1)) return true;
    }
  }
  return false;
}

void Adwin::write(ByteWriter& out) const {
  out.number(width_);
  out.number(total_);
  out.number(squares_);
  out.varint(until_look_);
  out.byte(drift_ ? 1 : 0);
  out.varint(counts_.size());
  for (std::size_t level = 0; level < counts_.size(); ++level) {
    out.varint(counts_[level]);
    for (std::size_t k = 0; k < counts_[level]; ++k) {
      out.number(totals_[row(level) + k]);
      // A single value has no deviation from itself.
      if (level > 0) out.number(squares_of_[row(level) + k]);
    }
  }
}

bool Adwin::read(ByteReader& in) {
  reset();
  width_ = in.number();
  total_ = in.number();
  squares_ = in.number();
  until_look_ = in.varint();
  drift_ = in.byte() != 0;
  const std::uint64_t levels = in.varint();
  if (!in.ok() || levels == 0 || levels > kMostLevels || until_look_ == 0 || until_look_ > clock_) {
    return false;
  }
  while (counts_.size() < levels) add_row();
  for (std::size_t level = 0; level < levels; ++level) {
    const std::uint64_t count = in.varint();
    if (count > max_buckets_) return false;
    counts_[level] = static_cast<std::uint32_t>(count);
    for (std::size_t k = 0; k < count; ++k) {
      totals_[row(level) + k] = in.number();
      squares_of_[row(level) + k] = level > 0 ? in.number() : 0;
    }
  }
  double sum = 0;
  for (std::size_t level = levels; level-- > 0;) {
    for (std::size_t k = 0; k < counts_[level]; ++k) {
      sum += totals_[row(level) + k];
      sums_[row(level) + k] = sum;
    }
  }
  borders_.stale = levels;
  return in.ok();
}

}  // namespace driftd
