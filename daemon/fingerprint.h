// What of a model its stored state depends on, as one text, and what differs between two of them.
//
// Pure functions; any thread; may allocate; cannot fail.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "windows/reference.h"

namespace driftd {

// task, SHA-256 of the reference, reference_max_distinct, window, and the series with their types.
[[nodiscard]] std::string make_fingerprint(const ModelConfig& config, const ModelSchema& schema,
                                           const Reference& reference);

// "its reference and its features", for people; the fingerprints differ.
[[nodiscard]] std::string what_changed(std::string_view stored, std::string_view now);

}  // namespace driftd
