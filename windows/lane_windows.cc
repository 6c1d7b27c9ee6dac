#include "windows/lane_windows.h"

#include <algorithm>

#include "core/check.h"

namespace driftd {

LaneWindows::LaneWindows(std::span<const MonitoredModel> models, std::span<LabelJoin* const> joins,
                         bool stop_to_close) {
  DRIFTD_CHECK(models.size() == joins.size());
  totals_.label_delays.resize(models.size());
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
  fold_groups(state, batch);
  if (state.join != nullptr) count_duplicates(state, batch, from, to);
  return to;
}

void LaneWindows::count_duplicates(const ModelState& state, const EventBatch& batch,
                                   std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) {
    if (accepted_[i - from] != 0) continue;
    Pane& target = pane(state, {{batch.model().index, batch.version[i]}, pane_of_row_[i - from]});
    ++target.duplicates;
    target.features_changed = true;
  }
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

std::span<const double> LaneWindows::values_of(const Group& group,
                                               const std::vector<double>& column) {
  const std::vector<std::uint32_t>& rows = group.rows;
  if (rows.back() - rows.front() + 1 == rows.size()) {
    return {column.data() + rows.front(), rows.size()};
  }
  numbers_.resize(rows.size());
  for (std::size_t k = 0; k < rows.size(); ++k) numbers_[k] = column[rows[k]];
  return numbers_;
}

void LaneWindows::begin_group(const ModelState& state, const EventBatch& batch, Group& group) {
  group.pane = &pane(state, group.key);
  group.pane->features_changed = true;
  group.pane->predictions += group.rows.size();
  totals_.predictions += group.rows.size();
  if (state.join != nullptr && !group.pane->predicted.empty()) count_predicted(state, batch, group);
  for (const std::uint32_t row : group.rows) {
    group.pane->first_time = std::min(group.pane->first_time, batch.ts[row]);
    group.pane->last_time = std::max(group.pane->last_time, batch.ts[row]);
  }
}

void LaneWindows::count_predicted(const ModelState& state, const EventBatch& batch,
                                  const Group& group) {
  const ModelSchema& model = *state.model.schema;
  std::vector<std::uint64_t>& predicted = group.pane->predicted;
  for (const std::uint32_t row : group.rows) {
    const ClassCode code = batch.predicted_class[row];
    const std::size_t slot = code == kNoClass && model.task == Task::binary
                                 ? (batch.score[row] >= 0.5 ? 1 : 0)
                                 : class_slot(model, code);
    ++predicted[slot];
  }
}

// Column by column through all groups, so that a feature's reference stays in the cache while a
// batch of several versions or panes passes it.
void LaneWindows::fold_groups(const ModelState& state, const EventBatch& batch) {
  const std::span<Group> groups(groups_.data(), group_count_);
  for (Group& group : groups) {
    begin_group(state, batch, group);
    group.pane->latency.update(values_of(group, batch.latency_ms));
    group.pane->estimation.update(state.model.reference->estimation, batch, group.rows,
                                  estimation_scratch_);
  }
  const auto& references = state.model.reference->series;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const Column& column = batch.columns[i];
    for (Group& group : groups) {
      if (auto* numeric = std::get_if<NumericSummary>(&group.pane->series[i])) {
        numeric->update(std::get<NumericReference>(references[i].baseline).index,
                        values_of(group, column.numbers), numeric_scratch_);
      } else {
        codes_.resize(group.rows.size());
        for (std::size_t k = 0; k < codes_.size(); ++k) codes_[k] = column.codes[group.rows[k]];
        std::get<CategorySummary>(group.pane->series[i]).update(column, codes_, category_scratch_);
      }
    }
  }
}

void LaneWindows::fold_joined(const ModelState& state) {
  const std::size_t scores = state.model.schema->scored_classes.size();
  for (std::size_t i = 0; i < joined_.rows.size(); ++i) {
    JoinedRows::Row& row = joined_.rows[i];
    row.labelled.scores = std::span<const double>(joined_.scores.data() + i * scores, scores);
    Pane& target = pane(state, {{state.model.schema->index, row.version}, row.pane});
    std::visit([&](auto& summary) { summary.update(*state.model.schema, row.labelled); },
               target.performance);
    if (state.model.schema->task != Task::regression) {
      target.label_delays.add(class_slot(*state.model.schema, row.labelled.actual_class),
                              row.label_delay);
    }
    target.performance_changed = true;
  }
  LabelDelays& delays = totals_.label_delays[position(state.model.schema->index)];
  for (const JoinedRows::Row& row : joined_.rows) delays.add(row.label_delay);
  totals_.joined += joined_.rows.size();
}

}  // namespace driftd
