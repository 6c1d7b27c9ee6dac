#include "detectors/model_quality.h"

#include "detectors/data_quality.h"

namespace driftd {
namespace {

// A volume is odd when it is so many times that of the reference's fullest stretch, or its emptiest
// one so many times this.
constexpr double kOddVolume = 1.5;

struct ValueCount {
  std::uint64_t rows = 0;
  std::uint64_t values = 0;   // of the right type
  std::uint64_t carried = 0;  // of any type
};

// Of a NumericSummary or a CategorySummary.
[[nodiscard]] ValueCount count_values(const auto& summary) {
  const std::uint64_t carried = summary.present() + summary.wrong_type;
  return {carried + summary.missing, summary.present(), carried};
}

}  // namespace

Outcome duplicates(const Reference& reference, const Pane& pane) {
  return compare_shares({pane.duplicates, pane.predictions + pane.duplicates},
                        {reference.duplicates, reference.rows});
}

Outcome missing_columns(const ModelSchema& schema, const Reference& reference, const Pane& pane) {
  std::uint64_t required = 0;
  std::uint64_t gone = 0;
  for (std::size_t i = 0; i < schema.feature_count; ++i) {
    const ValueCount baseline =
        std::visit([](const auto& series) { return count_values(series.summary); },
                   reference.series[i].baseline);
    if (baseline.values == 0 || 2 * baseline.values < baseline.rows) continue;
    ++required;
    const ValueCount current =
        std::visit([](const auto& summary) { return count_values(summary); }, pane.series[i]);
    gone += current.carried == 0 ? 1 : 0;
  }
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(pane.predictions);
  if (required > 0 && pane.predictions > 0) outcome.statistic = Share{gone, required}.value();
  return outcome;
}

Verdict judge_volume(std::uint64_t events, const std::optional<ReferenceVolume>& reference,
                     const VolumeLimits& limits, bool is_whole) {
  const auto count = static_cast<double>(events);
  const Interval interval = count_interval(events);
  Verdict verdict;
  verdict.n = static_cast<std::int64_t>(events);
  verdict.statistic = count;
  verdict.low = interval.low;
  verdict.high = interval.high;
  if (limits.min || limits.max) {
    const bool is_low = limits.min && count < *limits.min;
    const bool is_high = limits.max && count > *limits.max;
    verdict.threshold = is_high || !limits.min ? limits.max : limits.min;
    if (is_whole) verdict.level = is_low || is_high ? Level::drift : Level::stable;
    return verdict;
  }
  if (!reference) return verdict;
  const bool is_low = events < reference->median;
  const std::uint64_t extreme = is_low ? reference->lowest : reference->highest;
  const bool is_inside = is_low ? events >= extreme : events <= extreme;
  verdict.p_value = is_inside ? 1 : same_rate_p_value(events, extreme);
  verdict.threshold = is_low ? static_cast<double>(extreme) / kOddVolume
                             : static_cast<double>(extreme) * kOddVolume;
  if (!is_whole) return verdict;
  const bool is_beyond = is_low ? count < *verdict.threshold : count > *verdict.threshold;
  verdict.level = is_beyond && *verdict.p_value < kQualityAlpha ? Level::warning : Level::stable;
  return verdict;
}

}  // namespace driftd
