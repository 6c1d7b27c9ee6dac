// The laws that every mergeable summary must keep, as checks that a RapidCheck property calls.
//
// A summary's integers must be equal to the byte however a stream was split; sums of doubles depend
// on the order of addition, so those may differ by 1e-9. Call from inside a property only: the
// checks draw their cuts and damages from RapidCheck.
#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/byte_stream.h"

namespace driftd {

// What two summaries of one stream must share.
struct Fingerprint {
  std::string exact;
  std::vector<double> rounded;
};

inline bool operator==(const Fingerprint& a, const Fingerprint& b) {
  const auto close = [](double x, double y) {
    return x == y || std::abs(x - y) <= 1e-9 * std::max({1.0, std::abs(x), std::abs(y)});
  };
  return a.exact == b.exact && a.rounded.size() == b.rounded.size() &&
         std::equal(a.rounded.begin(), a.rounded.end(), b.rounded.begin(), close);
}

template <typename State>
[[nodiscard]] std::string bytes_of(const State& state) {
  std::string bytes;
  ByteWriter out(bytes);
  state.write(out);
  return bytes;
}

// `fold(state, part)` updates a state with a run of the stream; `fingerprint(state)` reads it.
template <typename State, typename Item, typename Fold, typename Print>
void check_merge_laws(const State& empty, const std::vector<Item>& stream, Fold fold,
                      Print fingerprint) {
  const auto to = *rc::gen::inRange<std::size_t>(0, stream.size() + 1);
  const auto from = *rc::gen::inRange<std::size_t>(0, to + 1);
  const std::span<const Item> all(stream);
  const auto folded = [&](std::span<const Item> part) {
    State state = empty;
    fold(state, part);
    return state;
  };
  const auto merged = [](State left, const State& right) {
    left.merge(right);
    return left;
  };
  const State a = folded(all.first(from));
  const State b = folded(all.subspan(from, to - from));
  const State c = folded(all.subspan(to));
  const Fingerprint whole = fingerprint(folded(all));

  RC_ASSERT(fingerprint(merged(merged(a, b), c)) == whole);
  RC_ASSERT(fingerprint(merged(a, merged(b, c))) == whole);
  RC_ASSERT(fingerprint(merged(merged(c, a), b)) == whole);
  RC_ASSERT(fingerprint(merged(a, b)) == fingerprint(merged(b, a)));
  RC_ASSERT(fingerprint(merged(a, empty)) == fingerprint(a));
  RC_ASSERT(fingerprint(merged(empty, a)) == fingerprint(a));

  // Going on with the stream after a merge is the same as merging what comes.
  State resumed = merged(a, b);
  fold(resumed, all.subspan(to));
  RC_ASSERT(fingerprint(resumed) == whole);
}

// `reread(bytes)` gives the bytes of what it read, or nothing where it refused them.
template <typename Reread>
void check_stored_form(const std::string& bytes, Reread reread) {
  RC_ASSERT(reread(bytes) == std::optional<std::string>(bytes));

  RC_ASSERT(!reread(bytes + '\0'));
  const std::size_t step = std::max<std::size_t>(1, bytes.size() / 64);
  for (std::size_t kept = 0; kept < bytes.size(); kept += step) {
    RC_ASSERT(!reread(std::string_view(bytes).substr(0, kept)));
  }

  // A flipped bit may go unnoticed (the store has checksums), but must neither crash nor be read as
  // something that cannot be written and read again.
  for (int i = 0; i < 8 && !bytes.empty(); ++i) {
    std::string damaged = bytes;
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << *rc::gen::inRange(0, 8)));
    if (const std::optional<std::string> read = reread(damaged)) {
      RC_ASSERT(reread(*read).has_value());
    }
  }
}

// The same for a state whose `read` is called by `read(in, state)`.
template <typename State, typename Read>
void check_stored_form_of(const State& empty, const State& state, Read read) {
  check_stored_form(bytes_of(state), [&](std::string_view bytes) -> std::optional<std::string> {
    State out = empty;
    ByteReader in(bytes);
    if (!read(in, out) || !in.at_end()) return std::nullopt;
    return bytes_of(out);
  });
}

}  // namespace driftd
