// The fast path: producers write the same keys in the same order, so an event is a known text with
// gaps for values.
//
// A layout is learnt from an event that the general path has accepted: the literal bytes before,
// between and behind its scalars, and which slot each scalar goes to. A later event that has the
// same literals and a plain scalar in every gap is valid JSON of the same shape, because putting a
// scalar in a scalar's place keeps it so. Every byte is compared; at the first surprise `match`
// gives up and the general path decides.
//
// Thread rule: owned by one decoder. Allocation rule: only `learn` allocates. Failure rule: false.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/event_batch.h"
#include "sources/formats/event_values.h"
#include "sources/formats/json_reader.h"

namespace driftd {

class JsonLayout {
 public:
  // `slots[i]` is where members[i] went, or kIgnored. False (and nothing learnt) where a slot holds
  // a container that is neither `features` nor `scores`, since such an event is an exception rather
  // than a layout.
  [[nodiscard]] bool learn(MessageKind kind, std::string_view bytes,
                           const std::vector<JsonMember>& members,
                           const std::vector<std::uint32_t>& slots, const EventValues& values);

  // `bytes` must be followed by kScanPadding zero bytes.
  [[nodiscard]] bool match(MessageKind kind, std::string_view bytes);

  // Of the last event that matched.
  [[nodiscard]] const EventValues& values() const { return values_; }

  static constexpr std::uint32_t kIgnored = 0xFFFF'FFFFu;

 private:
  struct Step {
    std::uint32_t literal = 0;  // position in literals_ of the bytes before the scalar
    std::uint32_t size = 0;
    std::uint32_t slot = 0;  // the last slot is a sink for ignored scalars
  };
  void add_step(std::string_view literal, std::uint32_t slot);
  [[nodiscard]] bool literal_matches(const Step& step, const char* at) const;

  MessageKind kind_ = MessageKind::prediction;
  // The value of `model` that the layout is for.
  JsonValue::Kind model_kind_ = JsonValue::Kind::absent;
  std::string model_text_;
  std::string literals_;
  std::vector<Step> steps_;  // the last one is the text behind the last scalar
  EventValues values_;
};

}  // namespace driftd
