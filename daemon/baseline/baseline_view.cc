#include "daemon/baseline/baseline_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "daemon/shown_text.h"

namespace driftd {
namespace {

constexpr std::size_t kFrequent = 3;
// With fewer rows a share of 1 % is known to half of itself at best.
constexpr std::uint64_t kManyRows = 1'000;

void describe(const NumericReference& reference, BaselineColumn& column) {
  column.type = SeriesType::numeric;
  column.present = reference.summary.present();
  column.missing = reference.summary.missing;
  column.distinct = reference.distinct;
  column.thinning_error = reference.thinning_error;
  column.mean = reference.summary.moments.mean;
  column.deviation = reference.deviation;
  if (reference.summary.moments.count == 0) return;
  column.lowest = reference.summary.minimum;
  column.highest = reference.summary.maximum;
  column.median = quantile_of(reference, 0.5);
}

void describe(const CategoryReference& reference, BaselineColumn& column) {
  column.type = SeriesType::categorical;
  column.present = reference.summary.present();
  column.missing = reference.summary.missing;
  column.distinct = reference.categories.size() + reference.others.size();
  column.sharing = reference.others.size();
  std::vector<std::size_t> order(reference.categories.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::size_t code) { return reference.counts[code]; });
  order.resize(std::min(order.size(), kFrequent));
  for (const std::size_t code : order) {
    column.frequent.emplace_back(
        reference.categories[code],
        static_cast<double>(reference.counts[code]) /
            static_cast<double>(std::max<std::uint64_t>(1, column.present)));
  }
}

[[nodiscard]] std::string estimates_of(const EstimationModel& model) {
  if (const auto* binary = std::get_if<BinaryEstimation>(&model)) {
    return fmt::format("from the scores, {}, learnt from {} labelled rows",
                       binary->map.is_calibrated() ? "calibrated on these rows"
                                                   : "which are probabilities as they are",
                       grouped(binary->rows));
  }
  if (const auto* multiclass = std::get_if<MulticlassEstimation>(&model)) {
    const auto calibrated = std::ranges::count_if(
        multiclass->maps, [](const ScoreMap& map) { return map.is_calibrated(); });
    return fmt::format(
        "from the scores, those of {} of {} classes calibrated on these rows, {} of "
        "them labelled",
        calibrated, multiclass->classes(), grouped(multiclass->rows));
  }
  if (const auto* regression = std::get_if<RegressionEstimation>(&model)) {
    return fmt::format("from the errors of {} labelled rows, by {} bins of the prediction",
                       grouped(regression->rows), regression->bins.size());
  }
  return {};
}

void say_limits(BaselineView& view) {
  const bool by_count = view.terms.count > 0;
  if (view.note.from == kNoTime) {
    view.limits.push_back(
        fmt::format("The rows have no times (a column `ts` with one in every row){}",
                    by_count ? ": they are taken for the order in which they came."
                             : ", and windows are by time: no window and no season is known."));
  } else if (!by_count && !view.volume) {
    view.limits.push_back(fmt::format(
        "The rows span fewer than three windows: how many predictions a window usually has is not "
        "known, so that too few or too many are not noticed."));
  }
  for (std::string& limit : budget_limits(view.budget)) view.limits.push_back(std::move(limit));
  if (view.rows < kManyRows) {
    view.limits.push_back(fmt::format(
        "There are {} rows: shares and quantiles are known roughly, so that only large changes can "
        "be told from chance.",
        grouped(view.rows)));
  }
  if (view.labelled == 0) {
    view.limits.emplace_back(
        "The rows have no labels (a column `actual`): the model's usual performance is not known, "
        "so `max_drop` cannot be judged and nothing is estimated before labels come.");
  } else if (view.estimates.empty()) {
    view.limits.emplace_back(
        "Nothing is estimated before labels come: scores with labels are needed for it, and "
        "`estimate = true`.");
  }
  for (const BaselineColumn& column : view.columns) {
    if (column.present == 0) {
      view.limits.push_back(
          fmt::format("Column {} has no value: nothing can be said of it.", shown(column.name)));
    }
  }
  const auto thinned = std::ranges::count_if(
      view.columns, [](const BaselineColumn& column) { return column.thinning_error > 0; });
  if (thinned > 0) {
    double worst = 0;
    for (const BaselineColumn& column : view.columns)
      worst = std::max(worst, column.thinning_error);
    view.limits.push_back(fmt::format(
        "{} column{} more than {} distinct values (`reference_max_distinct`) and kept so many: "
        "distances such as KS are off by at most {:.2g} there.",
        thinned, thinned == 1 ? " has" : "s have", grouped(view.terms.reference_max_distinct),
        worst));
  }
}

}  // namespace

double BaselineColumn::missing_share() const {
  const auto all = static_cast<double>(present + missing);
  return all == 0 ? 0 : static_cast<double>(missing) / all;
}

double quantile_of(const NumericReference& reference, double share) {
  const auto boundaries = reference.index.boundaries();
  if (boundaries.empty() || reference.cumulative.back() == 0) return 0;
  const double wanted = share * static_cast<double>(reference.cumulative.back());
  for (std::size_t i = 0; i < boundaries.size(); ++i) {
    if (static_cast<double>(reference.cumulative[2 * i + 1]) >= wanted) return boundaries[i];
  }
  return boundaries.back();
}

BaselineView view_of(const Baseline& baseline, std::string file) {
  BaselineView view;
  const Reference& reference = *baseline.model.reference;
  const ModelSchema& schema = *baseline.model.schema;
  view.file = std::move(file);
  view.hash = baseline.hash;
  view.bytes = baseline.bytes;
  view.note = baseline.note;
  view.terms = baseline.terms;
  view.rows = reference.rows;
  view.duplicates = reference.duplicates;
  view.volume = reference.volume;
  view.labelled = labelled(baseline.model.performance.performance);
  for (std::size_t i = 0; i < reference.series.size(); ++i) {
    BaselineColumn& column = view.columns.emplace_back();
    column.name = reference.series[i].name;
    column.role = schema.series[i].role;
    std::visit([&](const auto& of_type) { describe(of_type, column); },
               reference.series[i].baseline);
  }
  if (view.labelled > 0)
    view.metrics = compute_metrics(schema, baseline.model.performance.performance);
  if (baseline.model.performance.latency.moments.count > 0) {
    for (const NamedMetric& metric : compute_latency(baseline.model.performance.latency))
      view.metrics.push_back(metric);
  }
  view.estimates = estimates_of(reference.estimation);
  view.budget = budget_of(baseline);
  say_limits(view);
  return view;
}

}  // namespace driftd
