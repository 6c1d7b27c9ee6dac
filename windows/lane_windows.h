// The open panes of one lane: batches of events in, panes out.
//
// A lane folds every batch column by column into the panes that its rows belong to. It neither
// evaluates nor publishes: the coordinator, while the lane is parked between two batches, takes the
// panes of windows that have closed and reads the ones that changed. Thread rule: the lane's
// thread, or the coordinator while the lane is parked. Allocation rule: a pane, when it begins;
// nothing per event. Failure rule: none; what cannot be counted has been discarded before it gets
// here.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/event_batch.h"
#include "core/label_delays.h"
#include "windows/label_join.h"
#include "windows/pane.h"
#include "windows/pane_assigner.h"

namespace driftd {

struct LaneTotals {
  std::uint64_t predictions = 0;          // accepted, distinct
  std::uint64_t labels = 0;               // accepted, first of their id
  std::uint64_t joined = 0;               // predictions whose label counts
  std::vector<LabelDelays> label_delays;  // by ModelIndex
  DiscardCounts discarded;
};

class LaneWindows {
 public:
  // `joins` has one entry per model, null where the model has no labels; they are shared with the
  // other lanes.
  LaneWindows(std::span<const MonitoredModel> models, std::span<LabelJoin* const> joins,
              bool stop_to_close);

  // Folds the rows of one model from a batch, in order, from where `cursor` stands. Returns true
  // when the batch is used up and false when a window has to be closed first (only where
  // `stop_to_close`).
  struct Cursor {
    std::size_t prediction = 0;
    std::size_t label = 0;
  };
  [[nodiscard]] bool fold(ModelIndex model, const LaneBatch& batch, Cursor& cursor);

  [[nodiscard]] PaneAssigner& assigner(ModelIndex model) {
    return models_[position(model)].assigner;
  }
  [[nodiscard]] std::unordered_map<PaneKey, std::unique_ptr<Pane>>& panes() { return panes_; }
  [[nodiscard]] LaneTotals& totals() { return totals_; }

  // Adds a stored pane, at start.
  void restore(const PaneKey& key, std::unique_ptr<Pane> pane);

 private:
  struct ModelState {
    MonitoredModel model;
    LabelJoin* join = nullptr;
    PaneAssigner assigner;
  };
  struct Group {
    PaneKey key;
    std::vector<std::uint32_t> rows;
    Pane* pane = nullptr;
  };
  // The values of a group's rows, copied only where the rows do not lie side by side.
  [[nodiscard]] std::span<const double> values_of(const Group& group,
                                                  const std::vector<double>& column);

  [[nodiscard]] Pane& pane(const ModelState& state, const PaneKey& key);
  std::size_t take_predictions(ModelState& state, const EventBatch& batch, std::size_t from);
  void accept_all(ModelState& state, const EventBatch& batch, std::size_t from, std::size_t& to);
  void group_rows(const EventBatch& batch, std::size_t from, std::size_t to);
  void begin_group(const ModelState& state, const EventBatch& batch, Group& group);
  static void count_predicted(const ModelState& state, const EventBatch& batch, const Group& group);
  void fold_groups(const ModelState& state, const EventBatch& batch);
  void count_duplicates(const ModelState& state, const EventBatch& batch, std::size_t from,
                        std::size_t to);
  void fold_joined(const ModelState& state);

  std::vector<ModelState> models_;
  std::unordered_map<PaneKey, std::unique_ptr<Pane>> panes_;
  LaneTotals totals_;

  // Scratch of one fold; kept for its capacity.
  std::vector<std::uint8_t> accepted_;
  std::vector<std::int64_t> pane_of_row_;
  JoinedRows joined_;
  std::vector<Group> groups_;
  std::size_t group_count_ = 0;
  std::vector<double> numbers_;
  std::vector<std::uint32_t> codes_;
  NumericSummary::Scratch numeric_scratch_;
  CategorySummary::Scratch category_scratch_;
  EstimationSummary::Scratch estimation_scratch_;
};

}  // namespace driftd
