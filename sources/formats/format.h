// Bytes of one message -> one row of a batch. One decoder belongs to one lane.
//
// Thread rule: used by one lane's thread. Allocation rule: none in steady state (buffers keep their
// capacity). Failure rule: a bad message leaves the batch as it was and returns the reason; nothing
// throws.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "core/clock.h"
#include "core/discard.h"
#include "core/event_batch.h"

namespace driftd {

struct DecoderOptions {
  std::size_t max_event_bytes = 1'000'000;
  int timestamps = 0;  // a config TimestampUnit; 0 tells the unit apart by magnitude
};

// What a good message was; the caller updates its partition's progress with it.
struct Decoded {
  TimeMs event_time = kNoTime;
  ModelIndex model{};
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Appends one row to the model's batch in `batch` (its `sequence` is batch.rows, which then grows
  // by one), or says why not. `now` is read once a batch by the caller; a prediction later than now
  // + the model's skew is `too_far_ahead`. The bytes need no padding.
  [[nodiscard]] virtual std::optional<DiscardReason> decode(MessageKind kind,
                                                            std::string_view bytes, TimeMs now,
                                                            LaneBatch& batch, Decoded& decoded) = 0;
};

// The native JSON of DESIGN section 4. `models` outlive the decoder.
[[nodiscard]] std::unique_ptr<Decoder> make_json_decoder(std::span<const ModelSchema* const> models,
                                                         const DecoderOptions& options);

}  // namespace driftd
