#include "sources/formats/event_writer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <spdlog/spdlog.h>

#include "core/check.h"

namespace driftd {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

[[nodiscard]] IdHash hash_id(std::string_view id) {
  const XXH128_hash_t hash = XXH3_128bits(id.data(), id.size());
  return {hash.high64, hash.low64};
}

[[nodiscard]] bool is_integer_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '-' || (c >= '0' && c <= '9'); });
}

[[nodiscard]] bool is_empty_text(const JsonValue& value) {
  return value.kind == JsonValue::Kind::text && value.text.empty();
}

[[nodiscard]] bool is_latency(const JsonValue& value) {
  return value.is_number() && std::isfinite(value.number) && value.number >= 0;
}

[[nodiscard]] double latency_or_nan(const JsonValue& value) {
  return is_latency(value) ? value.number : kNaN;
}

[[nodiscard]] double weight_or_one(const JsonValue& value) {
  return value.is_number() && std::isfinite(value.number) && value.number > 0 ? value.number : 1.0;
}

}  // namespace

std::uint32_t NameCache::code(std::string_view text) {
  if (has_last_ && text == last_text_) return last_code_;
  if (const auto found = codes_.find(text); found != codes_.end()) {
    last_code_ = found->second;
  } else {
    last_code_ = names_->code(text);
    if (codes_.size() >= limit_) {
      has_last_ = false;
      return last_code_;
    }
    codes_.emplace(text, last_code_);
  }
  last_text_.assign(text);
  has_last_ = true;
  return last_code_;
}

EventWriter::EventWriter(std::span<const ModelSchema* const> models, TimestampUnit timestamps)
    : timestamps_(timestamps) {
  for (const ModelSchema* model : models) {
    DRIFTD_CHECK(position(model->index) == names_.size());
    names_.push_back(
        {NameCache(*model->versions, kMaxVersions), NameCache(*model->classes, kMaxClasses)});
  }
}

std::optional<DiscardReason> EventWriter::write(MessageKind kind, const EventValues& event,
                                                TimeMs now, LaneBatch& batch, Decoded& decoded) {
  return kind == MessageKind::prediction ? write_prediction(event, now, batch, decoded)
                                         : write_label(event, batch, decoded);
}

std::optional<DiscardReason> EventWriter::read_head(const EventValues& event, Head& head) {
  const JsonValue& id = event.field(EventField::id);
  if (id.is_missing() || is_empty_text(id)) return DiscardReason::missing_field;
  const bool is_integer = id.is_number() && is_integer_text(id.text);
  if (id.kind != JsonValue::Kind::text && !is_integer) return DiscardReason::wrong_type;
  head.id = hash_id(id.text);

  const JsonValue& ts = event.field(EventField::ts);
  if (ts.is_missing()) return DiscardReason::missing_field;
  std::optional<TimeMs> time;
  if (ts.is_number()) time = time_from_number(ts.number, timestamps_);
  if (ts.kind == JsonValue::Kind::text) time = time_from_text(ts.text);
  if (!time) return DiscardReason::wrong_type;
  if (!said_unit_ && ts.is_number()) say_unit(ts);
  head.ts = *time;
  return std::nullopt;
}

// A unit told by magnitude is a guess, which is said once: times before March 1973 in milliseconds
// would be taken for seconds.
void EventWriter::say_unit(const JsonValue& ts) {
  said_unit_ = true;
  if (timestamps_ != TimestampUnit::detect) return;
  const TimestampUnit unit = unit_by_magnitude(ts.number);
  const char* const name = unit == TimestampUnit::seconds        ? "seconds"
                           : unit == TimestampUnit::milliseconds ? "milliseconds"
                                                                 : "microseconds";
  spdlog::warn(
      "times are read as {0}, told by the size of `ts`: {1}; timestamps = \"{0}\" in the "
      "[[source]] "
      "of `run` makes it certain",
      name, ts.text);
}

std::optional<DiscardReason> EventWriter::read_output(const EventValues& event, Output& output) {
  const ModelSchema& model = *event.model;
  const JsonValue& prediction = event.field(EventField::prediction);
  if (prediction.is_missing() || is_empty_text(prediction)) return DiscardReason::missing_field;
  if (!prediction.has_text()) return DiscardReason::wrong_type;
  output.score = kNaN;
  if (model.task == Task::regression) {
    if (!prediction.is_number() || !std::isfinite(prediction.number))
      return DiscardReason::wrong_type;
    output.score = prediction.number;
    return std::nullopt;
  }
  const JsonValue& decision = event.field(EventField::predicted_class);
  if (decision.has_text() && !is_empty_text(decision)) output.class_value = &decision;
  if (model.task == Task::multiclass) {
    output.class_value = output.class_value != nullptr ? output.class_value : &prediction;
    output.predicted_class = class_code(model, prediction);
    return std::nullopt;
  }
  if (prediction.is_number()) {
    if (!(prediction.number >= 0 && prediction.number <= 1)) return DiscardReason::wrong_type;
    output.score = prediction.number;
  } else if (output.class_value == nullptr) {
    output.class_value = &prediction;
  }
  if (output.class_value != nullptr)
    output.predicted_class = class_code(model, *output.class_value);
  return std::nullopt;
}

