// What a reference's own windows have taught a false-alarm budget, as a baseline keeps it: the
// windows' points, and the models that were fitted to them.
//
// The models are used as they are by a configuration that asks for the same budget, which freezes
// their thresholds; one that asks for another is fitted anew from the points, and then says what
// the rows themselves would have said. docs/formats/baseline.md describes the bytes. Thread rule:
// pure. Allocation rule: by the history. Failure rule: `read` refuses damaged bytes and those of
// other series.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "detectors/calibration/budget_fit.h"
#include "detectors/calibration/budget_model.h"
#include "detectors/calibration/points.h"

namespace driftd {

struct BudgetLesson {
  // "so many alerts in so long": what the models were fitted for.
  double alerts = 0;
  DurationMs period = 0;
  TimeMs first_time = kNoTime;  // of the windows' rows
  TimeMs last_time = kNoTime;
  BudgetHistory columns;
  BudgetHistory errors;  // of the model; without series where there were no labels
  std::shared_ptr<const BudgetModel> columns_model;  // null where the windows were too few
  std::shared_ptr<const BudgetModel> errors_model;
};

// `columns`, `errors`: the series of both histories; `errors` is empty where there is none.
[[nodiscard]] std::string lesson_bytes(const BudgetLesson& lesson,
                                       std::span<const SeriesSpec> columns,
                                       std::span<const SeriesSpec> errors);
[[nodiscard]] std::optional<BudgetLesson> read_lesson(std::string_view bytes,
                                                      std::span<const SeriesSpec> columns,
                                                      std::span<const SeriesSpec> errors);

}  // namespace driftd
