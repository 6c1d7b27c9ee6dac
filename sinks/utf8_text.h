// Keeps what leaves driftd well-formed: names come from events and files, and one bad byte would
// make a scraper, a JSON parser or Postgres refuse everything around it.
//
// Thread rule: pure functions. Allocation rule: only `valid_utf8`, for its result. Failure rule:
// cannot fail; what is not UTF-8 becomes U+FFFD, one per byte that begins no well-formed sequence.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace driftd {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

// How many bytes the well-formed UTF-8 sequence has that `text` begins with; 0 where it begins with
// none.
[[nodiscard]] std::size_t utf8_sequence_length(std::string_view text);

[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace driftd
