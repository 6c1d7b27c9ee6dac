#include "detectors/data_quality.h"

#include <algorithm>

#include "core/check.h"

namespace driftd {
namespace {

// Cohen (1988), chapter 6: a small effect. From 0 to 1 %, from 5 to 10.3 %, from 50 to 60 %.
constexpr double kSmallEffect = 0.2;

[[nodiscard]] std::uint64_t rows_of(const NumericSummary& summary) {
  return summary.present() + summary.missing + summary.wrong_type;
}
[[nodiscard]] std::uint64_t rows_of(const CategorySummary& summary) {
  return summary.present() + summary.missing + summary.wrong_type;
}

[[nodiscard]] Outcome undefined(std::uint64_t rows) {
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(rows);
  return outcome;
}

template <typename Reference, typename Summary>
[[nodiscard]] Outcome missing(const Reference& reference, const Summary& current) {
  return compare_shares({current.missing, rows_of(current)},
                        {reference.summary.missing, rows_of(reference.summary)});
}

template <typename Reference, typename Summary>
[[nodiscard]] Outcome type_error(const Reference& reference, const Summary& current) {
  return compare_shares({current.wrong_type, rows_of(current)},
                        {reference.summary.wrong_type, rows_of(reference.summary)});
}

// A reference has no category that it lacks. What share of further rows of the same kind would be
// of a new category is the share of its rows that are the only one of theirs: Good (1953), "The
// population frequencies of species and the estimation of population parameters", Biometrika 40.
[[nodiscard]] Outcome unseen(const CategoryReference& reference, const CategorySummary& current) {
  const auto single = std::count(reference.counts.begin(), reference.counts.end(), 1U);
  return compare_shares({current.unseen.total(), rows_of(current)},
                        {static_cast<std::uint64_t>(single), rows_of(reference.summary)});
}

[[nodiscard]] Outcome out_of_range(const NumericReference& reference,
                                   const NumericSummary& current) {
  if (!reference.range) return undefined(rows_of(current));
  return compare_shares({reference.range->outside(current.counters), rows_of(current)},
                        {reference.out_of_range, rows_of(reference.summary)});
}

[[nodiscard]] Outcome outliers(const NumericReference& reference, const NumericSummary& current) {
  if (!reference.fences) return undefined(rows_of(current));
  return compare_shares(
      {reference.fences->outside(current.counters), rows_of(current)},
      {reference.fences->outside(reference.summary.counters), rows_of(reference.summary)});
}

// 1 where all `n` present values are equal, else 0. `alike`: how many of the reference's `m` values
// equal that one. It says nothing where the reference is constant, too, or where the reference, in
// its own order, stays the same for as many rows: a calendar feature does so for a whole day.
[[nodiscard]] Outcome constancy(std::uint64_t n, std::optional<std::uint64_t> alike,
                                std::uint64_t m, std::uint64_t longest_run) {
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(n);
  if (n == 0) return outcome;
  outcome.statistic = alike ? 1 : 0;
  if (alike && longest_run < m && longest_run < n)
    outcome.p_value = exceeds_p_value({n, n}, {*alike, m});
  return outcome;
}

[[nodiscard]] Outcome constant(const NumericReference& reference, const NumericSummary& current) {
  // A cell may hold several values; that they are one shows in the least and the greatest. An
  // infinity has a cell of its own, or shares it with values that are finite.
  std::optional<std::uint32_t> cell = current.counters.only_cell();
  if (current.moments.count > 0 && (current.non_finite > 0 || current.minimum != current.maximum))
    cell.reset();
  std::optional<std::uint64_t> alike;
  if (cell)
    alike = reference.cumulative[*cell] - (*cell == 0 ? 0 : reference.cumulative[*cell - 1]);
  return constancy(current.present(), alike, reference.summary.present(), reference.longest_run);
}

[[nodiscard]] Outcome constant(const CategoryReference& reference, const CategorySummary& current) {
  std::optional<std::uint64_t> alike;
  if (current.unseen.total() == 0) {
    if (const auto code = current.counters.only_cell()) alike = reference.counts[*code];
  } else if (current.counters.total() == 0 && current.unseen.counts().size() == 1 &&
             current.unseen.other() == 0) {
    alike = 0;
  }
  return constancy(current.present(), alike, reference.summary.present(), reference.longest_run);
}

// clang-format off
constexpr QualityCheck kChecks[] = {
    // name          numeric                                          categorical
    {"missing",      missing<NumericReference, NumericSummary>,       missing<CategoryReference, CategorySummary>},
    {"type_error",   type_error<NumericReference, NumericSummary>,    type_error<CategoryReference, CategorySummary>},
    {"unseen",       nullptr,                                         unseen},
    {"out_of_range", out_of_range,                                    nullptr},
    {"outliers",     outliers,                                        nullptr},
    {"constant",     constant,                                        constant},
};
// clang-format on

}  // namespace

std::span<const QualityCheck> quality_checks() { return kChecks; }

Outcome run(const QualityCheck& check, const SeriesReference& reference,
            const SeriesSummary& current) {
  if (const auto* numeric = std::get_if<NumericReference>(&reference.baseline)) {
    DRIFTD_CHECK(check.numeric != nullptr);
    return check.numeric(*numeric, std::get<NumericSummary>(current));
  }
  DRIFTD_CHECK(check.categorical != nullptr);
  return check.categorical(std::get<CategoryReference>(reference.baseline),
                           std::get<CategorySummary>(current));
}

Outcome compare_shares(const Share& window, const Share& reference) {
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(window.whole);
  const auto interval = wilson(static_cast<double>(window.part), static_cast<double>(window.whole));
  if (!interval) return outcome;
  outcome.statistic = window.value();
  outcome.low = interval->low;
  outcome.high = interval->high;
  outcome.p_value = exceeds_p_value(window, reference);
  if (reference.whole > 0) outcome.effect = cohens_h(window.value(), reference.value());
  return outcome;
}

Limits quality_limits(std::optional<double> largest) {
  Limits limits;
  if (largest) {
    limits.threshold = largest;
    limits.exclusive = true;
  } else {
    limits.alpha = kQualityAlpha;
    limits.min_effect = kSmallEffect;
  }
  return limits;
}

}  // namespace driftd
