// What the first reading of a stream of rows finds out about its columns: their types, distinct
// values, categories, classes, times and duplicates, in bounded memory.
//
// A column is numeric until a cell says otherwise; where cells before were taken for numbers, the
// rows must be surveyed once more, and `again` says so. Limits: kDistinctValues numbers of a column
// are told apart exactly (windows/quantile_sketch.h beyond), kMostTexts categories, kExactIds ids
// (a sample of them beyond, by hash). Thread rule: none shared. Allocation rule: within those
// limits. Failure rule: an Error that names the column, the row and what to do.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/config.h"
#include "core/model.h"
#include "core/result.h"
#include "state/column_file.h"
#include "windows/reference.h"
#include "windows/reference_maker.h"

namespace driftd {

// Columns whose rows are not monitored as a series of their own: id, ts, version, actual, weight
// and scores of classes.
[[nodiscard]] bool is_reserved_column(std::string_view name);
[[nodiscard]] SeriesRole role_of_column(std::string_view name);

struct SurveyedColumn {
  std::string name;
  bool typed = false;  // the configuration says its type
  bool numeric = true;
  NumericReferenceMaker numbers;
  std::unordered_map<std::string, std::uint64_t> texts;  // canonical
  std::uint64_t missing = 0;                             // of a category
  std::uint64_t run = 0;
  std::uint64_t longest_run = 0;
  std::string last;
  bool done = false;  // by a survey before this one
};

class ColumnSurvey {
 public:
  static constexpr std::size_t kDistinctValues = 262'144;
  static constexpr std::size_t kMostTexts = 1'000'000;
  static constexpr std::size_t kExactIds = 1'000'000;
  static constexpr std::size_t kMostStretches = 4'000'000;

  explicit ColumnSurvey(const ModelConfig& config) : config_(config) {}

  [[nodiscard]] Result<> add(const ColumnFile& block);
  // Whether columns have turned out to be categorical too late: all rows are to be added again.
  [[nodiscard]] bool again();

  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  // Those that are series, in the order of the file.
  [[nodiscard]] std::deque<SurveyedColumn>& columns() { return columns_; }
  [[nodiscard]] const std::set<std::string>& classes() const { return classes_; }
  [[nodiscard]] std::uint64_t duplicates() const { return duplicates_ << id_shift_; }
  // By stretch of a window's size; empty unless every row has a time.
  [[nodiscard]] std::optional<ReferenceVolume> volume() const;
  [[nodiscard]] bool has_times() const { return times_ == Times::all; }
  [[nodiscard]] TimeMs first_time() const { return first_time_; }
  [[nodiscard]] TimeMs last_time() const { return last_time_; }

 private:
  enum class Times : std::uint8_t { none, all, some };

  [[nodiscard]] SurveyedColumn* column_of(const CellColumn& column);
  [[nodiscard]] Result<> add_column(SurveyedColumn& column, const CellColumn& cells);
  [[nodiscard]] Result<bool> add_numbers(SurveyedColumn& column, const CellColumn& cells);
  [[nodiscard]] Result<> add_texts(SurveyedColumn& column, const CellColumn& cells);
  void add_classes(const ColumnFile& block);
  void add_ids(const CellColumn& ids);
  void add_times(const ColumnFile& block);

  const ModelConfig& config_;
  std::vector<std::string> names_;  // of all columns
  std::deque<SurveyedColumn> columns_;
  TextIndex by_name_;
  std::uint64_t rows_ = 0;
  bool again_ = false;
  bool first_ = true;  // ids, classes and times are surveyed once
  std::set<std::string> classes_;
  std::unordered_set<std::uint64_t> ids_;
  unsigned id_shift_ = 0;  // ids whose hash ends in so many zero bits are looked at
  std::uint64_t duplicates_ = 0;
  Times times_ = Times::none;
  TimeMs first_time_ = kEndOfTime;
  TimeMs last_time_ = kNoTime;
  StretchRows stretches_;
  bool too_many_stretches_ = false;
  std::vector<double> values_;
  std::string buffer_;
};

}  // namespace driftd
