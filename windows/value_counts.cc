#include "windows/value_counts.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace driftd {
namespace {

[[nodiscard]] std::size_t spread(double value) {
  std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
  bits ^= bits >> 32;
  bits *= 0x9E37'79B9'7F4A'7C15ull;
  return bits ^ (bits >> 29);
}

}  // namespace

// Rounds to the middle of the values that share the kept bits, so that the error is centred.
double ValueCounts::rounded(double value) const {
  value += 0.0;  // -0 is 0
  if (bits_ >= kAllBits || value == 0 || !std::isfinite(value)) return value;
  const int dropped = kAllBits - bits_;
  const std::uint64_t half = std::uint64_t{1} << (dropped - 1);
  const std::uint64_t mask = ~((std::uint64_t{1} << dropped) - 1);
  return std::bit_cast<double>((std::bit_cast<std::uint64_t>(value) & mask) | half);
}

std::array<std::uint64_t, 2> ValueCounts::between(double from, double to) const {
  std::array<std::uint64_t, 2> rows{};
  for (const Entry& entry : slots_) {  // a free one adds nothing
    if (!(entry.value >= from && entry.value <= to)) continue;
    rows[0] += entry.count[0];
    rows[1] += entry.count[1];
  }
  return rows;
}

double ValueCounts::relative_error() const {
  return bits_ >= kAllBits ? 0 : std::ldexp(1.0, -(bits_ + 1));
}

void ValueCounts::add(double value, int kind, std::uint32_t times) {
  add_rounded(rounded(value), kind == 0 ? times : 0, kind == 0 ? 0 : times);
}

void ValueCounts::add_rounded(double value, std::uint32_t zero, std::uint32_t one) {
  if (zero + one == 0) return;
  if ((used_ + 1) * 4 > slots_.size() * 3) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = spread(value) & mask;
  while (slots_[at].count[0] + slots_[at].count[1] != 0 && slots_[at].value != value)
    at = (at + 1) & mask;
  Entry& entry = slots_[at];
  if (entry.count[0] + entry.count[1] == 0) {
    entry.value = value;
    ++used_;
  }
  entry.count[0] += zero;
  entry.count[1] += one;
  total_[0] += zero;
  total_[1] += one;
  // At 1 bit a finite range of doubles has at most 2 x 2 x 2,048 cells, so the loop ends.
  while (used_ > kMaxDistinct) coarsen(bits_ - 1);
}

void ValueCounts::grow() {
  std::vector<Entry> old = std::move(slots_);
  slots_.assign(std::max<std::size_t>(16, old.size() * 2), {});
  used_ = 0;
  total_[0] = total_[1] = 0;
  for (const Entry& entry : old) add_rounded(entry.value, entry.count[0], entry.count[1]);
}

void ValueCounts::coarsen(int bits) {
  const std::vector<Entry> old = std::move(slots_);
  slots_.assign(old.size(), {});
  bits_ = bits;
  used_ = 0;
  total_[0] = total_[1] = 0;
  for (const Entry& entry : old) add_rounded(rounded(entry.value), entry.count[0], entry.count[1]);
}

void ValueCounts::merge(const ValueCounts& other) {
  if (other.bits_ < bits_) coarsen(other.bits_);
  for (const Entry& entry : other.slots_) {
    add_rounded(rounded(entry.value), entry.count[0], entry.count[1]);
  }
}

std::vector<ValueCounts::Entry> ValueCounts::sorted() const {
  std::vector<Entry> entries;
  entries.reserve(used_);
  for (const Entry& entry : slots_) {
    if (entry.count[0] + entry.count[1] != 0) entries.push_back(entry);
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.value < b.value; });
  return entries;
}

void ValueCounts::write(ByteWriter& out) const {
  out.byte(static_cast<std::uint8_t>(bits_));
  const std::vector<Entry> entries = sorted();
  out.varint(entries.size());
  for (const Entry& entry : entries) {
    out.number(entry.value);
    out.varint(entry.count[0]);
    out.varint(entry.count[1]);
  }
}

bool ValueCounts::read(ByteReader& in, ValueCounts& out) {
  const int bits = in.byte();
  if (bits < 1 || bits > kAllBits) return false;
  out = ValueCounts(bits);
  const std::uint64_t entries = in.element_count();
  if (entries > kMaxDistinct) return false;
  for (std::uint64_t i = 0; i < entries && in.ok(); ++i) {
    const double value = in.number();
    const std::uint64_t zero = in.varint();
    const std::uint64_t one = in.varint();
    if (!in.ok() || std::isnan(value) || zero + one == 0 || zero + one > 0xFFFF'FFFFu) return false;
    out.add_rounded(value, static_cast<std::uint32_t>(zero), static_cast<std::uint32_t>(one));
  }
  return in.ok();
}

}  // namespace driftd