std::optional<DiscardReason> EventWriter::write_prediction(const EventValues& event, TimeMs now,
                                                           LaneBatch& batch, Decoded& decoded) {
  const ModelSchema& model = *event.model;
  Head head;
  if (const auto bad = read_head(event, head)) return bad;
  const JsonValue& features = event.field(EventField::features);
  if (features.is_missing()) return DiscardReason::missing_field;
  if (features.kind != JsonValue::Kind::container) return DiscardReason::wrong_type;
  Output output;
  if (const auto bad = read_output(event, output)) return bad;
  if (now < kEndOfTime - model.skew && head.ts > now + model.skew)
    return DiscardReason::too_far_ahead;

  EventBatch& rows = batch.predictions[position(model.index)];
  rows.ts.push_back(head.ts);
  rows.id.push_back(head.id);
  const JsonValue& version = event.field(EventField::version);
  const bool has_version = version.has_text() && !version.text.empty();
  const auto version_code =
      names_[position(model.index)].versions.code(has_version ? version.text : kDefaultVersion);
  rows.version.push_back(VersionIndex{version_code});
  rows.sequence.push_back(batch.rows++);
  rows.score.push_back(output.score);
  rows.predicted_class.push_back(output.predicted_class);
  for (std::size_t i = 0; i < model.scored_classes.size(); ++i) {
    const JsonValue& score = event.score(i);
    rows.class_scores.push_back(score.is_number() ? score.number : kNaN);
  }
  rows.latency_ms.push_back(latency_or_nan(event.field(EventField::latency_ms)));
  rows.weight.push_back(weight_or_one(event.field(EventField::weight)));
  write_columns(event, output, rows);
  decoded = {head.ts, model.index};
  return std::nullopt;
}

std::optional<DiscardReason> EventWriter::write_label(const EventValues& event, LaneBatch& batch,
                                                      Decoded& decoded) {
  const ModelSchema& model = *event.model;
  Head head;
  if (const auto bad = read_head(event, head)) return bad;
  const JsonValue& actual = event.field(EventField::actual);
  if (actual.is_missing() || is_empty_text(actual)) return DiscardReason::missing_field;
  if (!actual.has_text()) return DiscardReason::wrong_type;
  const bool is_value = model.task == Task::regression;
  if (is_value && !(actual.is_number() && std::isfinite(actual.number)))
    return DiscardReason::wrong_type;

  LabelBatch& rows = batch.labels[position(model.index)];
  rows.ts.push_back(head.ts);
  rows.id.push_back(head.id);
  rows.sequence.push_back(batch.rows++);
  rows.value.push_back(is_value ? actual.number : kNaN);
  rows.actual_class.push_back(is_value ? kNoClass : class_code(model, actual));
  decoded = {head.ts, model.index};
  return std::nullopt;
}

void EventWriter::write_columns(const EventValues& event, const Output& output, EventBatch& rows) {
  const ModelSchema& model = *event.model;
  static constexpr JsonValue kAbsent{};
  for (std::size_t i = 0; i < model.feature_count; ++i) {
    write_value(model.series[i], event.feature(i), rows.columns[i]);
  }
  for (std::size_t i = model.feature_count; i < model.series.size(); ++i) {
    const SeriesSchema& series = model.series[i];
    const JsonValue* value = &kAbsent;
    switch (series.role) {
      case SeriesRole::feature: break;
      case SeriesRole::prediction: value = &event.field(EventField::prediction); break;
      case SeriesRole::predicted_class:
        value = output.class_value != nullptr ? output.class_value : &kAbsent;
        break;
      case SeriesRole::latency: value = &event.field(EventField::latency_ms); break;
    }
    if (series.role == SeriesRole::latency && series.type == SeriesType::numeric) {
      const double number = value->is_missing() ? missing_number() : wrong_type_number();
      rows.columns[i].numbers.push_back(is_latency(*value) ? value->number : number);
    } else {
      write_value(series, *value, rows.columns[i]);
    }
  }
}

void EventWriter::write_value(const SeriesSchema& series, const JsonValue& value, Column& column) {
  if (series.type == SeriesType::numeric) {
    if (value.is_number()) {
      column.numbers.push_back(value.number);
    } else {
      column.numbers.push_back(value.is_missing() ? missing_number() : wrong_type_number());
    }
    return;
  }
  if (value.is_missing() || is_empty_text(value)) {
    column.codes.push_back(kMissingCategory);
  } else if (!value.has_text()) {
    column.codes.push_back(kWrongTypeCategory);
  } else {
    const std::string_view text = canonical_category(value.text, buffer_);
    if (const auto found = series.categories.find(text); found != series.categories.end()) {
      column.codes.push_back(found->second);
    } else {
      column.add_unseen(text, series.category_codes());
    }
  }
}

ClassCode EventWriter::class_code(const ModelSchema& model, const JsonValue& value) {
  return names_[position(model.index)].classes.code(canonical_category(value.text, buffer_));
}

}  // namespace driftd
