// Python's `random.Random(seed).sample(range(n), k)`, number for number.
//
// River's KSWIN draws its sample so; with the same numbers the same rows fire. The generator is the
// Mersenne Twister MT19937 seeded by `init_by_array` with the seed's 32-bit words, a number below n
// is the top bits of an output, drawn again until it is below n, and `sample` is a partial shuffle
// for small n and draws until new for large ones. Sources: Matsumoto and Nishimura (1998), ACM
// TOMACS 8(1); CPython 3.11, Lib/random.py.
//
// Thread rule: a value, one user at a time. Allocation rule: `sample` allocates only the first time
// that it is asked for an n. Failure rule: none.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/byte_stream.h"

namespace driftd {

class PythonRandom {
 public:
  explicit PythonRandom(std::uint64_t number) { seed(number); }

  // Begins anew, as a new `random.Random(number)` would.
  void seed(std::uint64_t number);

  // Fills `chosen` with different numbers below n, of which there are at least as many.
  void sample(std::uint32_t n, std::span<std::uint32_t> chosen);

  void write(ByteWriter& out) const;
  [[nodiscard]] bool read(ByteReader& in);

 private:
  static constexpr std::size_t kWords = 624;

  [[nodiscard]] std::uint32_t next();
  [[nodiscard]] std::uint32_t below(std::uint32_t n);
  void refill();

  std::array<std::uint32_t, kWords> words_;
  std::size_t used_ = kWords;
  std::vector<std::uint32_t> pool_;  // scratch of `sample`, not part of the state
};

}  // namespace driftd
