// The native JSON of driftd. The rules of its fields are EventWriter's; here are the rules of its
// bytes, which model an event is of, and the choice between the learnt layouts (json_layout.h) and
// the general path (json_reader.h).
//
// Of a key that comes twice in an object the last one counts, as in Python and JavaScript.
#include <simdjson.h>

#include <cstring>

#include "core/check.h"
#include "sources/formats/event_writer.h"
#include "sources/formats/format.h"
#include "sources/formats/json_layout.h"
#include "sources/formats/json_reader.h"

namespace driftd {
namespace {

// A topic carries a few models, each with a few shapes (optional fields). Beyond it the oldest
// layout is replaced.
constexpr std::size_t kMaxLayouts = 8;

// A producer that drops what is absent may hardly write a layout twice. After so many misses in a
// row layouts are tried and learnt for one event in kRetryEvery only, so that hopeless comparisons
// cost little.
constexpr std::uint64_t kMaxMisses = 64;
constexpr std::uint64_t kRetryEvery = 16;

// One table of the fields' names, in the order of EventField.
constexpr std::string_view kFieldNames[kEventFields] = {
    "id",     "model",      "version", "ts",    "features", "prediction", "predicted_class",
    "scores", "latency_ms", "weight",  "actual"};

[[nodiscard]] std::uint32_t field_slot(std::string_view name) {
  for (std::uint32_t i = 0; i < kEventFields; ++i) {
    if (kFieldNames[i] == name) return i;
  }
  return JsonLayout::kIgnored;
}

class JsonDecoder final : public Decoder {
 public:
  JsonDecoder(std::span<const ModelSchema* const> models, const DecoderOptions& options)
      : models_(models.begin(), models.end()),
        max_event_bytes_(options.max_event_bytes),
        writer_(models, static_cast<TimestampUnit>(options.timestamps)) {
    DRIFTD_CHECK(!models.empty());
    for (std::uint32_t i = 0; i < models_.size(); ++i) {
      model_by_name_.emplace(models_[i]->name, i);
      TextIndex& scores = scores_.emplace_back();
      for (std::uint32_t k = 0; k < models_[i]->scored_classes.size(); ++k) {
        scores.emplace(models_[i]->classes->text(models_[i]->scored_classes[k]), k);
      }
    }
    layouts_.reserve(kMaxLayouts);
  }

