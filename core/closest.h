// The known word that a mistyped one was meant to be.
//
// Thread rule: pure. Allocation rule: allocates for the distance. Failure rule: none; no word that
// is near is an empty optional.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace driftd {

// The one of `known` that is nearest to `word` by edit distance, where it is near enough to be a
// slip.
[[nodiscard]] std::optional<std::string_view> closest(std::string_view word,
                                                      std::span<const std::string_view> known);

}  // namespace driftd
