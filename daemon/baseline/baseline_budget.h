// What a baseline has learnt for the false-alarm budget, for people and as JSON: threshold, and of
// each series its level, noise, memory and season.
//
// Thread rule: pure. Allocation rule: may allocate. Cannot fail.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/budget_lesson.h"
#include "sinks/json_writer.h"
#include "state/baseline_model.h"

namespace driftd {

struct BaselineBudget {
  double alerts = 0;  // so many in `period`
  DurationMs period = 0;
  std::size_t windows = 0;                     // that the rows were cut into
  std::shared_ptr<const BudgetModel> columns;  // null: too few windows
  std::shared_ptr<const BudgetModel> errors;   // of the model
  std::vector<std::string> names;              // of the columns' series
};

// Empty where the baseline's lesson cannot be read.
[[nodiscard]] BaselineBudget budget_of(const Baseline& baseline);

// "amount location", "country DE", "country missing".
[[nodiscard]] std::string series_name(const Reference& reference, const SeriesSpec& spec);

// So many windows until half of a deviation of the level is forgotten; 0 without a memory.
[[nodiscard]] double half_life(const Memory& memory);

void print_budget(const BaselineBudget& budget);
void write_budget(JsonWriter& json, const BaselineBudget& budget);
// What could not be learnt, as sentences.
[[nodiscard]] std::vector<std::string> budget_limits(const BaselineBudget& budget);

}  // namespace driftd