  std::optional<DiscardReason> decode(MessageKind kind, std::string_view bytes, TimeMs now,
                                      LaneBatch& batch, Decoded& decoded) override {
    if (bytes.size() > max_event_bytes_) return DiscardReason::too_large;
    if (!simdjson::validate_utf8(bytes.data(), bytes.size())) return DiscardReason::invalid_utf8;
    const std::string_view padded = pad(bytes);
    const bool predictable = misses_ < kMaxMisses || misses_ % kRetryEvery == 0;
    if (const EventValues* event = predictable ? match_layout(kind, padded) : nullptr) {
      misses_ = 0;
      return writer_.write(kind, *event, now, batch, decoded);
    }
    ++misses_;
    if (padded.find_first_not_of(" \t\r\n") == std::string_view::npos) return DiscardReason::empty;
    if (!reader_.read(padded)) return DiscardReason::malformed_json;
    if (const auto bad = resolve()) return bad;
    if (const auto bad = writer_.write(kind, values_, now, batch, decoded)) return bad;
    if (predictable) learn(kind, padded);
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::string_view pad(std::string_view bytes) {
    if (padded_.size() < bytes.size() + kScanPadding) padded_.resize(bytes.size() + kScanPadding);
    if (!bytes.empty()) std::memcpy(padded_.data(), bytes.data(), bytes.size());
    std::memset(padded_.data() + bytes.size(), 0, kScanPadding);
    return {padded_.data(), bytes.size()};
  }

  // The layout of the last event is tried first.
  [[nodiscard]] const EventValues* match_layout(MessageKind kind, std::string_view bytes) {
    for (std::size_t tried = 0; tried < layouts_.size(); ++tried) {
      JsonLayout& layout = layouts_[last_layout_];
      if (layout.match(kind, bytes)) return &layout.values();
      last_layout_ = last_layout_ + 1 == layouts_.size() ? 0 : last_layout_ + 1;
    }
    return nullptr;
  }

  void learn(MessageKind kind, std::string_view bytes) {
    if (layouts_.size() < kMaxLayouts) {
      JsonLayout layout;
      if (layout.learn(kind, bytes, reader_.members(), slots_, values_))
        layouts_.push_back(std::move(layout));
      return;
    }
    if (layouts_[next_replaced_].learn(kind, bytes, reader_.members(), slots_, values_)) {
      next_replaced_ = (next_replaced_ + 1) % kMaxLayouts;
    }
  }

  // Finds the event's model and puts every member that a rule knows into its slot.
  [[nodiscard]] std::optional<DiscardReason> resolve() {
    std::uint32_t model = 0;
    if (const auto bad = find_model(model)) return bad;
    values_.reset(*models_[model]);
    slots_.clear();
    for (const JsonMember& member : reader_.members()) {
      const std::uint32_t slot = slot_of(member, model);
      slots_.push_back(slot);
      if (slot != JsonLayout::kIgnored) values_.slots[slot] = member.value;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<DiscardReason> find_model(std::uint32_t& model) const {
    const JsonValue* named = nullptr;
    for (const JsonMember& member : reader_.members()) {
      if (member.place == JsonPlace::top && member.key == "model") named = &member.value;
    }
    if (named == nullptr || named->is_missing()) {
      model = 0;
      return models_.size() == 1 ? std::nullopt : std::optional(DiscardReason::missing_field);
    }
    const auto found = model_by_name_.find(named->text);
    if (found == model_by_name_.end()) return DiscardReason::unknown_model;
    model = found->second;
    return std::nullopt;
  }

  [[nodiscard]] std::uint32_t slot_of(const JsonMember& member, std::uint32_t model) {
    const ModelSchema& schema = *models_[model];
    const auto find = [](const TextIndex& index, std::string_view name, std::size_t offset) {
      const auto found = index.find(name);
      return found == index.end() ? JsonLayout::kIgnored
                                  : static_cast<std::uint32_t>(offset + found->second);
    };
    switch (member.place) {
      case JsonPlace::top: return field_slot(member.key);
      case JsonPlace::feature_name: return find(schema.feature_by_name, member.key, kEventFields);
      case JsonPlace::feature_position:
        return member.index < schema.feature_count
                   ? static_cast<std::uint32_t>(kEventFields + member.index)
                   : JsonLayout::kIgnored;
      case JsonPlace::score:
        return find(scores_[model], canonical_category(member.key, buffer_),
                    kEventFields + schema.feature_count);
      case JsonPlace::other: break;
    }
    return JsonLayout::kIgnored;
  }

  const std::vector<const ModelSchema*> models_;
  const std::size_t max_event_bytes_;
  EventWriter writer_;
  TextIndex model_by_name_;
  std::vector<TextIndex> scores_;  // by ModelIndex: class text -> position in scored_classes
  std::string padded_;
  std::string buffer_;
  std::vector<JsonLayout> layouts_;
  std::size_t last_layout_ = 0;
  std::size_t next_replaced_ = 0;
  std::uint64_t misses_ = 0;  // events in a row that the general path had to read
  JsonReader reader_;
  EventValues values_;                // of the general path
  std::vector<std::uint32_t> slots_;  // where each of the reader's members went
};

}  // namespace

std::unique_ptr<Decoder> make_json_decoder(std::span<const ModelSchema* const> models,
                                           const DecoderOptions& options) {
  return std::make_unique<JsonDecoder>(models, options);
}

}  // namespace driftd
