#include "state/reference_performance.h"

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace driftd {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using Cell = std::optional<std::string_view>;

[[nodiscard]] Cell cell_of(const CellColumn* column, std::size_t row) {
  if (column == nullptr) return std::nullopt;
  const Cell cell = column->cell(row);
  return cell && (cell->empty() || *cell == "nan" || *cell == "NaN") ? std::nullopt : cell;
}

[[nodiscard]] std::optional<double> finite(const Cell& cell) {
  const std::optional<double> number = cell ? parse_number(*cell) : std::nullopt;
  return number && std::isfinite(*number) ? number : std::nullopt;
}

}  // namespace

LabelledRowReader::LabelledRowReader(const ColumnFile& file, const ModelSchema& model)
    : model_(model),
      actual_(file.find("actual")),
      prediction_(file.find("prediction")),
      predicted_class_(file.find("predicted_class")) {
  for (const ClassCode code : model.scored_classes) scores_.push_back(score_column(file, code));
  values_.resize(scores_.size());
}

std::optional<LabelledRow> LabelledRowReader::read(std::size_t row) {
  const Cell actual = cell_of(actual_, row);
  const Cell prediction = cell_of(prediction_, row);
  if (!actual || !prediction) return std::nullopt;
  LabelledRow labelled;
  const std::optional<double> number = finite(prediction);
  if (model_.task == Task::regression) {
    const std::optional<double> value = finite(actual);
    if (!value || !number) return std::nullopt;
    labelled.score = *number;
    labelled.actual_value = *value;
    return labelled;
  }
  labelled.score = kNaN;
  labelled.actual_class = class_of(*actual);
  if (model_.task == Task::multiclass) {
    labelled.predicted_class = class_of(*prediction);
    for (std::size_t i = 0; i < scores_.size(); ++i)
      values_[i] = finite(cell_of(scores_[i], row)).value_or(kNaN);
    labelled.scores = values_;
    return labelled;
  }
  const Cell decision = cell_of(predicted_class_, row);
  if (decision) labelled.predicted_class = class_of(*decision);
  if (number) {
    if (!(*number >= 0 && *number <= 1)) return std::nullopt;
    labelled.score = *number;
  } else if (!decision) {
    labelled.predicted_class = class_of(*prediction);
  }
  return labelled;
}

ClassCode LabelledRowReader::class_of(std::string_view text) {
  return model_.classes->code(canonical_category(text, buffer_));
}

const CellColumn* LabelledRowReader::score_column(const ColumnFile& file, ClassCode code) {
  constexpr std::string_view kPrefix = "score_";
  for (const CellColumn& column : file.columns) {
    const std::string_view name = column.name();
    if (name.starts_with(kPrefix) && class_of(name.substr(kPrefix.size())) == code) return &column;
  }
  return nullptr;
}

ReferencePerformance reference_performance(const ColumnFile& file, const ModelSchema& model) {
  ReferencePerformance reference{make_performance(model.task), {}};
  if (file.find("actual") != nullptr) {
    LabelledRowReader reader(file, model);
    for (std::size_t row = 0; row < file.rows; ++row) {
      const std::optional<LabelledRow> labelled = reader.read(row);
      if (!labelled) continue;
      std::visit([&](auto& summary) { summary.update(model, *labelled); }, reference.performance);
    }
  }
  if (const CellColumn* const latency = file.find("latency_ms")) {
    std::vector<double> milliseconds(file.rows, kNaN);
    for (std::size_t row = 0; row < file.rows; ++row) {
      const std::optional<double> value = finite(cell_of(latency, row));
      if (value && *value >= 0) milliseconds[row] = *value;
    }
    reference.latency.update(milliseconds);
  }
  return reference;
}

}  // namespace driftd
