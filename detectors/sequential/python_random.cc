#include "detectors/sequential/python_random.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "core/check.h"

namespace driftd {
namespace {

// Constants of MT19937 as its authors give them.
constexpr std::size_t kShift = 397;
constexpr std::uint32_t kUpper = 0x80000000U;
constexpr std::uint32_t kLower = 0x7fffffffU;
constexpr std::uint32_t kTwist = 0x9908b0dfU;

// Up to this n CPython shuffles a pool; beyond it, it remembers what it has drawn.
[[nodiscard]] std::uint64_t largest_pool(std::size_t k) {
  std::uint64_t table = 0;
  if (k > 5) {
    // 4 ** ceil(log(3 k, 4)); 3 k is no power of four, so that rounding cannot matter.
    for (table = 4; table < 3 * k;) table *= 4;
  }
  return 21 + table;
}

}  // namespace

void PythonRandom::seed(std::uint64_t number) {
  const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(number),
                                            static_cast<std::uint32_t>(number >> 32)};
  const std::size_t length = key[1] != 0 ? 2 : 1;
  words_[0] = 19'650'218U;
  for (std::uint32_t i = 1; i < kWords; ++i) {
    words_[i] = 1'812'433'253U * (words_[i - 1] ^ (words_[i - 1] >> 30)) + i;
  }
  std::size_t i = 1;
  std::size_t j = 0;
  const auto advance = [&] {
    if (++i < kWords) return;
    words_[0] = words_[kWords - 1];
    i = 1;
  };
  for (std::size_t round = 0; round < kWords; ++round) {
    const std::uint32_t before = words_[i - 1] ^ (words_[i - 1] >> 30);
    words_[i] = (words_[i] ^ (before * 1'664'525U)) + key[j] + static_cast<std::uint32_t>(j);
    advance();
    j = (j + 1) % length;
  }
  for (std::size_t round = 1; round < kWords; ++round) {
    const std::uint32_t before = words_[i - 1] ^ (words_[i - 1] >> 30);
    words_[i] = (words_[i] ^ (before * 1'566'083'941U)) - static_cast<std::uint32_t>(i);
    advance();
  }
  words_[0] = kUpper;
  used_ = kWords;
}

void PythonRandom::refill() {
  for (std::size_t i = 0; i < kWords; ++i) {
    const std::uint32_t mixed = (words_[i] & kUpper) | (words_[(i + 1) % kWords] & kLower);
    words_[i] = words_[(i + kShift) % kWords] ^ (mixed >> 1) ^ ((mixed & 1) != 0 ? kTwist : 0);
  }
  used_ = 0;
}

std::uint32_t PythonRandom::next() {
  if (used_ == kWords) refill();
  std::uint32_t y = words_[used_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680U;
  y ^= (y << 15) & 0xefc60000U;
  return y ^ (y >> 18);
}

std::uint32_t PythonRandom::below(std::uint32_t n) {
  DRIFTD_CHECK(n > 0);
  const int bits = std::bit_width(n);
  for (;;) {
    const std::uint32_t drawn = next() >> (32 - bits);
    if (drawn < n) return drawn;
  }
}

void PythonRandom::sample(std::uint32_t n, std::span<std::uint32_t> chosen) {
  pool_.resize(n);
  if (n <= largest_pool(chosen.size())) {
    std::iota(pool_.begin(), pool_.end(), 0U);
    for (std::uint32_t i = 0; i < chosen.size(); ++i) {
      const std::uint32_t drawn = below(n - i);
      chosen[i] = pool_[drawn];
      pool_[drawn] = pool_[n - i - 1];
    }
    return;
  }
  std::ranges::fill(pool_, 0U);  // 1 for what was drawn
  for (std::uint32_t& number : chosen) {
    do number = below(n);
    while (pool_[number] != 0);
    pool_[number] = 1;
  }
}

void PythonRandom::write(ByteWriter& out) const {
  for (std::size_t i = 0; i < kWords; i += 2) {
    out.fixed64(words_[i] | (static_cast<std::uint64_t>(words_[i + 1]) << 32));
  }
  out.varint(used_);
}

bool PythonRandom::read(ByteReader& in) {
  for (std::size_t i = 0; i < kWords; i += 2) {
    const std::uint64_t two = in.fixed64();
    words_[i] = static_cast<std::uint32_t>(two);
    words_[i + 1] = static_cast<std::uint32_t>(two >> 32);
  }
  used_ = in.varint();
  return in.ok() && used_ <= kWords;
}

}  // namespace driftd
