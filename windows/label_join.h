// Joins labels with their predictions by id, for one model, for as long as the label horizon says.
//
// The first prediction of an id wins and so does its first label, whichever of the two is read
// first. A row is kept until labels can no longer count for it: until the labels read have passed
// its time + horizon, or that long after it arrived. What is kept is one flat array of rows with a
// hash index over it; rows have numbers ("slots") that stay the same, so a checkpoint writes only
// the slots that changed. Thread rule: every public call takes the one mutex, for a batch at a
// time; two lanes may call it at once. Allocation rule: none per event once the arrays have grown.
// Failure rule: beyond `max_rows` the oldest tenth is dropped and counted in `evicted`.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "core/clock.h"
#include "core/event_batch.h"
#include "core/ids.h"
#include "windows/pane_assigner.h"
#include "windows/performance.h"

namespace driftd {

// Predictions whose label counts: where each belongs and what it says. Owned and reused by the
// caller.
struct JoinedRows {
  struct Row {
    VersionIndex version{};
    std::int64_t pane = 0;
    LabelledRow labelled;  // without its scores, which follow in the order of the rows
  };
  std::vector<Row> rows;
  std::vector<double> scores;  // rows x scored classes

  void clear() {
    rows.clear();
    scores.clear();
  }
};

// Stored form of one row; see docs/formats/state.md.
struct JoinSlot {
  std::uint32_t slot = 0;
  bool free = false;  // the slot is empty now
  std::string bytes;
};

class LabelJoin {
 public:
  static constexpr std::size_t kMaxRows = 50'000'000;

  LabelJoin(const ModelSchema& model, const Clock& clock, std::size_t max_rows = kMaxRows);

  // Takes the predictions [from, to) in order, until the assigner wants to close a window, and
  // returns the position after the last one taken. accepted[i - from] says whether row i is the
  // first of its id; panes[i - from] its pane. Predictions whose label was waiting are appended to
  // `joined`.
  std::size_t add_predictions(const EventBatch& batch, std::size_t from, std::size_t to,
                              PaneAssigner& assigner, std::vector<std::uint8_t>& accepted,
                              std::vector<std::int64_t>& panes, JoinedRows& joined,
                              DiscardCounts& discarded);

  // Takes the labels [from, to) in order; returns how many were accepted (first of their id).
  std::uint64_t add_labels(const LabelBatch& batch, std::size_t from, std::size_t to,
                           JoinedRows& joined, DiscardCounts& discarded);

  // Drops rows that no label can count for any more. `predictions_until` and `labels_until`: event
  // times before which nothing more is expected from the prediction and the label partitions.
  void expire(TimeMs predictions_until, TimeMs labels_until);

  // The slots that changed since the last call.
  [[nodiscard]] std::vector<JoinSlot> take_changed();
  // Puts a stored row back, slots in rising order, before the first prediction; false where the
  // bytes are damaged.
  [[nodiscard]] bool restore(std::uint32_t slot, std::string_view bytes);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t evicted() const;

 private:
  struct Row {
    IdHash id;
    TimeMs predicted_at = kNoTime;  // kNoTime: no prediction yet
    TimeMs labelled_at = kNoTime;   // kNoTime: no label yet
    TimeMs arrived_at = 0;          // wall clock
    std::int64_t pane = 0;
    double score = 0;
    double actual_value = 0;
    VersionIndex version{};
    ClassCode predicted_class = kNoClass;
    ClassCode actual_class = kNoClass;
    bool used = false;
    bool changed = false;
  };

  [[nodiscard]] std::uint32_t find(const IdHash& id) const;
  std::uint32_t insert(const IdHash& id);
  void index_row(std::uint32_t slot);
  void rebuild_index();
  void mark(std::uint32_t slot);
  void release(std::uint32_t slot);
  void make_room();
  void join(std::uint32_t slot, JoinedRows& joined) const;
  [[nodiscard]] bool counts(const Row& row) const;
  void write(const Row& row, std::uint32_t slot, std::string& out) const;

  static constexpr std::uint32_t kNone = 0xFFFF'FFFFu;

  const ModelSchema& model_;
  const Clock& clock_;
  const std::size_t max_rows_;
  const std::size_t scores_per_row_;
  mutable std::mutex mutex_;
  std::vector<Row> rows_;
  std::vector<double> scores_;        // rows x scores_per_row_
  std::vector<std::uint32_t> index_;  // open addressing over rows_, a power of two; kNone is free
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> changed_;
  std::size_t used_ = 0;
  TimeMs swept_until_ = kNoTime;
  TimeMs swept_wall_ = kNoTime;
  std::uint64_t evicted_ = 0;
};

}  // namespace driftd
