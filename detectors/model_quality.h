// Checks of data quality of a model's predictions as a whole: duplicates, volume, missing columns.
//
// They are findings of the series `predictions`. Thread rule: pure. Allocation rule: may allocate
// (once a window). Failure rule: what is not defined is an empty optional, and what nothing can be
// judged by is insufficient_data.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/model.h"
#include "core/report.h"
#include "detectors/detector.h"
#include "windows/pane.h"

namespace driftd {

inline constexpr std::string_view kPredictionsSeries = "predictions";

// Share of the window's predictions, duplicates included, whose id an earlier one has, against the
// same share of the reference's rows. Judged with `quality_limits`.
[[nodiscard]] Outcome duplicates(const Reference& reference, const Pane& pane);

// Share of the required feature columns that not one prediction of the window carried a value of.
// Required is what at least half of the reference's rows have: all thirty predictions of the
// smallest window that is judged by default are without such a value in less than one in 10^9.
[[nodiscard]] Outcome missing_columns(const ModelSchema& schema, const Reference& reference,
                                      const Pane& pane);

struct VolumeLimits {
  std::optional<double> min;  // events a window
  std::optional<double> max;
};

// Events of the window with the interval of their Poisson mean.
//
// With limits: drift outside of them. Without, and where the reference has times: a warning when
// the window has significantly fewer events than the reference's emptiest stretch of that length
// and less than two thirds of them, or significantly more than its fullest and more than one and a
// half times as many. Never drift: traffic falls at night, on holidays and when a version is
// replaced, and retraining helps against none of it. `is_whole`: the window cannot have begun
// before the first event.
[[nodiscard]] Verdict judge_volume(std::uint64_t events,
                                   const std::optional<ReferenceVolume>& reference,
                                   const VolumeLimits& limits, bool is_whole);

}  // namespace driftd
