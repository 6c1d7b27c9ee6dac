// The values of one event by name: what a format's parser fills and EventWriter turns into a row.
//
// Thread rule: owned by one decoder. Allocation rule: the slots are sized once per model. Failure
// rule: none.
#pragma once

#include <cstddef>
#include <vector>

#include "core/model.h"
#include "sources/formats/json_value.h"

namespace driftd {

// The fields that every model's events have. Behind them come the model's features, by their
// position among its series, and then the scores, by their position in ModelSchema::scored_classes.
enum class EventField : std::uint8_t {
  id,
  model,
  version,
  ts,
  features,
  prediction,
  predicted_class,
  scores,
  latency_ms,
  weight,
  actual
};
inline constexpr std::size_t kEventFields = 11;

struct EventValues {
  const ModelSchema* model = nullptr;
  std::vector<JsonValue> slots;

  void reset(const ModelSchema& schema) {
    model = &schema;
    slots.assign(kEventFields + schema.feature_count + schema.scored_classes.size(), JsonValue{});
  }
  [[nodiscard]] const JsonValue& field(EventField name) const {
    return slots[static_cast<std::size_t>(name)];
  }
  [[nodiscard]] const JsonValue& feature(std::size_t position) const {
    return slots[kEventFields + position];
  }
  [[nodiscard]] const JsonValue& score(std::size_t position) const {
    return slots[kEventFields + model->feature_count + position];
  }
};

}  // namespace driftd
