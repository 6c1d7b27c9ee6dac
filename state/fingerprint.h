// The text that says what a model's state depends on, taken apart again: for those who read a state
// without its configuration.
//
// It is made by make_fingerprint (daemon/fingerprint.h); docs/formats/state.md describes it. Pure
// functions. Failure rule: what is no such text is an empty optional.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/model.h"

namespace driftd {

struct Fingerprint {
  Task task = Task::binary;
  std::string reference;  // SHA-256 of the reference, in hex
  std::uint64_t distinct = 0;
  DurationMs size = 0;  // windows by time
  DurationMs slide = 0;
  std::int64_t count = 0;  // windows by count
  std::vector<SeriesType> series;
};

[[nodiscard]] std::optional<Fingerprint> parse_fingerprint(std::string_view text);

// Whether the stored bytes of a pane are what `Pane::write_features` and `Pane::write_performance`
// write for such a model: all that can be said without its reference.
[[nodiscard]] bool are_features(std::string_view bytes, const Fingerprint& model);
[[nodiscard]] bool is_performance(std::string_view bytes, const Fingerprint& model);

// What stands first in a pane's features.
struct PaneCounts {
  std::uint64_t predictions = 0;
  TimeMs first_time = kEndOfTime;
  TimeMs last_time = kNoTime;
  std::uint64_t duplicates = 0;
};
[[nodiscard]] std::optional<PaneCounts> counts_of_features(std::string_view bytes);
[[nodiscard]] std::optional<std::uint64_t> labelled_of_performance(std::string_view bytes,
                                                                   const Fingerprint& model);

}  // namespace driftd
