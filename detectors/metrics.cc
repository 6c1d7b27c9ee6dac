#include "detectors/metrics.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace driftd {
namespace {

[[nodiscard]] double ratio_or_zero(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

[[nodiscard]] std::optional<double> mean_of(double sum, std::uint64_t count) {
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

// The mean over bins, by size, of |share of positives - mean score|. Source: Naeini, Cooper and
// Hauskrecht (2015).
[[nodiscard]] std::optional<double> calibration_error(const CalibrationBins& bins) {
  double all = 0;
  double error = 0;
  for (std::size_t i = 0; i < CalibrationBins::kBins; ++i) {
    all += static_cast<double>(bins.count[i]);
    error += std::abs(static_cast<double>(bins.positives[i]) - bins.score_sum[i]);
  }
  if (all == 0) return std::nullopt;
  return error / all;
}

struct ClassCounts {
  double labelled = 0;   // rows whose actual class it is
  double predicted = 0;  // rows that were predicted to be it
  double right = 0;      // both
};

// Matthews correlation for any number of classes. Source: Gorodkin (2004), as in scikit-learn.
[[nodiscard]] double matthews(const std::vector<ClassCounts>& classes, double rows) {
  double right = 0;
  double products = 0;
  double labelled_squares = 0;
  double predicted_squares = 0;
  for (const ClassCounts& c : classes) {
    right += c.right;
    products += c.labelled * c.predicted;
    labelled_squares += c.labelled * c.labelled;
    predicted_squares += c.predicted * c.predicted;
  }
  const double product = (rows * rows - predicted_squares) * (rows * rows - labelled_squares);
  return product == 0 ? 0 : (right * rows - products) / std::sqrt(product);
}

// Cohen's kappa, unweighted; empty where both sides are one and the same class only.
[[nodiscard]] std::optional<double> cohen_kappa(const std::vector<ClassCounts>& classes,
                                                double rows) {
  double right = 0;
  double products = 0;
  for (const ClassCounts& c : classes) {
    right += c.right;
    products += c.labelled * c.predicted;
  }
  const double by_chance = products / (rows * rows);
  if (by_chance == 1) return std::nullopt;
  return (right / rows - by_chance) / (1 - by_chance);
}

[[nodiscard]] std::optional<double> balanced_accuracy(const std::vector<ClassCounts>& classes) {
  double sum = 0;
  int occurring = 0;
  for (const ClassCounts& c : classes) {
    if (c.labelled == 0) continue;
    sum += c.right / c.labelled;
    ++occurring;
  }
  if (occurring == 0) return std::nullopt;
  return sum / occurring;
}

[[nodiscard]] std::vector<NamedMetric> binary_metrics(const BinaryPerformance& p) {
  const auto tp = static_cast<double>(p.true_positive);
  const auto fp = static_cast<double>(p.false_positive);
  const auto tn = static_cast<double>(p.true_negative);
  const auto fn = static_cast<double>(p.false_negative);
  const double rows = tp + fp + tn + fn;
  const std::uint64_t scored = p.scores.total(0) + p.scores.total(1);
  const auto class_metric = [&](std::optional<double> value) {
    return rows == 0 ? std::nullopt : value;
  };
  const std::vector<ClassCounts> classes = {{tn + fp, tn + fn, tn}, {tp + fn, tp + fp, tp}};
  return {
      {"accuracy", class_metric(ratio_or_zero(tp + tn, rows))},
      {"balanced_accuracy", class_metric(balanced_accuracy(classes))},
      {"precision", class_metric(ratio_or_zero(tp, tp + fp))},
      {"recall", class_metric(ratio_or_zero(tp, tp + fn))},
      {"f1", class_metric(ratio_or_zero(2 * tp, 2 * tp + fp + fn))},
      {"roc_auc", roc_auc(p.scores)},
      {"average_precision", average_precision(p.scores)},
      {"log_loss", mean_of(p.log_loss_sum, scored)},
      {"brier", mean_of(p.brier_sum, scored)},
      {"mcc", class_metric(matthews(classes, rows))},
      {"cohen_kappa", rows == 0 ? std::nullopt : cohen_kappa(classes, rows)},
      {"ece", calibration_error(p.calibration)},
  };
}

struct Averages {
  double precision_macro = 0, recall_macro = 0, f1_macro = 0;
  double precision_weighted = 0, recall_weighted = 0, f1_weighted = 0;
};

[[nodiscard]] Averages averages_of(const std::vector<ClassCounts>& classes, double rows) {
  Averages a;
  for (const ClassCounts& c : classes) {
    const double precision = ratio_or_zero(c.right, c.predicted);
    const double recall = ratio_or_zero(c.right, c.labelled);
    const double f1 = ratio_or_zero(2 * c.right, c.labelled + c.predicted);
    const auto count = static_cast<double>(classes.size());
    a.precision_macro += precision / count;
    a.recall_macro += recall / count;
    a.f1_macro += f1 / count;
    a.precision_weighted += precision * c.labelled / rows;
    a.recall_weighted += recall * c.labelled / rows;
    a.f1_weighted += f1 * c.labelled / rows;
  }
  return a;
}

// One-vs-rest, macro, over all classes that the model gives scores to; empty if one of them has no
// label.
[[nodiscard]] std::optional<double> multiclass_roc_auc(const ModelSchema& model,
                                                       const MulticlassPerformance& p) {
  if (p.scores.size() != model.scored_classes.size() || p.scores.empty()) return std::nullopt;
  double sum = 0;
  for (const ValueCounts& scores : p.scores) {
    const std::optional<double> of_class = roc_auc(scores);
    if (!of_class) return std::nullopt;
    sum += *of_class;
  }
  return sum / static_cast<double>(p.scores.size());
}

[[nodiscard]] std::vector<NamedMetric> multiclass_metrics(const ModelSchema& model,
                                                          const MulticlassPerformance& p) {
  std::map<ClassCode, ClassCounts> by_code;
  for (const auto& [cell, count] : p.confusion) {
    const auto times = static_cast<double>(count);
    by_code[cell.first].labelled += times;
    by_code[cell.second].predicted += times;
    if (cell.first == cell.second) by_code[cell.first].right += times;
  }
  std::vector<ClassCounts> classes;
  double right = 0;
  for (const auto& [code, counts] : by_code) {
    classes.push_back(counts);
    right += counts.right;
  }
  const auto rows = static_cast<double>(p.labelled_rows);
  const auto defined = [&](double value) {
    return rows == 0 ? std::nullopt : std::optional<double>(value);
  };
  const Averages a = averages_of(classes, rows);
  // In single-label classification every micro average is the accuracy.
  const std::optional<double> accuracy = defined(ratio_or_zero(right, rows));
  return {
      {"accuracy", accuracy},
      {"balanced_accuracy", balanced_accuracy(classes)},
      {"precision_macro", defined(a.precision_macro)},
      {"precision_micro", accuracy},
      {"precision_weighted", defined(a.precision_weighted)},
      {"recall_macro", defined(a.recall_macro)},
      {"recall_micro", accuracy},
      {"recall_weighted", defined(a.recall_weighted)},
      {"f1_macro", defined(a.f1_macro)},
      {"f1_micro", accuracy},
      {"f1_weighted", defined(a.f1_weighted)},
      {"roc_auc", multiclass_roc_auc(model, p)},
      {"log_loss", mean_of(p.log_loss_sum, p.scored_rows)},
      {"brier", mean_of(p.brier_sum, p.scored_rows)},
      {"mcc", defined(matthews(classes, rows))},
      {"cohen_kappa", rows == 0 ? std::nullopt : cohen_kappa(classes, rows)},
      {"ece", calibration_error(p.calibration)},
  };
}

[[nodiscard]] std::optional<double> median(const ValueCounts& values) {
  const std::vector<ValueCounts::Entry> entries = values.sorted();
  const std::uint64_t n = values.total(0);
  if (n == 0) return std::nullopt;
  const auto at = [&](std::uint64_t rank) {  // counted from 0
    for (const ValueCounts::Entry& entry : entries) {
      if (rank < entry.count[0]) return entry.value;
      rank -= entry.count[0];
    }
    return entries.back().value;
  };
  return n % 2 == 1 ? at(n / 2) : (at(n / 2 - 1) + at(n / 2)) / 2;
}

[[nodiscard]] std::optional<double> r2(const RegressionPerformance& p) {
  if (p.actual.count < 2)
    return std::nullopt;  // as scikit-learn: one row has no variance to explain
  if (p.actual.squares == 0) return p.squared_error_sum == 0 ? 1.0 : 0.0;
  return 1 - p.squared_error_sum / p.actual.squares;
}

[[nodiscard]] std::vector<NamedMetric> regression_metrics(const RegressionPerformance& p) {
  const std::uint64_t rows = p.labelled();
  std::optional<double> rmse = mean_of(p.squared_error_sum, rows);
  if (rmse) rmse = std::sqrt(*rmse);
  return {
      {"mae", mean_of(p.absolute_error_sum, rows)},  {"rmse", rmse},
      {"mape", mean_of(p.relative_error_sum, rows)}, {"r2", r2(p)},
      {"median_ae", median(p.absolute_errors)},      {"bias", mean_of(p.error_sum, rows)},
  };
}

}  // namespace

std::optional<double> roc_auc(const ValueCounts& scores) {
  const auto positives = static_cast<double>(scores.total(1));
  const auto negatives = static_cast<double>(scores.total(0));
  if (positives == 0 || negatives == 0) return std::nullopt;
  double below = 0;
  double twice_wins = 0;  // pairs in which the positive scores higher, counted twice, ties once
  for (const ValueCounts::Entry& entry : scores.sorted()) {
    twice_wins += entry.count[1] * (2 * below + entry.count[0]);
    below += entry.count[0];
  }
  return twice_wins / (2 * positives * negatives);
}

std::optional<double> average_precision(const ValueCounts& scores) {
  const auto positives = static_cast<double>(scores.total(1));
  if (scores.total(0) + scores.total(1) == 0) return std::nullopt;
  if (positives == 0) return 0.0;
  const std::vector<ValueCounts::Entry> entries = scores.sorted();
  double found = 0;
  double taken = 0;
  double sum = 0;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    found += entry->count[1];
    taken += entry->count[0] + entry->count[1];
    sum += entry->count[1] * (found / taken);
  }
  return sum / positives;
}

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
  }
  return metrics;
}

std::vector<NamedMetric> compute_latency(const LatencySummary& latency) {
  if (latency.moments.count == 0)
    return {{"latency_mean", std::nullopt}, {"latency_p99", std::nullopt}};
  return {{"latency_mean", latency.moments.mean}, {"latency_p99", latency.quantile(0.99)}};
}

}  // namespace driftd
