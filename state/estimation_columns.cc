#include "state/estimation_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace driftd {
namespace {

using Numbers = std::vector<std::optional<double>>;

// The finite numbers of a column; empty where a cell has none. Fails where a cell is something
// else.
[[nodiscard]] Result<Numbers> numbers_of(const CellColumn& column) {
  Numbers numbers;
  numbers.reserve(column.size());
  for (std::size_t row = 0; row < column.size(); ++row) {
    const auto cell = column.cell(row);
    const std::optional<double> number = cell ? parse_number(*cell) : std::nullopt;
    if (cell && !number) {
      return fail(ErrorCode::invalid_reference,
                  fmt::format("row {} of the reference's column `{}` is `{}`, not a number",
                              row + 1, column.name(), *cell));
    }
    numbers.push_back(number && std::isfinite(*number) ? number : std::nullopt);
  }
  return numbers;
}

// The rows' labels as canonical text; empty where missing.
[[nodiscard]] std::vector<std::optional<std::string>> labels_of(const CellColumn& column) {
  std::vector<std::optional<std::string>> labels;
  labels.reserve(column.size());
  std::string buffer;
  for (std::size_t row = 0; row < column.size(); ++row) {
    const auto cell = column.cell(row);
    labels.push_back(cell ? std::optional<std::string>(canonical_category(*cell, buffer))
                          : std::nullopt);
  }
  return labels;
}

[[nodiscard]] LearnedEstimation nothing(const ModelConfig& config, std::string_view why) {
  return {{},
          fmt::format("model {}: {}, so no performance is estimated before labels come",
                      config.name, why)};
}

[[nodiscard]] std::string_view how_taken(bool is_calibrated) {
  return is_calibrated ? "calibrated on the reference" : "taken as probabilities as they are";
}

[[nodiscard]] LearnedEstimation binary(const ModelConfig& config, const CellColumn& scores,
                                       const CellColumn& actual) {
  const Result<Numbers> numbers = numbers_of(scores);
  if (!numbers) return nothing(config, numbers.error().message);
  const auto labels = labels_of(actual);
  std::vector<ScoredLabel> rows;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if ((*numbers)[i] && labels[i])
      rows.push_back({*(*numbers)[i], *labels[i] == config.positive_class});
  }
  EstimationModel model = learn_binary(std::move(rows));
  const auto* learned = std::get_if<BinaryEstimation>(&model);
  if (learned == nullptr) return nothing(config, "the reference has no row with score and label");
  std::string note = fmt::format("model {}: performance is estimated from the scores, {}",
                                 config.name, how_taken(learned->map.is_calibrated()));
  return LearnedEstimation{std::move(model), std::move(note)};
}

[[nodiscard]] LearnedEstimation multiclass(const ModelConfig& config, const ColumnFile& file,
                                           const ModelSchema& schema, const CellColumn& actual) {
  if (schema.scored_classes.empty()) return nothing(config, "the reference has no score_<class>");
  if (schema.scored_classes.size() > MulticlassEstimation::kMostClasses) {
    return nothing(config, fmt::format("it has more than {} classes with scores",
                                       MulticlassEstimation::kMostClasses));
  }
  std::vector<Numbers> scores;
  std::string buffer;
  for (const ClassCode code : schema.scored_classes) {
    for (const CellColumn& column : file.columns) {
      std::string_view name = column.name();
      if (!name.starts_with("score_")) continue;
      name.remove_prefix(6);
      if (canonical_category(name, buffer) != schema.classes->text(code)) continue;
      Result<Numbers> numbers = numbers_of(column);
      if (!numbers) return nothing(config, numbers.error().message);
      scores.push_back(std::move(*numbers));
      break;
    }
  }
  const auto labels = labels_of(actual);
  std::vector<std::vector<ScoredLabel>> by_class(scores.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool usable = labels[i] && std::ranges::all_of(scores, [&](const Numbers& of_class) {
                          return of_class[i].has_value();
                        });
    if (!usable) continue;
    for (std::size_t k = 0; k < scores.size(); ++k) {
      const bool is_it = *labels[i] == schema.classes->text(schema.scored_classes[k]);
      by_class[k].push_back({*scores[k][i], is_it});
    }
  }
  EstimationModel model = learn_multiclass(std::move(by_class), schema.scored_classes);
  const auto* learned = std::get_if<MulticlassEstimation>(&model);
  if (learned == nullptr) return nothing(config, "the reference has no row with scores and label");
  std::size_t calibrated = 0;
  for (const ScoreMap& map : learned->maps) calibrated += map.is_calibrated() ? 1 : 0;
  return LearnedEstimation{
      std::move(model),
      fmt::format("model {}: performance is estimated from the scores, those of {} of {} classes "
                  "calibrated on the reference",
                  config.name, calibrated, scores.size())};
}

[[nodiscard]] LearnedEstimation regression(const ModelConfig& config, const CellColumn& predictions,
                                           const CellColumn& actual, const ModelSchema& schema,
                                           const Reference& reference) {
  if (schema.prediction_series < 0) return nothing(config, "the reference has no `prediction`");
  const auto& baseline =
      reference.series[static_cast<std::size_t>(schema.prediction_series)].baseline;
  const auto* numeric = std::get_if<NumericReference>(&baseline);
  if (numeric == nullptr) return nothing(config, "its predictions are not numeric");
  const Result<Numbers> predicted = numbers_of(predictions);
  if (!predicted) return nothing(config, predicted.error().message);
  const Result<Numbers> labels = numbers_of(actual);
  if (!labels) return nothing(config, labels.error().message);
  std::vector<PredictedActual> rows;
  for (std::size_t i = 0; i < predicted->size(); ++i) {
    if ((*predicted)[i] && (*labels)[i]) rows.push_back({*(*predicted)[i], *(*labels)[i]});
  }
  EstimationModel model = learn_errors(*numeric, rows);
  const auto* learned = std::get_if<RegressionEstimation>(&model);
  if (learned == nullptr) return nothing(config, "the reference has no row with both values");
  std::string note = fmt::format(
      "model {}: errors are estimated from the reference's, by {} bins of the prediction",
      config.name, learned->bins.size());
  return LearnedEstimation{std::move(model), std::move(note)};
}

}  // namespace

LearnedEstimation learn_estimation(const ModelConfig& config, const ColumnFile& file,
                                   const ModelSchema& schema, const Reference& reference) {
  const CellColumn* const actual = file.find("actual");
  if (actual == nullptr) return nothing(config, "the reference has no column `actual`");
  if (config.task == Task::multiclass) return multiclass(config, file, schema, *actual);
  const CellColumn* const prediction = file.find("prediction");
  if (prediction == nullptr) return nothing(config, "the reference has no column `prediction`");
  if (config.task == Task::binary) return binary(config, *prediction, *actual);
  return regression(config, *prediction, *actual, schema, reference);
}

}  // namespace driftd
