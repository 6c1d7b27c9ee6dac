// An event's values -> one row of a lane's batch, by the rules of a model: which fields there must
// be, of which type, and how classes and categories get their codes. Every format ends here, so
// that the rules stand once.
//
// Thread rule: one writer per lane. Allocation rule: none once the versions and classes have been
// met. Failure rule: a bad event returns the reason and leaves the batch as it was.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/discard.h"
#include "core/event_time.h"
#include "sources/formats/event_values.h"
#include "sources/formats/format.h"

namespace driftd {

// The name of an event's version where it names none.
inline constexpr std::string_view kDefaultVersion = "default";

// A lane's own copy of one name table, so that the table's lock is taken once for each name.
class NameCache {
 public:
  explicit NameCache(Names& names, std::size_t limit) : names_(&names), limit_(limit) {}
  [[nodiscard]] std::uint32_t code(std::string_view text);

 private:
  Names* names_;
  std::size_t
      limit_;  // names beyond it are `other`, are asked for again each time, and so are counted
  TextIndex codes_;
  std::string last_text_;
  std::uint32_t last_code_ = 0;
  bool has_last_ = false;
};

class EventWriter {
 public:
  EventWriter(std::span<const ModelSchema* const> models, TimestampUnit timestamps);

  [[nodiscard]] std::optional<DiscardReason> write(MessageKind kind, const EventValues& event,
                                                   TimeMs now, LaneBatch& batch, Decoded& decoded);

 private:
  struct ModelNames {
    NameCache versions;
    NameCache classes;
  };
  // What a prediction's output says, by the model's task.
  struct Output {
    double score = 0;
    ClassCode predicted_class = kNoClass;
    const JsonValue* class_value = nullptr;  // which value names the class, if one does
  };
  // What predictions and labels have in common.
  struct Head {
    IdHash id;
    TimeMs ts = kNoTime;
  };

  [[nodiscard]] std::optional<DiscardReason> read_head(const EventValues& event, Head& head);
  void say_unit(const JsonValue& ts);
  [[nodiscard]] std::optional<DiscardReason> read_output(const EventValues& event, Output& output);
  [[nodiscard]] std::optional<DiscardReason> write_prediction(const EventValues& event, TimeMs now,
                                                              LaneBatch& batch, Decoded& decoded);
  [[nodiscard]] std::optional<DiscardReason> write_label(const EventValues& event, LaneBatch& batch,
                                                         Decoded& decoded);
  void write_columns(const EventValues& event, const Output& output, EventBatch& rows);
  void write_value(const SeriesSchema& series, const JsonValue& value, Column& column);
  [[nodiscard]] ClassCode class_code(const ModelSchema& model, const JsonValue& value);

  const TimestampUnit timestamps_;
  bool said_unit_ = false;
  std::vector<ModelNames> names_;  // by ModelIndex
  std::string buffer_;             // of canonical_category
};

}  // namespace driftd
