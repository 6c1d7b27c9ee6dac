#include "detectors/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "detectors/rank_metrics.h"

namespace driftd {
namespace {

[[nodiscard]] double ratio_or_zero(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

// The mean over bins, by size, of |share of positives - mean score|. Source: Naeini, Cooper and
// Hauskrecht (2015).
[[nodiscard]] NamedMetric calibration_error(const CalibrationBins& bins) {
  double all = 0;
  double error = 0;
  for (std::size_t i = 0; i < CalibrationBins::kBins; ++i) {
    all += static_cast<double>(bins.count[i]);
    error += std::abs(static_cast<double>(bins.positives[i]) - bins.score_sum[i]);
  }
  if (all == 0) return {"ece", {}, {}, {}};
  return {"ece", error / all, calibration_interval(bins, error / all), {}};
}

// --- From the confusion matrix

[[nodiscard]] double rows_right(const ConfusionTable& table) {
  double right = 0;
  for (const double of_class : table.right) right += of_class;
  return right;
}

// Matthews correlation for any number of classes. Source: Gorodkin (2004), as in scikit-learn.
[[nodiscard]] double matthews(const ConfusionTable& table) {
  double products = 0;
  double labelled_squares = 0;
  double predicted_squares = 0;
  for (std::size_t k = 0; k < table.classes(); ++k) {
    products += table.labelled[k] * table.predicted[k];
    labelled_squares += table.labelled[k] * table.labelled[k];
    predicted_squares += table.predicted[k] * table.predicted[k];
  }
  const double rows = table.rows;
  const double product = (rows * rows - predicted_squares) * (rows * rows - labelled_squares);
  return product == 0 ? 0 : (rows_right(table) * rows - products) / std::sqrt(product);
}

// Cohen's kappa, unweighted; empty where both sides are one and the same class only.
[[nodiscard]] std::optional<double> cohen_kappa(const ConfusionTable& table) {
  double products = 0;
  for (std::size_t k = 0; k < table.classes(); ++k)
    products += table.labelled[k] * table.predicted[k];
  const double by_chance = products / (table.rows * table.rows);
  if (by_chance == 1) return std::nullopt;
  return (rows_right(table) / table.rows - by_chance) / (1 - by_chance);
}

[[nodiscard]] NamedMetric share_metric(std::string_view name, double part, double whole) {
  return {name, ratio_or_zero(part, whole), wilson(part, whole), {}};
}

// The mean recall of the classes that occur among the labels, or of all that occur at all: a class
// without labels has the recall 0 there.
[[nodiscard]] NamedMetric mean_recall(std::string_view name, const ConfusionTable& table,
                                      bool labelled_only) {
  double classes = 0;
  for (const double labelled : table.labelled) classes += !labelled_only || labelled > 0 ? 1 : 0;
  std::vector<Part> parts;
  double mean = 0;
  for (std::size_t k = 0; k < table.classes(); ++k) {
    if (table.labelled[k] == 0) continue;
    const double recall = table.right[k] / table.labelled[k];
    mean += recall;
    parts.push_back({recall, wilson(table.right[k], table.labelled[k]), 1 / classes});
  }
  return {name, mean / classes, weighted_sum_interval(parts), {}};
}

[[nodiscard]] std::vector<NamedMetric> agreement(const ConfusionTable& table) {
  const double mcc = matthews(table);
  const std::optional<double> kappa = cohen_kappa(table);
  return {{"mcc", mcc, matthews_interval(table, mcc), {}},
          {"cohen_kappa", kappa, kappa ? kappa_interval(table, *kappa) : std::nullopt, {}}};
}

[[nodiscard]] std::vector<NamedMetric> averages(const ConfusionTable& table) {
  double precision_macro = 0, f1_macro = 0, precision_weighted = 0, f1_weighted = 0;
  const auto classes = static_cast<double>(table.classes());
  for (std::size_t k = 0; k < table.classes(); ++k) {
    const double precision = ratio_or_zero(table.right[k], table.predicted[k]);
    const double f1 = ratio_or_zero(2 * table.right[k], table.labelled[k] + table.predicted[k]);
    precision_macro += precision / classes;
    f1_macro += f1 / classes;
    precision_weighted += precision * table.labelled[k] / table.rows;
    f1_weighted += f1 * table.labelled[k] / table.rows;
  }
  // In single-label classification every micro average, and the recall weighted by labels, is the
  // accuracy.
  const double right = rows_right(table);
  return {
      {"precision_macro", precision_macro, macro_precision_interval(table), {}},
      share_metric("precision_micro", right, table.rows),
      {"precision_weighted",
       precision_weighted,
       weighted_precision_interval(table, precision_weighted),
       {}},
      mean_recall("recall_macro", table, false),
      share_metric("recall_micro", right, table.rows),
      share_metric("recall_weighted", right, table.rows),
      {"f1_macro", f1_macro, macro_f1_interval(table, f1_macro), {}},
      share_metric("f1_micro", right, table.rows),
      {"f1_weighted", f1_weighted, weighted_f1_interval(table, f1_weighted), {}},
  };
}

// --- By task

[[nodiscard]] NamedMetric named(std::string_view name, const RankMetric& metric) {
  return {name, metric.value, metric.interval, metric.bound};
}

[[nodiscard]] NamedMetric positive_mean(std::string_view name, const Moments& rows) {
  if (rows.count == 0) return {name, {}, {}, {}};
  return {name, rows.mean, positive_mean_interval(rows), {}};
}

// Rows that gave an outcome the probability 0, or less than a double tells from it, and those of
// them whose outcome came. None are known of where scores had to be rounded, maybe to 0 or 1.
struct CertainRows {
  double all = 0;
  double wrong = 0;
};
constexpr double kCertain = 0x1p-52;
constexpr double kNoLimit = std::numeric_limits<double>::infinity();

[[nodiscard]] CertainRows certain_rows(const BinaryPerformance& p) {
  if (p.scores.relative_error() > 0) return {};
  const auto low = p.scores.between(-kNoLimit, kCertain);
  const auto high = p.scores.between(1 - kCertain, kNoLimit);
  return {static_cast<double>(low[0] + low[1] + high[0] + high[1]),
          static_cast<double>(low[1] + high[0])};
}
// A row may give several classes the probability 0; how many rows do is known up to a bound only,
// which makes little difference as long as it is large.
[[nodiscard]] CertainRows certain_rows(const MulticlassPerformance& p) {
  CertainRows rows;
  for (const ValueCounts& of_class : p.scores) {
    if (of_class.relative_error() > 0) return {};
    const auto low = of_class.between(-kNoLimit, kCertain);
    rows.all += static_cast<double>(low[0] + low[1]);
    rows.wrong += static_cast<double>(low[1]);
  }
  rows.all = std::min(rows.all, static_cast<double>(p.scored_rows));
  return rows;
}

[[nodiscard]] NamedMetric log_loss(const Moments& rows, const CertainRows& certain) {
  if (rows.count == 0) return {"log_loss", {}, {}, {}};
  return {"log_loss", rows.mean, log_loss_interval(rows, certain.all, certain.wrong), {}};
}

void append(std::vector<NamedMetric>& metrics, std::vector<NamedMetric> more) {
  metrics.insert(metrics.end(), more.begin(), more.end());
}

[[nodiscard]] std::vector<NamedMetric> binary_metrics(const BinaryPerformance& p) {
  const auto tp = static_cast<double>(p.true_positive);
  const auto fp = static_cast<double>(p.false_positive);
  const auto tn = static_cast<double>(p.true_negative);
  const auto fn = static_cast<double>(p.false_negative);
  ConfusionTable table;
  table.add(0, 0, tn);
  table.add(0, 1, fp);
  table.add(1, 0, fn);
  table.add(1, 1, tp);
  std::vector<NamedMetric> metrics;
  if (table.rows == 0) {
    for (const std::string_view name :
         {"accuracy", "balanced_accuracy", "precision", "recall", "f1"})
      metrics.push_back({name, {}, {}, {}});
  } else {
    metrics = {share_metric("accuracy", tp + tn, table.rows),
               mean_recall("balanced_accuracy", table, true),
               share_metric("precision", tp, tp + fp),
               share_metric("recall", tp, tp + fn),
               {"f1", ratio_or_zero(2 * tp, 2 * tp + fp + fn), f1_interval(tp, fp, fn), {}}};
  }
  append(metrics, {named("roc_auc", roc_auc(p.scores)),
                   named("average_precision", average_precision(p.scores)),
                   log_loss(p.log_loss, certain_rows(p)), positive_mean("brier", p.brier)});
  if (table.rows == 0) {
    append(metrics, {{"mcc", {}, {}, {}}, {"cohen_kappa", {}, {}, {}}});
  } else {
    append(metrics, agreement(table));
  }
  metrics.push_back(calibration_error(p.calibration));
  return metrics;
}

// One-vs-rest, macro, over all classes that the model gives scores to; empty if one of them has no
// label. `position` gives a class's place in the table.
[[nodiscard]] NamedMetric mean_auc(const ModelSchema& model, const MulticlassPerformance& p,
                                   const ConfusionTable& table,
                                   const std::map<ClassCode, std::uint32_t>& position) {
  NamedMetric metric{"roc_auc", {}, {}, {}};
  if (p.scores.size() != model.scored_classes.size() || p.scores.empty()) return metric;
  std::vector<RankEstimate> estimates;
  std::vector<std::uint32_t> positions;
  double sum = 0;
  double bound = 0;
  for (std::size_t i = 0; i < p.scores.size(); ++i) {
    const RankMetric of_class = roc_auc(p.scores[i]);
    const auto at = position.find(model.scored_classes[i]);
    if (!of_class.value || at == position.end()) return metric;
    estimates.push_back({*of_class.value, of_class.variance});
    positions.push_back(at->second);
    sum += *of_class.value;
    bound += of_class.bound.value_or(0);
  }
  const auto classes = static_cast<double>(p.scores.size());
  metric.value = sum / classes;
  if (bound > 0) metric.bound = bound / classes;
  metric.interval = mean_auc_interval(estimates, positions, table);
  return metric;
}

[[nodiscard]] std::vector<NamedMetric> multiclass_metrics(const ModelSchema& model,
                                                          const MulticlassPerformance& p) {
  std::map<ClassCode, std::uint32_t> position;
  for (const auto& [cell, count] : p.confusion) {
    position.emplace(cell.first, 0);
    position.emplace(cell.second, 0);
  }
  std::uint32_t next = 0;
  for (auto& [code, at] : position) at = next++;
  ConfusionTable table;
  for (const auto& [cell, count] : p.confusion)
    table.add(position.at(cell.first), position.at(cell.second), static_cast<double>(count));
  std::vector<NamedMetric> metrics;
  if (table.rows == 0) {
    for (const std::string_view name :
         {"accuracy", "balanced_accuracy", "precision_macro", "precision_micro",
          "precision_weighted", "recall_macro", "recall_micro", "recall_weighted", "f1_macro",
          "f1_micro", "f1_weighted"})
      metrics.push_back({name, {}, {}, {}});
  } else {
    metrics = {share_metric("accuracy", rows_right(table), table.rows),
               mean_recall("balanced_accuracy", table, true)};
    append(metrics, averages(table));
  }
  append(metrics, {mean_auc(model, p, table, position), log_loss(p.log_loss, certain_rows(p)),
                   positive_mean("brier", p.brier)});
  if (table.rows == 0) {
    append(metrics, {{"mcc", {}, {}, {}}, {"cohen_kappa", {}, {}, {}}});
  } else {
    append(metrics, agreement(table));
  }
  metrics.push_back(calibration_error(p.calibration));
  return metrics;
}

[[nodiscard]] NamedMetric root_mean_square(const RegressionPerformance& p) {
  NamedMetric metric = positive_mean("rmse", p.squared_error);
  if (metric.value) metric.value = std::sqrt(*metric.value);
  if (metric.interval)
    metric.interval = {std::sqrt(metric.interval->low), std::sqrt(metric.interval->high)};
  return metric;
}

[[nodiscard]] NamedMetric r2(const RegressionPerformance& p) {
  // As scikit-learn: one row has no variance to explain.
  if (p.actual.count < 2) return {"r2", {}, {}, {}};
  if (p.actual.squares == 0) return {"r2", p.squared_error.mean == 0 ? 1.0 : 0.0, {}, {}};
  const double unexplained = p.squared_error.mean * static_cast<double>(p.squared_error.count);
  return {"r2", 1 - unexplained / p.actual.squares, r2_interval(p), {}};
}

[[nodiscard]] std::vector<NamedMetric> regression_metrics(const RegressionPerformance& p) {
  NamedMetric bias{"bias", {}, {}, {}};
  if (p.error.count > 0) bias = {"bias", p.error.mean, mean_interval(p.error), {}};
  return {positive_mean("mae", p.absolute_error),        root_mean_square(p),
          positive_mean("mape", p.relative_error),       r2(p),
          named("median_ae", median(p.absolute_errors)), bias};
}

}  // namespace

std::vector<NamedMetric> compute_metrics(const ModelSchema& model,
                                         const PerformanceSummary& performance) {
  std::vector<NamedMetric> metrics;
  if (const auto* binary = std::get_if<BinaryPerformance>(&performance)) {
    metrics = binary_metrics(*binary);
  } else if (const auto* multi = std::get_if<MulticlassPerformance>(&performance)) {
    metrics = multiclass_metrics(model, *multi);
  } else {
    metrics = regression_metrics(std::get<RegressionPerformance>(performance));
  }
  // The square of an error above 1e154 leaves a double's range: what follows from it is not
  // defined.
  for (NamedMetric& metric : metrics) {
    if (metric.value && !std::isfinite(*metric.value)) metric.value.reset();
    if (!metric.value) metric.interval.reset();
  }
  return metrics;
}

std::vector<NamedMetric> compute_latency(const LatencySummary& latency) {
  return {positive_mean("latency_mean", latency.moments),
          named("latency_p50", nearest_rank(latency.distribution, 0.5)),
          named("latency_p90", nearest_rank(latency.distribution, 0.9)),
          named("latency_p99", nearest_rank(latency.distribution, 0.99))};
}

}  // namespace driftd
