#include <algorithm>
#include <cmath>

#include "detectors/intervals.h"

namespace driftd {
namespace {

[[nodiscard]] double ratio_or_zero(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

// The variance of an estimate whose influence per row is `influence(cell)`, up to a constant.
template <typename Influence>
[[nodiscard]] double delta_variance(const ConfusionTable& table, Influence influence) {
  Moments moments;
  for (const ConfusionCell& cell : table.cells) {
    // Chan's update with `rows` equal values.
    moments.merge({static_cast<std::uint64_t>(cell.rows), influence(cell), 0});
  }
  if (table.rows < 2) return 0;
  const double variance = moments.squares / (table.rows - 1) / table.rows;
  // Influences that are equal but for rounding are no spread.
  constexpr double kRounding = 1e-28;
  return variance > kRounding ? variance : 0;
}

[[nodiscard]] std::vector<double> f1_by_class(const ConfusionTable& table) {
  std::vector<double> f1(table.classes());
  for (std::size_t k = 0; k < f1.size(); ++k)
    f1[k] = ratio_or_zero(2 * table.right[k], table.labelled[k] + table.predicted[k]);
  return f1;
}

[[nodiscard]] std::vector<double> precision_by_class(const ConfusionTable& table) {
  std::vector<double> precision(table.classes());
  for (std::size_t k = 0; k < precision.size(); ++k)
    precision[k] = ratio_or_zero(table.right[k], table.predicted[k]);
  return precision;
}

// What one row of the cell does to the sum of F1 (or precision) over classes, each weighted.
[[nodiscard]] double f1_influence(const ConfusionTable& table, const std::vector<double>& f1,
                                  const std::vector<double>& weights, const ConfusionCell& cell) {
  const auto rate = [&](std::uint32_t k) {
    return weights[k] * table.rows / (table.labelled[k] + table.predicted[k]);
  };
  if (cell.actual == cell.predicted) return 2 * (1 - f1[cell.actual]) * rate(cell.actual);
  return -f1[cell.actual] * rate(cell.actual) - f1[cell.predicted] * rate(cell.predicted);
}

[[nodiscard]] double precision_influence(const ConfusionTable& table,
                                         const std::vector<double>& precision,
                                         const std::vector<double>& weights,
                                         const ConfusionCell& cell) {
  const std::uint32_t k = cell.predicted;
  return weights[k] * table.rows / table.predicted[k] * ((cell.actual == k ? 1 : 0) - precision[k]);
}

[[nodiscard]] std::vector<double> equal_weights(const ConfusionTable& table) {
  return std::vector<double>(table.classes(), 1.0 / static_cast<double>(table.classes()));
}

[[nodiscard]] std::vector<double> label_weights(const ConfusionTable& table) {
  std::vector<double> weights = table.labelled;
  for (double& weight : weights) weight /= table.rows;
  return weights;
}

// The classes' own intervals, as if they were independent.
[[nodiscard]] std::optional<Interval> combined(const ConfusionTable& table,
                                               const std::vector<double>& weights, bool of_f1) {
  std::vector<Part> parts;
  for (std::size_t k = 0; k < table.classes(); ++k) {
    const double right = table.right[k];
    const double missed = table.labelled[k] - right;
    const double wrong = table.predicted[k] - right;
    parts.push_back(of_f1 ? Part{ratio_or_zero(2 * right, 2 * right + missed + wrong),
                                 f1_interval(right, wrong, missed), weights[k]}
                          : Part{ratio_or_zero(right, right + wrong), wilson(right, right + wrong),
                                 weights[k]});
  }
  return weighted_sum_interval(parts);
}

// 1 - (1 - share right) / (1 - share right by chance), at the lowest share that is not surprising.
[[nodiscard]] std::optional<Interval> all_right(const ConfusionTable& table) {
  double right = 0;
  double by_chance = 0;
  for (std::size_t k = 0; k < table.classes(); ++k) {
    right += table.right[k];
    by_chance += table.labelled[k] * table.predicted[k] / (table.rows * table.rows);
  }
  const std::optional<Interval> accuracy = wilson(right, table.rows);
  if (right < table.rows || by_chance >= 1 || !accuracy) return std::nullopt;
  return containing(1, 1 - (1 - accuracy->low) / (1 - by_chance), 1);
}

}  // namespace

void ConfusionTable::add(std::uint32_t actual, std::uint32_t predicted_as, double times) {
  const std::size_t needed = std::max(actual, predicted_as) + std::size_t{1};
  if (labelled.size() < needed) {
    labelled.resize(needed);
    predicted.resize(needed);
    right.resize(needed);
  }
  if (times > 0) cells.push_back({actual, predicted_as, times});
  labelled[actual] += times;
  predicted[predicted_as] += times;
  if (actual == predicted_as) right[actual] += times;
  rows += times;
}

std::optional<Interval> macro_precision_interval(const ConfusionTable& table) {
  // Rows that were predicted to be different classes are different rows, so that the shares right
  // among them are independent. The delta method would see no spread in a class with a handful.
  return combined(table, equal_weights(table), false);
}

std::optional<Interval> weighted_precision_interval(const ConfusionTable& table, double value) {
  const std::vector<double> precision = precision_by_class(table);
  const std::vector<double> weights = label_weights(table);
  // The weights are estimated, too: a row adds its class's precision to the sum.
  const double variance = delta_variance(table, [&](const ConfusionCell& cell) {
    return precision_influence(table, precision, weights, cell) + precision[cell.actual];
  });
  return variance > 0 ? logit_interval(value, variance) : combined(table, weights, false);
}

std::optional<Interval> macro_f1_interval(const ConfusionTable& table, double value) {
  const std::vector<double> f1 = f1_by_class(table);
  const std::vector<double> weights = equal_weights(table);
  const double variance = delta_variance(
      table, [&](const ConfusionCell& cell) { return f1_influence(table, f1, weights, cell); });
  return variance > 0 ? logit_interval(value, variance) : combined(table, weights, true);
}

std::optional<Interval> weighted_f1_interval(const ConfusionTable& table, double value) {
  const std::vector<double> f1 = f1_by_class(table);
  const std::vector<double> weights = label_weights(table);
  const double variance = delta_variance(table, [&](const ConfusionCell& cell) {
    return f1_influence(table, f1, weights, cell) + f1[cell.actual];
  });
  return variance > 0 ? logit_interval(value, variance) : combined(table, weights, true);
}

std::optional<Interval> kappa_interval(const ConfusionTable& table, double value) {
  double right = 0;
  double by_chance = 0;
  for (std::size_t k = 0; k < table.classes(); ++k) {
    right += table.right[k] / table.rows;
    by_chance += table.labelled[k] * table.predicted[k] / (table.rows * table.rows);
  }
  if (by_chance >= 1) return std::nullopt;
  const double wrong = (1 - right) / ((1 - by_chance) * (1 - by_chance));
  const double variance = delta_variance(table, [&](const ConfusionCell& cell) {
    const double margins =
        (table.predicted[cell.actual] + table.labelled[cell.predicted]) / table.rows;
    return (cell.actual == cell.predicted ? 1 / (1 - by_chance) : 0) - wrong * margins;
  });
  return variance > 0 ? fisher_interval(value, variance) : all_right(table);
}

std::optional<Interval> matthews_interval(const ConfusionTable& table, double value) {
  double labelled_squares = 0;
  double predicted_squares = 0;
  for (std::size_t k = 0; k < table.classes(); ++k) {
    labelled_squares += std::pow(table.labelled[k] / table.rows, 2);
    predicted_squares += std::pow(table.predicted[k] / table.rows, 2);
  }
  const double of_labels = 1 - labelled_squares;
  const double of_predictions = 1 - predicted_squares;
  if (!(of_labels > 0 && of_predictions > 0)) return std::nullopt;
  // R = (share right - sum t_k p_k) / sqrt(of_predictions of_labels), with the margins t and p.
  const double scale = std::sqrt(of_labels * of_predictions);
  const double variance = delta_variance(table, [&](const ConfusionCell& cell) {
    const double margins =
        (table.predicted[cell.actual] + table.labelled[cell.predicted]) / table.rows;
    return ((cell.actual == cell.predicted ? 1 : 0) - margins) / scale +
           value * (table.predicted[cell.predicted] / table.rows / of_predictions +
                    table.labelled[cell.actual] / table.rows / of_labels);
  });
  return variance > 0 ? fisher_interval(value, variance) : all_right(table);
}

std::optional<Interval> mean_auc_interval(std::span<const RankEstimate> estimates,
                                          std::span<const std::uint32_t> positions,
                                          const ConfusionTable& table) {
  if (estimates.empty() || estimates.size() != positions.size()) return std::nullopt;
  const auto classes = static_cast<double>(estimates.size());
  double value = 0;
  for (const RankEstimate& one : estimates) value += one.value / classes;
  // The thresholded AUC of class k is (recall_k + specificity_k) / 2. `with` and `against` are what
  // a row of the class, and one of another class, that is predicted as k adds to it.
  std::vector<double> with(table.classes());
  std::vector<double> against(table.classes());
  std::vector<double> scale(table.classes());
  double apart = 0;  // the variance of AUCs whose thresholded one has no spread
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    const std::uint32_t k = positions[i];
    const double ours = table.labelled[k];
    const double others = table.rows - ours;
    const double recall = ratio_or_zero(table.right[k], ours);
    const double false_share = ratio_or_zero(table.predicted[k] - table.right[k], others);
    const double thresholded = (ratio_or_zero(recall * (1 - recall), ours) +
                                ratio_or_zero(false_share * (1 - false_share), others)) /
                               4;
    if (!(thresholded > 0)) {
      apart += estimates[i].variance;
      continue;
    }
    scale[k] = std::sqrt(estimates[i].variance / thresholded);
    with[k] = scale[k] * table.rows / ours / 2;
    against[k] = scale[k] * table.rows / others / 2;
  }
  double common = 0;  // what a row of no class in particular that is predicted as none adds
  std::vector<double> false_shares(table.classes());
  for (std::size_t k = 0; k < table.classes(); ++k) {
    false_shares[k] =
        ratio_or_zero(table.predicted[k] - table.right[k], table.rows - table.labelled[k]);
    common += against[k] * false_shares[k];
  }
  const double together = delta_variance(table, [&](const ConfusionCell& cell) {
    const std::uint32_t a = cell.actual;
    const double recall = ratio_or_zero(table.right[a], table.labelled[a]);
    double influence = common - against[a] * false_shares[a] - with[a] * recall;
    return influence + (cell.predicted == a ? with[a] : -against[cell.predicted]);
  });
  if (together + apart > 0) return logit_interval(value, (together + apart) / (classes * classes));
  std::vector<Part> parts;
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    const double ours = table.labelled[positions[i]];
    parts.push_back(
        {estimates[i].value, auc_interval(estimates[i], ours, table.rows - ours), 1 / classes});
  }
  return weighted_sum_interval(parts);
}

}  // namespace driftd
