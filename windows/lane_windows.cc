#include "windows/lane_windows.h"

#include <algorithm>

#include "core/check.h"

namespace driftd {

LaneWindows::LaneWindows(std::span<const MonitoredModel> models, std::span<LabelJoin* const> joins,
                         bool stop_to_close) {
  DRIFTD_CHECK(models.size() == joins.size());
  for (std::size_t i = 0; i < models.size(); ++i) {
    models_.push_back({models[i], joins[i], PaneAssigner(models[i].window, stop_to_close)});
  }
}

Pane& LaneWindows::pane(const ModelState& state, const PaneKey& key) {
  std::unique_ptr<Pane>& slot = panes_[key];
  if (!slot) slot = std::make_unique<Pane>(state.model);
  return *slot;
}

void LaneWindows::restore(const PaneKey& key, std::unique_ptr<Pane> pane) {
  std::unique_ptr<Pane>& slot = panes_[key];
  if (slot) {
    slot->merge(*pane);
  } else {
    slot = std::move(pane);
  }
}

bool LaneWindows::fold(ModelIndex model, const LaneBatch& batch, Cursor& cursor) {
  ModelState& state = models_[position(model)];
  const EventBatch& predictions = batch.predictions[position(model)];
  const LabelBatch& labels = batch.labels[position(model)];
  joined_.clear();
  const std::size_t from = cursor.prediction;
  if (from < predictions.size()) cursor.prediction = take_predictions(state, predictions, from);
  const bool used_up = cursor.prediction == predictions.size() && !state.assigner.wants_close();

  if (state.join != nullptr && cursor.label < labels.size()) {
    // Up to the prediction that closes a window only the labels that came before it belong into the
    // window.
    std::size_t to = labels.size();
    if (!used_up) {
      const std::uint32_t until = predictions.sequence[cursor.prediction - 1];
      const auto first = labels.sequence.begin() + static_cast<std::ptrdiff_t>(cursor.label);
      to = static_cast<std::size_t>(std::lower_bound(first, labels.sequence.end(), until) -
                                    labels.sequence.begin());
    }
    totals_.labels += state.join->add_labels(labels, cursor.label, to, joined_, totals_.discarded);
    cursor.label = to;
  }
  fold_joined(state);
  return used_up;
}

void LaneWindows::accept_all(ModelState& state, const EventBatch& batch, std::size_t from,
                             std::size_t& to) {
  accepted_.assign(to - from, 1);
  pane_of_row_.assign(to - from, 0);
  for (std::size_t i = from; i < to; ++i) {
    state.assigner.observe(batch.ts[i]);
    pane_of_row_[i - from] = state.assigner.assign(batch.version[i], batch.ts[i]);
    if (state.assigner.wants_close()) {
      to = i + 1;
      return;
    }
  }
}

std::size_t LaneWindows::take_predictions(ModelState& state, const EventBatch& batch,
                                          std::size_t from) {
  std::size_t to = batch.size();
  if (state.join != nullptr) {
    to = state.join->add_predictions(batch, from, to, state.assigner, accepted_, pane_of_row_,
                                     joined_, totals_.discarded);
  } else {
    accept_all(state, batch, from, to);
  }
  group_rows(batch, from, to);
  for (std::size_t i = 0; i < group_count_; ++i) fold_group(state, batch, groups_[i]);
  return to;
}

// Rows of one batch mostly share a pane, so the last group is tried first and the list is short.
void LaneWindows::group_rows(const EventBatch& batch, std::size_t from, std::size_t to) {
  group_count_ = 0;
  std::size_t last = 0;
  const ModelIndex model = batch.model().index;
  for (std::size_t i = from; i < to; ++i) {
    if (accepted_[i - from] == 0) continue;
    const PaneKey key{{model, batch.version[i]}, pane_of_row_[i - from]};
    if (group_count_ == 0 || groups_[last].key != key) {
      last = 0;
      while (last < group_count_ && groups_[last].key != key) ++last;
      if (last == group_count_) {
        if (group_count_ == groups_.size()) groups_.emplace_back();
        groups_[last].key = key;
        groups_[last].rows.clear();
        ++group_count_;
      }
    }
    groups_[last].rows.push_back(static_cast<std::uint32_t>(i));
  }
}

void LaneWindows::fold_group(const ModelState& state, const EventBatch& batch, const Group& group) {
  Pane& target = pane(state, group.key);
  const std::vector<std::uint32_t>& rows = group.rows;
  target.features_changed = true;
  target.predictions += rows.size();
  totals_.predictions += rows.size();
  for (const std::uint32_t row : rows) {
    target.first_time = std::min(target.first_time, batch.ts[row]);
    target.last_time = std::max(target.last_time, batch.ts[row]);
  }
  const std::size_t first = rows.front();
  const bool contiguous = rows.back() - first + 1 == rows.size();
  for (std::size_t i = 0; i < target.series.size(); ++i) {
    const Column& column = batch.columns[i];
    if (auto* numeric = std::get_if<NumericSummary>(&target.series[i])) {
      const auto& reference = std::get<NumericReference>(state.model.reference->series[i].baseline);
      std::span<const double> values(column.numbers.data() + first, rows.size());
      if (!contiguous) {
        numbers_.resize(rows.size());
        for (std::size_t k = 0; k < rows.size(); ++k) numbers_[k] = column.numbers[rows[k]];
        values = numbers_;
      }
      numeric->update(reference.index, values, numeric_scratch_);
    } else {
      codes_.resize(rows.size());
      for (std::size_t k = 0; k < rows.size(); ++k) codes_[k] = column.codes[rows[k]];
      std::get<CategorySummary>(target.series[i]).update(column, codes_, category_scratch_);
    }
  }
  numbers_.resize(rows.size());
  for (std::size_t k = 0; k < rows.size(); ++k) numbers_[k] = batch.latency_ms[rows[k]];
  target.latency.update(numbers_);
}

void LaneWindows::fold_joined(const ModelState& state) {
  const std::size_t scores = state.model.schema->scored_classes.size();
  for (std::size_t i = 0; i < joined_.rows.size(); ++i) {
    JoinedRows::Row& row = joined_.rows[i];
    row.labelled.scores = std::span<const double>(joined_.scores.data() + i * scores, scores);
    Pane& target = pane(state, {{state.model.schema->index, row.version}, row.pane});
    std::visit([&](auto& summary) { summary.update(*state.model.schema, row.labelled); },
               target.performance);
    target.performance_changed = true;
  }
  totals_.joined += joined_.rows.size();
}

}  // namespace driftd
