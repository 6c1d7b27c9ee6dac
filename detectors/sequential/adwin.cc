#include "detectors/sequential/adwin.h"

#include <algorithm>
#include <cmath>

namespace driftd {
namespace {

// A window of 2^63 values is longer than any stream.
constexpr std::size_t kMostLevels = 63;

[[nodiscard]] double size_of(std::size_t level) {
  return static_cast<double>(std::uint64_t{1} << level);
}

}  // namespace

Adwin::Adwin(const SequentialSettings& settings)
    : delta_(settings.number("delta")),
      clock_(settings.whole("clock")),
      row_size_(settings.whole("max_buckets") + 1),
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
  add_row();
}

void Adwin::add_row() {
  counts_.push_back(0);
  if (summaries_.size() < counts_.size() * row_size_) summaries_.resize(counts_.size() * row_size_);
}

void Adwin::update(double x) {
  if (drift_) reset();
  insert(x);
  if (--until_look_ > 0) return;
  until_look_ = clock_;
  if (!(width_ > grace_period_)) return;
  while (has_cut()) {
    drift_ = true;
    drop_oldest();
  }
}

void Adwin::insert(double x) {
  row(0)[counts_[0]++] = {x, 0};
  width_ += 1;
  if (width_ > 1) {
    const double deviation = x - total_ / (width_ - 1);
    squares_ += (width_ - 1) * deviation * deviation / width_;
  }
  total_ += x;
  if (counts_[0] == row_size_) merge_full_rows();
}

// Makes one summary of the two oldest of each full row, from the smallest size on.
void Adwin::merge_full_rows() {
  for (std::size_t level = 0; counts_[level] == row_size_; ++level) {
    if (level + 1 == counts_.size()) add_row();
    Summary* const full = row(level);
    const double n = size_of(level);
    // A power of two divides exactly, and so does its inverse multiply.
    const double one_nth = 1 / n;
    const double difference = full[0].total * one_nth - full[1].total * one_nth;
    const double between = n * 0.5 * difference * difference;
    row(level + 1)[counts_[level + 1]++] = {full[0].total + full[1].total,
                                            full[0].squares + full[1].squares + between};
    std::copy(full + 2, full + row_size_, full);
    counts_[level] -= 2;
  }
}

void Adwin::drop_oldest() {
  const std::size_t level = counts_.size() - 1;
  Summary* const last = row(level);
  const Summary oldest = last[0];
  const double n = size_of(level);
  width_ -= n;
  total_ -= oldest.total;
  const double difference = oldest.total / n - total_ / width_;
  squares_ -= oldest.squares + n * width_ * difference * difference / (n + width_);
  std::copy(last + 1, last + counts_[level], last);
  --counts_[level];
  // With `max_buckets` 1 a row below may be empty, too.
  while (counts_.size() > 1 && counts_.back() == 0) counts_.pop_back();
}

struct Adwin::Look {
  double min_length;
  double log_term;           // ln(2 ln(n) / delta)
  double variance;           // of the window
  double bound;              // 2 v ln(2 ln(n) / delta)
  bool bound_can_be_scaled;  // its products below stay within the range of doubles

  // Whether the cut is far from being one, without a division or a root. The statement of the cut,
  // squared, without its second summand and multiplied by (n_0 n_1)^2 a b, a and b the terms of r:
  // (u_0 n_1 - u_1 n_0)^2 a b against 2 v ln(..) (a + b) (n_0 n_1)^2. The margins cover all
  // rounding on both sides, so that `is_cut` would say no as well.
  [[nodiscard]] bool is_clearly_none(double n0, double n1, double u0, double u1) const {
    constexpr double kRounding = 0x1p-50;
    constexpr double kMargin = 1 + 1e-9;
    const double left = u0 * n1;
    const double right = u1 * n0;
    const double distance = std::abs(left - right) + kRounding * (std::abs(left) + std::abs(right));
    const double a = n0 - min_length + 1;
    const double b = n1 - min_length + 1;
    const double sizes = n0 * n1;
    return bound_can_be_scaled &&
           distance * distance * (a * b) * kMargin < bound * (a + b) * (sizes * sizes);
  }

  [[nodiscard]] bool is_cut(double n0, double n1, double u0, double u1) const {
    const double difference = u0 / n0 - u1 / n1;
    const double r = 1.0 / (n0 - min_length + 1.0) + 1.0 / (n1 - min_length + 1.0);
    const double epsilon = std::sqrt(2.0 * r * variance * log_term) + 2.0 / 3.0 * log_term * r;
    return std::abs(difference) > epsilon;
  }
};

bool Adwin::has_cut() const {
  Look look{};
  look.min_length = min_window_length_;
  look.log_term = std::log(2.0 * std::log(width_) / delta_);
  look.variance = squares_ / width_;
  look.bound = 2.0 * look.variance * look.log_term;
  look.bound_can_be_scaled = look.bound > 1e-100 && look.bound < 1e100 && width_ < 1e15;
  const double least_newer = std::max(1.0, min_window_length_);
  double n0 = 0;
  double n1 = width_;
  double u0 = 0;
  double u1 = total_;
  for (std::size_t level = counts_.size(); level-- > 0;) {
    const double size = size_of(level);
    const Summary* const summaries = row(level);
    // The newest value alone is no cut.
    const std::size_t cuts = counts_[level] - (level == 0 && counts_[0] > 0 ? 1 : 0);
    for (std::size_t k = 0; k < cuts; ++k) {
      n0 += size;
      n1 -= size;
      u0 += summaries[k].total;
      u1 -= summaries[k].total;
      if (n1 < least_newer) return false;
      if (n0 < min_window_length_) continue;
      if (look.is_clearly_none(n0, n1, u0, u1)) continue;
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
      out.number(row(level)[k].total);
      // A single value has no deviation from itself.
      if (level > 0) out.number(row(level)[k].squares);
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
    if (count >= row_size_) return false;
    counts_[level] = static_cast<std::uint32_t>(count);
    for (std::size_t k = 0; k < count; ++k) {
      row(level)[k].total = in.number();
      row(level)[k].squares = level > 0 ? in.number() : 0;
    }
  }
  return in.ok();
}

}  // namespace driftd
