#include "detectors/sequential/kswin.h"

#include <algorithm>
#include <cmath>

namespace driftd {
namespace {

// River wants a distance of more than this beside the p-value.
constexpr double kLeastDistance = 0.1;

[[nodiscard]] bool fires(std::size_t n, std::size_t h, double alpha) {
  return static_cast<double>(h) / static_cast<double>(n) > kLeastDistance &&
         equal_samples_ks_p(n, h) <= alpha;
}

// The p-value falls as h rises, so that the least h that fires is found by halving.
[[nodiscard]] std::size_t smallest_firing(std::size_t n, double alpha) {
  std::size_t low = 1;
  std::size_t high = n + 1;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (fires(n, middle, alpha)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

}  // namespace

double equal_samples_ks_p(std::size_t n, std::size_t h) {
  if (h == 0) return 1;
  const auto size = static_cast<double>(n);
  const auto step = static_cast<double>(h);
  double p = 0;
  for (double k = std::floor(size / step); k >= 0; --k) {
    double term = 1;
    for (double j = 0; j < step; ++j) {
      term = (size - k * step - j) * term / (size + k * step + j + 1);
    }
    p = term * (1 - p);
  }
  return std::min(1.0, 2 * p);
}

Kswin::Kswin(const SequentialSettings& settings)
    : window_size_(settings.whole("window_size")),
      stat_size_(settings.whole("stat_size")),
      seed_(settings.whole("seed")),
      smallest_firing_(smallest_firing(stat_size_, settings.number("alpha"))),
      random_(seed_),
      ring_(window_size_),
      drawn_(stat_size_),
      cells_(2 * stat_size_ + 1) {
  newest_.reserve(stat_size_);
}

void Kswin::reset() {
  random_.seed(seed_);
  head_ = filled_ = h_ = 0;
  drift_ = false;
  newest_.clear();
}

// The value that is `age` places behind the oldest.
double Kswin::value(std::size_t age) const {
  const std::size_t place = head_ + age;
  return ring_[place < window_size_ ? place : place - window_size_];
}

void Kswin::update(double x) {
  if (drift_) reset();
  if (filled_ < window_size_) {
    ring_[filled_++] = x;
    if (filled_ < window_size_) return;
    sort_newest();
  } else {
    take_newest(x);
  }
  random_.sample(static_cast<std::uint32_t>(window_size_ - stat_size_), drawn_);
  h_ = distance();
  drift_ = h_ >= smallest_firing_;
}

void Kswin::sort_newest() {
  newest_.clear();
  for (std::size_t i = window_size_ - stat_size_; i < window_size_; ++i) {
    newest_.push_back(value(i));
  }
  std::ranges::sort(newest_);
}

// Puts x in the place of the oldest value, and into the sorted newest ones for the value that
// leaves them.
void Kswin::take_newest(double x) {
  const double leaving = value(window_size_ - stat_size_);
  const auto from = std::ranges::lower_bound(newest_, leaving);
  const auto to = std::ranges::lower_bound(newest_, x);
  if (to > from) {
    std::move(from + 1, to, from);
    *(to - 1) = x;
  } else {
    std::move_backward(to, from, from + 1);
    *to = x;
  }
  ring_[head_] = x;
  head_ = head_ + 1 == window_size_ ? 0 : head_ + 1;
}

// r times the largest distance of the distribution functions of the drawn and the newest values.
//
// The drawn values are counted by where they fall: cell 2 j below the j-th of the newest (and above
// the one before), cell 2 j + 1 equal to it. Both functions are constant between neighbours, so
// that the largest distance is at the end of a cell.
std::size_t Kswin::distance() {
  std::ranges::fill(cells_, 0U);
  for (const std::uint32_t age : drawn_) {
    const double x = value(age);
    const auto j = static_cast<std::size_t>(std::ranges::lower_bound(newest_, x) - newest_.begin());
    ++cells_[2 * j + (j < stat_size_ && newest_[j] == x ? 1 : 0)];
  }
  std::int64_t drawn = 0;
  std::int64_t largest = 0;
  for (std::size_t j = 0; j < stat_size_;) {
    drawn += cells_[2 * j];
    const auto newest = static_cast<std::int64_t>(j);
    largest = std::max(largest, drawn - newest);
    drawn += cells_[2 * j + 1];
    // Equal values are passed together; what is drawn equal to them is in the cell of the first.
    const double x = newest_[j];
    while (j < stat_size_ && newest_[j] == x) ++j;
    largest = std::max(largest, static_cast<std::int64_t>(j) - drawn);
  }
  return static_cast<std::size_t>(largest);
}

SequentialReading Kswin::reading() const {
  if (filled_ < window_size_) return {};
  const auto r = static_cast<double>(stat_size_);
  SequentialReading said{true, static_cast<double>(h_) / r, std::nullopt,
                         equal_samples_ks_p(stat_size_, h_)};
  if (smallest_firing_ <= stat_size_) said.threshold = static_cast<double>(smallest_firing_) / r;
  return said;
}

void Kswin::write(ByteWriter& out) const {
  random_.write(out);
  out.varint(filled_);
  for (std::size_t i = 0; i < filled_; ++i) out.number(value(i));
  out.varint(h_);
  out.byte(drift_ ? 1 : 0);
}

bool Kswin::read(ByteReader& in) {
  reset();
  if (!random_.read(in)) return false;
  const std::uint64_t filled = in.element_count();
  if (!in.ok() || filled > window_size_) return false;
  filled_ = filled;
  for (std::size_t i = 0; i < filled_; ++i) {
    ring_[i] = in.number();
    // A NaN has no place among sorted values; no such value was ever taken.
    if (ring_[i] != ring_[i]) return false;
  }
  h_ = in.varint();
  drift_ = in.byte() != 0;
  if (filled_ == window_size_) sort_newest();
  return in.ok() && h_ <= stat_size_;
}

}  // namespace driftd
