#include "sources/formats/json_layout.h"

#include <cstring>

namespace driftd {
namespace {

// Literals are compared in words of eight bytes, and both sides may be read that far beyond their
// end.
constexpr std::size_t kWord = sizeof(std::uint64_t);

[[nodiscard]] inline std::uint64_t load_word(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, kWord);
  return word;
}

}  // namespace

bool JsonLayout::learn(MessageKind kind, std::string_view bytes,
                       const std::vector<JsonMember>& members,
                       const std::vector<std::uint32_t>& slots, const EventValues& values) {
  const auto features = static_cast<std::uint32_t>(EventField::features);
  const auto scores = static_cast<std::uint32_t>(EventField::scores);
  for (std::size_t i = 0; i < members.size(); ++i) {
    const bool is_container = members[i].value.kind == JsonValue::Kind::container;
    if (is_container && slots[i] != kIgnored && slots[i] != features && slots[i] != scores)
      return false;
  }
  kind_ = kind;
  model_kind_ = values.field(EventField::model).kind;
  model_text_.assign(values.field(EventField::model).text);
  values_ = values;
  values_.slots.emplace_back();
  const auto sink = static_cast<std::uint32_t>(values_.slots.size() - 1);
  literals_.clear();
  steps_.clear();
  const char* from = bytes.data();
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].value.kind == JsonValue::Kind::container) continue;
    add_step({from, members[i].begin}, slots[i] == kIgnored ? sink : slots[i]);
    from = members[i].end;
  }
  add_step({from, bytes.data() + bytes.size()}, sink);
  literals_.append(kWord, '\0');
  return true;
}

void JsonLayout::add_step(std::string_view literal, std::uint32_t slot) {
  steps_.push_back({static_cast<std::uint32_t>(literals_.size()),
                    static_cast<std::uint32_t>(literal.size()), slot});
  literals_.append(literal);
}

bool JsonLayout::literal_matches(const Step& step, const char* at) const {
  const char* expected = literals_.data() + step.literal;
  std::size_t left = step.size;
  for (; left >= kWord; left -= kWord, at += kWord, expected += kWord) {
    if (load_word(at) != load_word(expected)) return false;
  }
  if (left == 0) return true;
  // Little-endian: the first bytes are the low ones, and the shift drops those behind the literal.
  return ((load_word(at) ^ load_word(expected)) << (8 * (kWord - left))) == 0;
}

bool JsonLayout::match(MessageKind kind, std::string_view bytes) {
  if (kind != kind_ || bytes.size() < steps_.back().size) return false;
  const char* at = bytes.data();
  // No literal and no scalar contains a zero byte, so no comparison succeeds and no scan goes on
  // beyond the end.
  for (std::size_t i = 0; i + 1 < steps_.size(); ++i) {
    const Step& step = steps_[i];
    if (!literal_matches(step, at)) return false;
    at = scan_scalar(at + step.size, values_.slots[step.slot]);
    if (at == nullptr) return false;
  }
  const Step& tail = steps_.back();
  if (bytes.data() + bytes.size() - at != static_cast<std::ptrdiff_t>(tail.size)) return false;
  const JsonValue& model = values_.field(EventField::model);
  return literal_matches(tail, at) && model.kind == model_kind_ && model.text == model_text_;
}

}  // namespace driftd
