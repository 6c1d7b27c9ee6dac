#include "state/column_survey.h"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/event_batch.h"
#include "state/baseline_rows.h"

namespace driftd {
namespace {

constexpr std::array<std::string_view, 5> kReserved = {"id", "ts", "version", "actual", "weight"};

[[nodiscard]] const FeatureConfig* find_feature(const ModelConfig& config, std::string_view name) {
  const auto found =
      std::ranges::find_if(config.features, [&](const auto& one) { return one.name == name; });
  return found == config.features.end() ? nullptr : &*found;
}

}  // namespace

bool is_reserved_column(std::string_view name) {
  return std::ranges::find(kReserved, name) != kReserved.end() || name.starts_with("score_");
}

SeriesRole role_of_column(std::string_view name) {
  if (name == "prediction") return SeriesRole::prediction;
  if (name == "predicted_class") return SeriesRole::predicted_class;
  if (name == "latency_ms") return SeriesRole::latency;
  return SeriesRole::feature;
}

SurveyedColumn* ColumnSurvey::column_of(const CellColumn& column) {
  const auto found = by_name_.find(column.name());
  if (found != by_name_.end()) return &columns_[found->second];
  if (std::ranges::find(names_, column.name()) != names_.end()) return nullptr;
  names_.push_back(column.name());
  if (is_reserved_column(column.name())) return nullptr;
  const FeatureConfig* const feature = find_feature(config_, column.name());
  std::optional<ValueRange> range;
  if (feature != nullptr && feature->range)
    range = ValueRange{feature->range->first, feature->range->second};
  const SeriesRole role = role_of_column(column.name());
  const bool is_class = role == SeriesRole::predicted_class ||
                        (role == SeriesRole::prediction && config_.task == Task::multiclass);
  const bool typed = feature != nullptr && feature->type;
  by_name_.emplace(column.name(), static_cast<std::uint32_t>(columns_.size()));
  SurveyedColumn& added = columns_.emplace_back(SurveyedColumn{
      .name = column.name(),
      .typed = typed,
      .numeric = typed ? *feature->type == SeriesType::numeric : !is_class,
      .numbers = NumericReferenceMaker(config_.reference_max_distinct, range, kDistinctValues),
      .texts = {},
      .last = {}});
  added.missing = rows_;  // the rows before did not have it
  return &added;
}

Result<> ColumnSurvey::add(const ColumnFile& block) {
  for (const CellColumn& cells : block.columns) {
    SurveyedColumn* const column = column_of(cells);
    if (column == nullptr || column->done) continue;
    if (auto added = add_column(*column, cells); !added) return added;
  }
  if (first_) {
    if (config_.task != Task::regression) add_classes(block);
    if (const CellColumn* const ids = block.find("id")) add_ids(*ids);
    add_times(block);
  }
  rows_ += block.rows;
  return {};
}

Result<> ColumnSurvey::add_column(SurveyedColumn& column, const CellColumn& cells) {
  if (!column.numeric) return add_texts(column, cells);
  const std::uint64_t before = column.numbers.surveyed();
  const Result<bool> are_numbers = add_numbers(column, cells);
  if (!are_numbers) return std::unexpected(are_numbers.error());
  if (*are_numbers) return {};
  column.numeric = false;
  // Of what was taken for numbers before, the texts are lost.
  if (before > 0) {
    again_ = true;
    return {};
  }
  column.missing = rows_;
  return add_texts(column, cells);
}

// False where a cell is none.
Result<bool> ColumnSurvey::add_numbers(SurveyedColumn& column, const CellColumn& cells) {
  values_.clear();
  for (std::size_t row = 0; row < cells.size(); ++row) {
    const auto cell = cells.cell(row);
    const std::optional<double> value = cell ? parse_number(*cell) : missing_number();
    if (value) {
      values_.push_back(*value);
      continue;
    }
    if (!column.typed) return false;
    return fail(ErrorCode::invalid_reference,
                fmt::format("column `{}`, row {}: `{}` is not a number: correct the data or set "
                            "the feature's type to \"categorical\"",
                            column.name, rows_ + row + 1, *cell));
  }
  column.numbers.survey(values_);
  return true;
}

Result<> ColumnSurvey::add_texts(SurveyedColumn& column, const CellColumn& cells) {
  for (std::size_t row = 0; row < cells.size(); ++row) {
    const auto cell = cells.cell(row);
    // A number that is not one is as missing in a category as it is in a number.
    if (!cell || *cell == "nan" || *cell == "NaN") {
      ++column.missing;
      continue;
    }
    const std::string text(canonical_category(*cell, buffer_));
    ++column.texts[text];
    column.run = column.run > 0 && column.last == text ? column.run + 1 : 1;
    column.last = text;
    column.longest_run = std::max(column.longest_run, column.run);
  }
  if (column.texts.size() <= kMostTexts) return {};
  return fail(ErrorCode::invalid_reference,
              fmt::format("column `{}` has more than {} different texts, as an id has: leave it "
                          "out of the data, or name it `id`",
                          column.name, kMostTexts));
}

bool ColumnSurvey::again() {
  first_ = false;
  if (!again_) return false;
  again_ = false;
  rows_ = 0;
  for (SurveyedColumn& column : columns_) {
    column.done = column.numeric || !column.texts.empty();
    if (!column.done) column.missing = 0;
  }
  return true;
}

void ColumnSurvey::add_classes(const ColumnFile& block) {
  for (const CellColumn& column : block.columns) {
    if (!column.name().starts_with("score_")) continue;
    classes_.emplace(canonical_category(std::string_view(column.name()).substr(6), buffer_));
  }
  for (const std::string_view name : {"prediction", "predicted_class", "actual"}) {
    const CellColumn* const column = block.find(name);
    if (column == nullptr || (name == "prediction" && config_.task == Task::binary)) continue;
    for (std::size_t row = 0; row < column->size() && classes_.size() < kMaxClasses; ++row) {
      if (const auto cell = column->cell(row)) classes_.emplace(canonical_category(*cell, buffer_));
    }
  }
}

// Beyond the limit only ids whose hash ends in zeros are looked at, which are the same ones of
// every id: what is found among them stands for all.
void ColumnSurvey::add_ids(const CellColumn& ids) {
  for (std::size_t row = 0; row < ids.size(); ++row) {
    const auto id = ids.cell(row);
    if (!id) continue;
    const std::uint64_t hash = XXH3_64bits(id->data(), id->size());
    const auto is_sampled = [&](std::uint64_t one) {
      return (one & ((1ULL << id_shift_) - 1)) == 0;
    };
    if (!is_sampled(hash)) continue;
    if (!ids_.insert(hash).second) ++duplicates_;
    if (ids_.size() <= kExactIds) continue;
    ++id_shift_;
    duplicates_ /= 2;
    std::erase_if(ids_, [&](std::uint64_t one) { return !is_sampled(one); });
  }
}

void ColumnSurvey::add_times(const ColumnFile& block) {
  const CellColumn* const column = block.find("ts");
  if (times_ == Times::none && rows_ == 0 && column != nullptr) times_ = Times::all;
  if (column == nullptr && times_ == Times::all) times_ = Times::some;
  for (std::size_t row = 0; times_ == Times::all && row < block.rows; ++row) {
    const auto cell = column->cell(row);
    const std::optional<TimeMs> time = cell ? time_of_cell(*cell) : std::nullopt;
    if (!time) {
      times_ = Times::some;
      break;
    }
    first_time_ = std::min(first_time_, *time);
    last_time_ = std::max(last_time_, *time);
    if (config_.window.count > 0 || too_many_stretches_) continue;
    ++stretches_[stretch_of(*time, config_.window.size)];
    if (stretches_.size() <= kMostStretches) continue;
    too_many_stretches_ = true;
    stretches_.clear();
  }
  if (times_ == Times::some) stretches_.clear();
}

std::optional<ReferenceVolume> ColumnSurvey::volume() const {
  return has_times() ? reference_volume(stretches_) : std::nullopt;
}

}  // namespace driftd
