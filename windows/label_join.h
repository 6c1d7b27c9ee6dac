// Joins labels with their predictions by id, for one model, for as long as the label horizon says.
//
// The first prediction of an id wins and so does its first label, whichever of the two is read
// first. An id has a row; every change of it appends the row anew (windows/join_rows.h), and an
// index in memory knows the newest one. Rows lie in segments of a sixteenth of the horizon or a
// million rows; a segment goes as a whole when no label can count any more for a row in it: when
// the labels read have passed its times + horizon, or that long after it arrived. An expired row
// whose segment is still there is not found any more, so that what an id comes to does not depend
// on where segments begin. So expiry costs nothing per row, and memory is the index alone: 10 to 21
// bytes a row. Thread rule: every public call takes the one mutex, for a batch at a time; two lanes
// may call it at once. Allocation rule: none per event once the index has grown. Failure rule:
// beyond the memory budget the oldest segment goes, counted in `evicted`; a row that cannot be read
// sets `damage`, after which nothing that the join says may become durable.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "core/clock.h"
#include "core/event_batch.h"
#include "core/ids.h"
#include "core/join_counts.h"
#include "windows/join_rows.h"
#include "windows/memory_budget.h"
#include "windows/pane_assigner.h"
#include "windows/performance.h"
#include "windows/row_index.h"

namespace driftd {

// Predictions whose label counts: where each belongs and what it says. Owned and reused by the
// caller.
struct JoinedRows {
  struct Row {
    VersionIndex version{};
    std::int64_t pane = 0;
    DurationMs label_delay = 0;  // the label's time less the prediction's
    LabelledRow labelled;        // without its scores, which follow in the order of the rows
  };
  std::vector<Row> rows;
  std::vector<double> scores;  // rows x scored classes

  void clear() {
    rows.clear();
    scores.clear();
  }
};

struct LabelJoinLimits {
  std::uint64_t rows_per_segment = std::uint64_t{1} << 20;
  // A shorter segment ends by its time only while there are fewer segments than this.
  std::size_t segments_by_time = 64;
};

class LabelJoin {
 public:
  static constexpr std::uint16_t kNoStoredClass = 0xFFFF;

  // As it is stored, followed by the scores. Little-endian.
  struct Row {
    IdHash id;
    TimeMs predicted_at = kNoTime;  // kNoTime: no prediction yet
    TimeMs labelled_at = kNoTime;   // kNoTime: no label yet
    std::int64_t pane = 0;
    double score = 0;
    double actual_value = 0;
    RowNumber previous = kNoRow;  // the version of this row before
    std::uint16_t version = 0;
    std::uint16_t predicted_class = kNoStoredClass;
    std::uint16_t actual_class = kNoStoredClass;
    std::uint16_t label_was_first = 0;  // 1: the version before was a waiting label
  };
  static_assert(sizeof(Row) == 72);

  // What a row takes in its store: see docs/formats/state.md.
  [[nodiscard]] static std::size_t row_bytes(const ModelSchema& model);

  LabelJoin(const ModelSchema& model, MemoryBudget& budget, std::unique_ptr<JoinRowStore> rows,
            LabelJoinLimits limits = {});

  // Takes the predictions [from, to) in order, until the assigner wants to close a window, and
  // returns the position after the last one taken. accepted[i - from] says whether row i is the
  // first of its id; panes[i - from] its pane, or the one that a duplicate is counted in.
  // Predictions whose label was waiting are appended to `joined`.
  std::size_t add_predictions(const EventBatch& batch, std::size_t from, std::size_t to,
                              PaneAssigner& assigner, std::vector<std::uint8_t>& accepted,
                              std::vector<std::int64_t>& panes, JoinedRows& joined,
                              DiscardCounts& discarded);

  // Takes the labels [from, to) in order; returns how many were accepted (first of their id).
  std::uint64_t add_labels(const LabelBatch& batch, std::size_t from, std::size_t to,
                           JoinedRows& joined, DiscardCounts& discarded);

  // Drops the segments for whose rows no label can count any more. `predictions_until` and
  // `labels_until`: event times before which nothing more is expected from the prediction and the
  // label partitions.
  void expire(TimeMs predictions_until, TimeMs labels_until);

  // What `expire` has been told so far; part of what is stored.
  struct Expired {
    TimeMs predictions_until = kNoTime;
    TimeMs until = kNoTime;  // predictions and labels
  };
  [[nodiscard]] Expired expired() const;

  // At a start, before the first event: what had expired, then `begin_stored_segment` for every
  // stored segment in order, then `recall` for each of its rows in order; false where a row cannot
  // be one.
  void recall_expired(const Expired& expired);
  void begin_stored_segment(const JoinSegment& segment);
  [[nodiscard]] bool recall(RowNumber number, std::span<const std::byte> row);

  [[nodiscard]] JoinCounts counts() const;
  // The row that could not be read, if there was one.
  [[nodiscard]] std::optional<RowNumber> damage() const;
  // The segments, first to last, as the rows so far fill them: what a checkpoint stores of the join
  // beside the rows themselves. Those without rows are left out.
  [[nodiscard]] std::vector<JoinSegment> begin_checkpoint();
  // That checkpoint is durable.
  void commit();

 private:
  // What is known of a segment without reading it.
  struct Segment {
    RowNumber first = 0;
    TimeMs begun = kNoTime;            // event time of the first row
    TimeMs last_prediction = kNoTime;  // latest time of a row that has a prediction
    TimeMs last_waiting = kNoTime;     // latest time of a label without one
    std::uint64_t predictions = 0;     // newest versions: with a prediction and no label,
    std::uint64_t waiting = 0;         // with a label and no prediction,
    std::uint64_t joined = 0;          // with both

    [[nodiscard]] std::uint64_t alive() const { return predictions + waiting + joined; }
  };

  [[nodiscard]] static std::uint16_t stored_class(ClassCode code) {
    return code == kNoClass ? kNoStoredClass : static_cast<std::uint16_t>(code);
  }
  [[nodiscard]] static ClassCode class_of(std::uint16_t stored) {
    return stored == kNoStoredClass ? kNoClass : ClassCode{stored};
  }

  [[nodiscard]] RowIndex::Place find(const IdHash& id);
  void add(Row& row, const RowIndex::Place& place);
  void make_room();
  void begin_segment();
  void drop_first_segment();
  [[nodiscard]] bool is_over(const Segment& segment) const;
  [[nodiscard]] bool is_expired(const Row& row) const;
  [[nodiscard]] Segment& segment_of(RowNumber number);
  [[nodiscard]] static std::uint64_t& kind_of(Segment& segment, const Row& row);
  void note(Segment& segment, const Row& row);
  void take_back(const Row& row, RowNumber number);
  [[nodiscard]] std::uint64_t rows_in_last() const {
    return rows_->next() - segments_.back().first;
  }
  void join(const Row& row, JoinedRows& joined) const;
  [[nodiscard]] bool label_counts(const Row& row) const;

  const ModelSchema& model_;
  const std::size_t scores_per_row_;
  const LabelJoinLimits limits_;
  mutable std::mutex mutex_;
  std::unique_ptr<JoinRowStore> rows_;
  RowIndex index_;
  std::deque<Segment> segments_;  // the last one takes new rows
  std::vector<std::byte> bytes_;  // a row and its scores as stored; scratch
  Row found_;                     // the row that `find` has found; its scores are in `scores_`
  std::vector<double> scores_;
  Expired expired_;
  std::optional<RowNumber> damage_;
  JoinCounts counts_;
};

}  // namespace driftd
