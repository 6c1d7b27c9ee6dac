// Events from files: one file of predictions and, where there are any, one of labels, merged by
// time of arrival.
//
// The time of arrival is an event's `ts`. The merge takes the smaller of the two heads (a tie: the
// prediction), never reorders a file and needs no sorted files; LaneBatch rows carry the merged
// order in `sequence`.
//
// Thread rule: one lane; `progress` and `failed` with the lane parked. Allocation rule: none in
// steady state. Failure rule: a file that cannot be opened is said by `start`; one that turns out
// to be damaged ends early, after its good part was delivered, and `failed` says so.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "sources/discarded.h"
#include "sources/formats/format.h"
#include "sources/source.h"

namespace driftd {

class ReplaySource : public Source {
 public:
  // To be asked once `poll` has returned false.
  [[nodiscard]] virtual std::optional<Error> failed() const = 0;
};

// NDJSON files, plain or gzipped; "-" is standard input. `labels` empty: none. The models,
// the clock (wall-clock time, for events too far ahead) and `discarded` outlive it.
[[nodiscard]] std::unique_ptr<ReplaySource> make_replay_source(
    std::string predictions, std::string labels, std::span<const ModelSchema* const> models,
    const Clock& clock, DiscardedMessages& discarded, const DecoderOptions& options);

}  // namespace driftd
