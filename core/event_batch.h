// A batch of one model's events, column by column: what a source fills and the windows fold.
//
// There is no object per event and no map of strings: row i is element i of each vector. A batch is
// owned by one lane, is cleared and filled again, and keeps its capacity, so that a lane allocates
// nothing in steady state. Missing values and values of a wrong type are told apart by two reserved
// marks in the value columns.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/discard.h"
#include "core/ids.h"
#include "core/model.h"

namespace driftd {

// Marks in a numeric column. Both are NaN, so that they never compare as values; JSON has no NaN of
// its own.
inline constexpr std::uint64_t kMissingBits = 0x7FF8'0000'0000'0001ull;
inline constexpr std::uint64_t kWrongTypeBits = 0x7FF8'0000'0000'0002ull;
[[nodiscard]] inline double missing_number() { return std::bit_cast<double>(kMissingBits); }
[[nodiscard]] inline double wrong_type_number() { return std::bit_cast<double>(kWrongTypeBits); }
[[nodiscard]] inline bool is_wrong_type(double value) {
  return std::bit_cast<std::uint64_t>(value) == kWrongTypeBits;
}

// Marks in a categorical column. Other codes: below the number of reference categories a reference
// category, from there on the position in the column's `unseen` texts.
inline constexpr std::uint32_t kMissingCategory = 0xFFFF'FFFFu;
inline constexpr std::uint32_t kWrongTypeCategory = 0xFFFF'FFFEu;

// One series' values in a batch; either `numbers` or `codes` is filled, by the series' type.
struct Column {
  std::vector<double> numbers;
  std::vector<std::uint32_t> codes;
  // Texts that are no category of the reference, as met in this batch (not distinct: the windows
  // count them).
  std::vector<std::string> unseen;
  std::size_t unseen_size =
      0;  // how many of `unseen` belong to this batch; the rest is kept for its capacity

  void add_unseen(std::string_view text, std::uint32_t reference_categories) {
    codes.push_back(reference_categories + static_cast<std::uint32_t>(unseen_size));
    if (unseen_size == unseen.size()) unseen.emplace_back();
    unseen[unseen_size++].assign(text);
  }
};

class EventBatch {
 public:
  explicit EventBatch(const ModelSchema& model) : model_(&model), columns(model.series.size()) {}

  [[nodiscard]] const ModelSchema& model() const { return *model_; }
  [[nodiscard]] std::size_t size() const { return ts.size(); }
  void clear();
  // Drops a row that was begun and turned out to be bad: every vector is cut back to `rows`.
  void truncate(std::size_t rows);

 private:
  const ModelSchema* model_;

 public:
  std::vector<TimeMs> ts;
  std::vector<IdHash> id;
  std::vector<VersionIndex> version;
  // The order of arrival among all rows of the lane's batch, predictions and labels alike.
  std::vector<std::uint32_t> sequence;
  std::vector<double> score;  // binary: the positive class's probability; regression: the value
  std::vector<ClassCode> predicted_class;  // kNoClass where the event does not say
  std::vector<double>
      class_scores;  // multiclass: rows x scored_classes, NaN where an event has no scores
  std::vector<double> latency_ms;  // NaN where missing
  std::vector<double> weight;      // 1 where missing
  std::vector<Column> columns;     // by position in ModelSchema::series
};

// A batch of one model's labels.
struct LabelBatch {
  explicit LabelBatch(const ModelSchema& schema) : model(&schema) {}
  const ModelSchema* model;
  std::vector<TimeMs> ts;
  std::vector<IdHash> id;
  std::vector<std::uint32_t> sequence;
  std::vector<double> value;            // regression: the actual value, else NaN
  std::vector<ClassCode> actual_class;  // classification: the actual class, else kNoClass

  [[nodiscard]] std::size_t size() const { return ts.size(); }
  void clear();
};

enum class MessageKind : std::uint8_t { prediction, label };

// How far a source has come in one partition of one input.
struct PartitionProgress {
  std::int64_t next_offset = 0;     // of the next message that has not been consumed
  TimeMs max_event_time = kNoTime;  // the largest event time accepted in it
  bool caught_up = false;      // at the end of what the partition holds, as far as the source knows
  TimeMs caught_up_since = 0;  // on the steady clock; meaningful while caught_up
  // The last message consumed, by which a restart proves that the partition is still the one that
  // was read: a topic created anew has other messages at the same offsets. -1: none was.
  std::int64_t last_offset = -1;
  std::uint64_t last_fingerprint = 0;
};

// What a lane reads in one go from its source.
struct LaneBatch {
  std::vector<EventBatch> predictions;  // by ModelIndex
  std::vector<LabelBatch> labels;       // by ModelIndex
  DiscardCounts discarded;
  std::uint32_t rows = 0;  // predictions and labels accepted into this batch

  void clear();
};

}  // namespace driftd
