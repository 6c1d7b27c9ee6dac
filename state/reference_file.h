// Makes a model out of its configuration and its reference file: which series there are, of which
// type, and the frozen baseline of each.
//
// Runs at start-up. Types that the configuration does not give are inferred: a column is numeric if
// every cell is a number, `inf` or missing, else categorical. Reserved columns (id, ts, version,
// prediction, predicted_class, score_<class>, actual, latency_ms, weight) are no features. Failure
// rule: an Error that names the file, the column and what to do.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/model.h"
#include "core/result.h"
#include "state/column_file.h"
#include "state/reference_performance.h"
#include "state/reference_windows.h"
#include "windows/reference.h"

namespace driftd {

struct LoadedModel {
  std::unique_ptr<ModelSchema> schema;
  std::unique_ptr<Reference> reference;
  ReferencePerformance performance;  // of no rows where it has no `actual`
  std::vector<std::string> notes;    // what was inferred or is odd, for the log
  // Of a baseline: what its windows taught, in place of a visit to them; bytes of
  // daemon/budget_lesson.h.
  std::string lesson;
};

// The reference is raw rows or a baseline (state/baseline_model.h): its first bytes say which.
// `visit` is shown the reference's own windows, where it has any.
[[nodiscard]] Result<LoadedModel> load_model(const ModelConfig& config, ModelIndex index,
                                             const ReferenceWindowVisitor& visit = {});

// The same of rows that have been read.
[[nodiscard]] Result<LoadedModel> learn_model(const ModelConfig& config, ModelIndex index,
                                              const ColumnFile& file,
                                              const ReferenceWindowVisitor& visit = {});

// What follows is shared with the other ways to a model: from a baseline, and from a stream of
// rows.

// The classes of a model: those with a score column, and those that occur as prediction or label.
void set_classes(const std::set<std::string>& all, const std::set<std::string>& scored,
                 ModelSchema& schema);

// What was inferred of a series, or is odd about it.
void add_series_notes(const ModelConfig& config, const SeriesReference& series, bool typed,
                      std::vector<std::string>& notes);

// Adds the series that a reference has; those that are features come first.
void add_series_schema(ModelSchema& schema, const SeriesReference& series);

// What the configuration alone says of a model. The schema has its classes and the reference its
// series.
void set_model_keys(const ModelConfig& config, ModelIndex index, LoadedModel& model);

// That every feature of the configuration is one of the columns.
[[nodiscard]] Result<> check_features_exist(const ModelConfig& config,
                                            const std::vector<std::string>& columns);

}  // namespace driftd
