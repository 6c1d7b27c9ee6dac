#include "state/reference_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_set>

#include "config/catalog.h"
#include "state/baseline_model.h"
#include "state/column_file.h"
#include "state/column_survey.h"
#include "state/estimation_columns.h"
#include "state/reference_influence.h"

namespace driftd {
namespace {

constexpr std::string_view kScorePrefix = "score_";

[[nodiscard]] bool all_numbers(const CellColumn& column) {
  for (std::size_t row = 0; row < column.size(); ++row) {
    const auto cell = column.cell(row);
    if (cell && !parse_number(*cell)) return false;
  }
  return true;
}

[[nodiscard]] SeriesType inferred_type(const CellColumn& column, SeriesRole role, Task task) {
  if (role == SeriesRole::predicted_class) return SeriesType::categorical;
  if (role == SeriesRole::prediction && task == Task::multiclass) return SeriesType::categorical;
  return all_numbers(column) ? SeriesType::numeric : SeriesType::categorical;
}

[[nodiscard]] bool needs_gaps(const DetectorConfig& detector) {
  const DetectorEntry* entry = find_detector_entry(detector.name);
  return entry != nullptr && entry->needs_gaps;
}

[[nodiscard]] Result<NumericReference> numeric_baseline(const std::string& path,
                                                        const CellColumn& column,
                                                        std::uint64_t distinct_limit,
                                                        std::optional<ValueRange> range) {
  std::vector<double> values;
  values.reserve(column.size());
  for (std::size_t row = 0; row < column.size(); ++row) {
    const auto cell = column.cell(row);
    const std::optional<double> value = cell ? parse_number(*cell) : missing_number();
    if (!value) {
      return fail(ErrorCode::invalid_reference,
                  fmt::format("{}: column `{}`, row {}: `{}` is not a number: correct the file or "
                              "set the feature's type "
                              "to \"categorical\"",
                              path, column.name(), row + 1, *cell));
    }
    values.push_back(std::isnan(*value) ? missing_number() : *value);
  }
  return make_numeric_reference(std::move(values), distinct_limit, range);
}

[[nodiscard]] std::vector<std::optional<std::string>> category_cells(const CellColumn& column) {
  std::vector<std::optional<std::string>> cells;
  cells.reserve(column.size());
  std::string buffer;
  for (std::size_t row = 0; row < column.size(); ++row) {
    const auto cell = column.cell(row);
    // A number that is not one is as missing in a category as it is in a number.
    const bool missing = !cell || *cell == "nan" || *cell == "NaN";
    cells.push_back(missing ? std::nullopt
                            : std::optional<std::string>(canonical_category(*cell, buffer)));
  }
  return cells;
}

void collect_classes(const ColumnFile& file, ModelSchema& schema) {
  std::set<std::string> scored;
  std::string buffer;
  for (const CellColumn& column : file.columns) {
    if (!column.name().starts_with(kScorePrefix)) continue;
    scored.emplace(
        canonical_category(std::string_view(column.name()).substr(kScorePrefix.size()), buffer));
  }
  std::set<std::string> all = scored;
  for (const std::string_view name : {"prediction", "predicted_class", "actual"}) {
    const CellColumn* column = file.find(name);
    if (column == nullptr || (name == "prediction" && schema.task == Task::binary)) continue;
    for (std::size_t row = 0; row < column->size() && all.size() < kMaxClasses; ++row) {
      if (const auto cell = column->cell(row)) all.emplace(canonical_category(*cell, buffer));
    }
  }
  set_classes(all, scored, schema);
}

[[nodiscard]] Result<> add_series(const ModelConfig& config, const CellColumn& column,
                                  LoadedModel& model) {
  const auto feature =
      std::find_if(config.features.begin(), config.features.end(),
                   [&](const FeatureConfig& f) { return f.name == column.name(); });
  const bool typed = feature != config.features.end() && feature->type;
  const SeriesRole role = role_of_column(column.name());
  const SeriesType type = typed ? *feature->type : inferred_type(column, role, config.task);
  SeriesReference series{column.name(), {}};
  if (type == SeriesType::numeric) {
    std::optional<ValueRange> range;
    if (feature != config.features.end() && feature->range)
      range = {feature->range->first, feature->range->second};
    Result<NumericReference> baseline =
        numeric_baseline(config.reference, column, config.reference_max_distinct, range);
    if (!baseline) return std::unexpected(baseline.error());
    series.baseline = std::move(*baseline);
  } else {
    series.baseline =
        make_category_reference(category_cells(column), config.reference_max_distinct);
  }
  add_series_notes(config, series, typed, model.notes);
  add_series_schema(*model.schema, series);
  model.reference->series.push_back(std::move(series));
  return {};
}

[[nodiscard]] std::uint64_t count_duplicates(const CellColumn& ids) {
  std::unordered_set<std::string_view> met;
  met.reserve(ids.size());
  std::uint64_t duplicates = 0;
  for (std::size_t row = 0; row < ids.size(); ++row) {
    const auto id = ids.cell(row);
    if (id && !met.insert(*id).second) ++duplicates;
  }
  return duplicates;
}

}  // namespace

void set_classes(const std::set<std::string>& all, const std::set<std::string>& scored,
                 ModelSchema& schema) {
  for (const std::string& name : all) {
    const ClassCode code = schema.classes->code(name);
    if (scored.contains(name)) schema.scored_classes.push_back(code);
  }
  schema.reference_classes = static_cast<std::uint32_t>(all.size());
}

void add_series_notes(const ModelConfig& config, const SeriesReference& series, bool typed,
                      std::vector<std::string>& notes) {
  const auto* numeric = std::get_if<NumericReference>(&series.baseline);
  if (numeric != nullptr && numeric->summary.present() == 0) {
    notes.push_back(
        fmt::format("model {}: column {} of the reference has no value: nothing can be said of it",
                    config.name, series.name));
  }
  if (numeric != nullptr && numeric->thinning_error > 0) {
    notes.push_back(fmt::format(
        "model {}: column {} has {} distinct values and was thinned to {}: KS is off by "
        "at most {:.2g} (reference_max_distinct)",
        config.name, series.name, numeric->distinct, config.reference_max_distinct,
        numeric->thinning_error));
  }
  const auto* category = std::get_if<CategoryReference>(&series.baseline);
  if (category != nullptr && !category->others.empty()) {
    notes.push_back(fmt::format(
        "model {}: column {} has {} categories, of which the {} most frequent are told apart; "
        "the others are {:.2g} of the reference (reference_max_distinct)",
        config.name, series.name, category->categories.size() + category->others.size(),
        category->categories.size(),
        static_cast<double>(category->counts.back()) /
            static_cast<double>(category->summary.present())));
  }
  if (!typed) {
    notes.push_back(
        fmt::format("model {}: {} is {}", config.name, series.name,
                    to_string(numeric != nullptr ? SeriesType::numeric : SeriesType::categorical)));
  }
}

void add_series_schema(ModelSchema& schema, const SeriesReference& series) {
  SeriesSchema added;
  added.name = series.name;
  added.role = role_of_column(series.name);
  if (const auto* category = std::get_if<CategoryReference>(&series.baseline)) {
    added.type = SeriesType::categorical;
    for (std::uint32_t code = 0; code < category->categories.size(); ++code)
      added.categories.emplace(category->categories[code], code);
    // All of them stay known, so that none of them is taken for an unseen one.
    const auto shared = static_cast<std::uint32_t>(category->categories.size());
    for (const std::string& text : category->others) added.categories.emplace(text, shared);
    added.sharing = static_cast<std::uint32_t>(category->others.size());
  }
  const int at = static_cast<int>(schema.series.size());
  if (added.role == SeriesRole::feature) {
    schema.feature_by_name.emplace(added.name, static_cast<std::uint32_t>(at));
    ++schema.feature_count;
  }
  if (added.role == SeriesRole::prediction) schema.prediction_series = at;
  if (added.role == SeriesRole::predicted_class) schema.predicted_class_series = at;
  if (added.role == SeriesRole::latency) schema.latency_series = at;
  schema.series.push_back(std::move(added));
}

void set_model_keys(const ModelConfig& config, ModelIndex index, LoadedModel& model) {
  ModelSchema& schema = *model.schema;
  schema.index = index;
  schema.name = config.name;
  schema.task = config.task;
  schema.skew = config.window.skew;
  schema.label_horizon = config.label_horizon;
  if (config.task == Task::binary)
    schema.positive_class = schema.classes->code(config.positive_class);
  for (const FeatureConfig& feature : config.features) {
    for (SeriesReference& series : model.reference->series) {
      auto* numeric = std::get_if<NumericReference>(&series.baseline);
      if (numeric == nullptr || series.name != feature.name) continue;
      numeric->keeps_gaps =
          feature.detectors && std::ranges::any_of(*feature.detectors, needs_gaps);
    }
  }
}

Result<> check_features_exist(const ModelConfig& config, const std::vector<std::string>& columns) {
  for (const FeatureConfig& feature : config.features) {
    if (std::ranges::find(columns, feature.name) != columns.end()) continue;
    std::vector<std::string_view> names;
    for (const std::string& column : columns) {
      if (!is_reserved_column(column)) names.push_back(column);
    }
    return fail(ErrorCode::invalid_config,
                fmt::format("{}: model `{}` configures `{}`, which the reference does not have; "
                            "its columns are: {}",
                            config.reference, config.name, feature.name, fmt::join(names, ", ")));
  }
  return {};
}

Result<LoadedModel> load_model(const ModelConfig& config, ModelIndex index,
                               const ReferenceWindowVisitor& visit) {
  if (is_baseline(config.reference)) return load_baseline(config, index);
  const Result<ColumnFile> file = read_column_file(config.reference);
  if (!file) return std::unexpected(file.error());
  return learn_model(config, index, *file, visit);
}

Result<LoadedModel> learn_model(const ModelConfig& config, ModelIndex index, const ColumnFile& file,
                                const ReferenceWindowVisitor& visit) {
  std::vector<std::string> names;
  for (const CellColumn& column : file.columns) names.push_back(column.name());
  if (auto exist = check_features_exist(config, names); !exist)
    return std::unexpected(exist.error());

  LoadedModel model;
  model.schema = std::make_unique<ModelSchema>();
  model.reference = std::make_unique<Reference>();
  ModelSchema& schema = *model.schema;
  schema.task = config.task;
  if (config.task != Task::regression) collect_classes(file, schema);

  // Features first, in the order of the columns: an event may give them as a plain array.
  for (const bool features : {true, false}) {
    for (const CellColumn& column : file.columns) {
      const bool is_feature = role_of_column(column.name()) == SeriesRole::feature;
      if (is_reserved_column(column.name()) || is_feature != features) continue;
      if (auto added = add_series(config, column, model); !added)
        return std::unexpected(added.error());
    }
  }
  set_model_keys(config, index, model);
  if (config.estimate) {
    LearnedEstimation learned = learn_estimation(config, file, schema, *model.reference);
    model.reference->estimation = std::move(learned.model);
    model.notes.push_back(std::move(learned.note));
  }
  measure_influence(file, schema, *model.reference);
  model.reference->rows = file.rows;
  if (const CellColumn* ids = file.find("id")) model.reference->duplicates = count_duplicates(*ids);
  // How many rows there are in every stretch of time as long as a window.
  if (config.window.count == 0)
    model.reference->volume = reference_volume(reference_times(file), config.window.size);
  model.reference->hash = file.sha256;
  model.performance = reference_performance(file, schema);
  if (visit) {
    visit_reference_windows(file, schema, *model.reference, window_spec(config.window), visit);
  }
  return model;
}

}  // namespace driftd
