#include "core/event_batch.h"

namespace driftd {

void EventBatch::truncate(std::size_t rows) {
  const auto cut = [rows](auto& values) {
    if (values.size() > rows) values.resize(rows);
  };
  cut(ts);
  cut(id);
  cut(version);
  cut(sequence);
  cut(score);
  cut(predicted_class);
  cut(latency_ms);
  cut(weight);
  const std::size_t scores = rows * model_->scored_classes.size();
  if (class_scores.size() > scores) class_scores.resize(scores);
  for (std::size_t series = 0; series < columns.size(); ++series) {
    Column& column = columns[series];
    cut(column.numbers);
    const auto known = model_->series[series].category_codes();
    while (column.codes.size() > rows) {
      const std::uint32_t code = column.codes.back();
      if (code >= known && code < kWrongTypeCategory) --column.unseen_size;
      column.codes.pop_back();
    }
  }
}

void EventBatch::clear() {
  truncate(0);
  for (Column& column : columns) column.unseen_size = 0;
}

void LabelBatch::clear() {
  ts.clear();
  id.clear();
  sequence.clear();
  value.clear();
  actual_class.clear();
}

void LaneBatch::clear() {
  for (EventBatch& batch : predictions) batch.clear();
  for (LabelBatch& batch : labels) batch.clear();
  discarded = {};
  rows = 0;
}

}  // namespace driftd
