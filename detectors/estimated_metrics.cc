#include "detectors/estimated_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "detectors/estimated_ranking.h"

namespace driftd {
namespace {

constexpr double kTwoSided95 = 1.959963984540054;  // the 97.5 % quantile of the normal distribution
constexpr double kNoLimit = std::numeric_limits<double>::infinity();

[[nodiscard]] double ratio_or_zero(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

// `highest`: of the metric; the lowest is 0.
[[nodiscard]] NamedMetric with_interval(std::string_view name, double value, double variance,
                                        double highest) {
  const double half = kTwoSided95 * std::sqrt(std::max(0.0, variance));
  if (!std::isfinite(value) || !std::isfinite(half)) return {name, {}, {}, {}};
  return {name, value, Interval{std::max(0.0, value - half), std::min(highest, value + half)}, {}};
}

// --- Binary

// The variance of a step's probability, learned from `rows` labels; half a row of each class is
// added, so that a step without positives is not taken for certain.
[[nodiscard]] double step_variance(const IsotonicBlock& step) {
  const auto rows = static_cast<double>(step.rows);
  const double probability = (static_cast<double>(step.positives) + 0.5) / (rows + 1);
  return probability * (1 - probability) / rows;
}

// What the rows of one predicted class in one cell are expected to be.
struct BinaryCell {
  double rows = 0;
  double positives = 0;

  [[nodiscard]] double label_variance() const {
    return rows == 0 ? 0 : std::max(0.0, positives * (1 - positives / rows));
  }
};

class BinaryEstimate {
 public:
  BinaryEstimate(const BinaryEstimation& model, const EstimationSummary& summary)
      : map_(model.map), cells_(summary.cells.size()) {
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const EstimationSummary::Cell& cell = summary.cells[i];
      if (cell.count == 0) continue;
      const auto rows = static_cast<double>(cell.count);
      cells_[i] = {rows, map_.probability_sum(static_cast<std::uint32_t>(i / 2), rows, cell.sum)};
      rows_[i % 2] += rows;
      positives_[i % 2] += cells_[i].positives;
      label_variance_[i % 2] += cells_[i].label_variance();
    }
  }

  [[nodiscard]] std::vector<NamedMetric> metrics() const {
    const double true_positive = positives_[1];
    const double false_negative = positives_[0];
    const double rows = rows_[0] + rows_[1];
    const double positives = true_positive + false_negative;
    // F1 = 2 TP / (predicted + actual positives)
    const double both = rows_[1] + positives;
    const double squared = positives * positives;
    return {
        of_class_counts("accuracy_estimated",
                        ratio_or_zero(true_positive + rows_[0] - false_negative, rows),
                        ratio_or_zero(1, rows), -ratio_or_zero(1, rows)),
        of_class_counts("precision_estimated", ratio_or_zero(true_positive, rows_[1]),
                        ratio_or_zero(1, rows_[1]), 0),
        of_class_counts("recall_estimated", ratio_or_zero(true_positive, positives),
                        ratio_or_zero(false_negative, squared),
                        -ratio_or_zero(true_positive, squared)),
        of_class_counts("f1_estimated", ratio_or_zero(2 * true_positive, both),
                        ratio_or_zero(2 * (both - true_positive), both * both),
                        -ratio_or_zero(2 * true_positive, both * both)),
        roc_auc(),
    };
  }

 private:
  // A metric g of TP and FN, the predicted classes being known: by the delta method
  // g_TP^2 Var TP + g_FN^2 Var FN, and for each step of the calibration, which moves both at once,
  // (g_TP n_1 + g_FN n_0)^2 times the variance of its probability.
  [[nodiscard]] NamedMetric of_class_counts(std::string_view name, double value,
                                            double by_true_positive,
                                            double by_false_negative) const {
    const double of_labels = by_true_positive * by_true_positive * label_variance_[1] +
                             by_false_negative * by_false_negative * label_variance_[0];
    const double of_steps = step_variances([&](std::size_t cell) {
      return by_true_positive * cells_[2 * cell + 1].rows +
             by_false_negative * cells_[2 * cell].rows;
    });
    return with_interval(name, value, of_labels + of_steps, 1);
  }

  [[nodiscard]] NamedMetric roc_auc() const {
    std::vector<RankedCell> ranked(cells_.size() / 2);
    for (std::size_t c = 0; c < ranked.size(); ++c) {
      const ScoreMap::Range range = map_.range(static_cast<std::uint32_t>(c));
      ranked[c] = {cells_[2 * c].rows + cells_[2 * c + 1].rows,
                   cells_[2 * c].positives + cells_[2 * c + 1].positives, range.low, range.high};
    }
    const std::optional<EstimatedRanking> ranking = estimated_ranking(ranked);
    if (!ranking) return {"roc_auc_estimated", {}, {}, {}};
    double of_labels = 0;
    for (std::size_t c = 0; c < ranked.size(); ++c) {
      of_labels += ranking->influence[c] * ranking->influence[c] *
                   BinaryCell{ranked[c].rows, ranked[c].positives}.label_variance();
    }
    const double of_steps = step_variances(
        [&](std::size_t cell) { return ranking->influence[cell] * ranked[cell].rows; });
    return with_interval("roc_auc_estimated", ranking->roc_auc, of_labels + of_steps, 1);
  }

  // The sum over the steps of (sum of `weight` over its cells)^2 times the variance of its
  // probability; 0 where the score is taken as the probability.
  template <typename Weight>
  [[nodiscard]] double step_variances(Weight weight) const {
    if (!map_.is_calibrated()) return 0;
    std::vector<double> weights(map_.blocks().size());
    for (std::uint32_t cell = 0; cell < map_.cells(); ++cell)
      weights[map_.block_of(cell)] += weight(cell);
    double variance = 0;
    for (std::size_t step = 0; step < weights.size(); ++step)
      variance += weights[step] * weights[step] * step_variance(map_.blocks()[step]);
    return variance;
  }

  const ScoreMap& map_;
  std::vector<BinaryCell> cells_;  // 2 x cell + (1: predicted positive)
  double rows_[2] = {0, 0};        // by predicted class
  double positives_[2] = {0, 0};   // FN, TP
  double label_variance_[2] = {0, 0};
};

// --- Multiclass

class MulticlassEstimate {
 public:
  MulticlassEstimate(const MulticlassEstimation& model, const EstimationSummary& summary)
      : model_(model), summary_(summary), classes_(model.classes()), actual_(model.classes()) {
    for (std::size_t a = 0; a <= classes_; ++a) {
      for (std::size_t k = 0; k < classes_; ++k) actual_[k] += sum(a, k);
    }
    // A calibration that was learned from m rows errs as much as the labels of m further rows vary.
    if (model.is_calibrated()) {
      inflation_ += static_cast<double>(summary.scored) / static_cast<double>(model.rows);
    }
  }

  [[nodiscard]] std::vector<NamedMetric> metrics() const {
    return {accuracy(), precision(), recall(), f1(), roc_auc()};
  }

 private:
  // The expected number of rows of class k among those predicted to be a.
  [[nodiscard]] double sum(std::size_t a, std::size_t k) const {
    return summary_.probabilities[a * classes_ + k];
  }
  [[nodiscard]] double right(std::size_t a) const { return sum(a, a); }
  [[nodiscard]] double predicted(std::size_t a) const {
    return static_cast<double>(summary_.predicted[a]);
  }

  [[nodiscard]] NamedMetric accuracy() const {
    const auto rows = static_cast<double>(summary_.scored);
    double value = 0;
    for (std::size_t a = 0; a < classes_; ++a) value += right(a) / rows;
    return finish("accuracy_estimated", value, std::vector<double>(classes_, 1 / rows),
                  std::vector<double>(classes_, 0.0));
  }
  [[nodiscard]] NamedMetric precision() const {
    return macro("precision_macro_estimated", [](double right, double predicted, double) {
      return Term{ratio_or_zero(right, predicted), ratio_or_zero(1, predicted), 0};
    });
  }
  [[nodiscard]] NamedMetric recall() const {
    return macro("recall_macro_estimated", [](double right, double, double actual) {
      return Term{ratio_or_zero(right, actual), ratio_or_zero(1, actual),
                  -ratio_or_zero(right, actual * actual)};
    });
  }
  [[nodiscard]] NamedMetric f1() const {
    return macro("f1_macro_estimated", [](double right, double predicted, double actual) {
      const double both = predicted + actual;
      return Term{ratio_or_zero(2 * right, both), ratio_or_zero(2, both),
                  -ratio_or_zero(2 * right, both * both)};
    });
  }

  // A class's metric and its derivatives by the number that is right and the number that is of the
  // class.
  struct Term {
    double value = 0;
    double by_right = 0;
    double by_actual = 0;
  };
  template <typename OfClass>
  [[nodiscard]] NamedMetric macro(std::string_view name, OfClass of_class) const {
    const auto count = static_cast<double>(classes_);
    double value = 0;
    std::vector<double> by_right(classes_);
    std::vector<double> by_actual(classes_);
    for (std::size_t k = 0; k < classes_; ++k) {
      const Term term = of_class(right(k), predicted(k), actual_[k]);
      value += term.value / count;
      by_right[k] = term.by_right / count;
      by_actual[k] = term.by_actual / count;
    }
    return finish(name, value, by_right, by_actual);
  }

  // The delta method over the rows. A row predicted to be a with probabilities p moves the metric
  // by d_k where its label is k: d_k = by_actual[k], and by_right[a] more for k = a. Its variance
  // is sum p_k d_k^2 - (sum p_k d_k)^2, unchanged when a constant is taken from all d_k: the mean
  // of by_actual over the rows predicted to be a. The sum of the second term over the rows is known
  // but for (sum p_k by_actual[k])^2, which is left out, so that the variance is never too small.
  [[nodiscard]] NamedMetric finish(std::string_view name, double value,
                                   const std::vector<double>& by_right,
                                   const std::vector<double>& by_actual) const {
    double variance = 0;
    for (std::size_t a = 0; a <= classes_; ++a) {
      if (summary_.predicted[a] == 0) continue;
      double mean = 0;
      for (std::size_t k = 0; k < classes_; ++k) mean += sum(a, k) * by_actual[k] / predicted(a);
      const double own = a < classes_ ? by_right[a] : 0;
      double mixed = 0;  // sum over rows of p_a (sum over k of p_k by_actual[k])
      for (std::size_t k = 0; k < classes_; ++k) {
        const double d = by_actual[k] - mean;
        const double moved = d + (k == a ? own : 0);
        variance += sum(a, k) * moved * moved;
        if (a < classes_) mixed += summary_.own_products[a * classes_ + k] * d;
      }
      if (a == classes_) continue;
      variance -= own * own * summary_.own_products[a * classes_ + a] + 2 * own * mixed;
    }
    return with_interval(name, value, inflation_ * variance, 1);
  }

  // One against the rest, the mean over the classes, each with its variance from its own cells.
  // What a row does to the areas of two classes together is not in the cells. It is taken to be in
  // proportion to what it does to the areas under the thresholded scores, by which a row ranks high
  // for the class predicted and equally low for all others: those follow from the sums by predicted
  // class. A class whose thresholded area does not vary is taken to vary with all others.
  [[nodiscard]] NamedMetric roc_auc() const {
    double value = 0;
    double alone = 0;  // standard errors of classes whose thresholded area does not vary
    std::size_t first = 0;
    std::vector<std::array<double, 2>> moves(classes_);  // by class: of rows not predicted it, and
                                                         // of rows that are
    for (std::size_t k = 0; k < classes_; ++k) {
      const ScoreMap& map = model_.maps[k];
      const std::vector<RankedCell> cells = ranked({summary_.cells.data() + first, map.cells()});
      first += map.cells();
      const std::optional<EstimatedRanking> ranking = estimated_ranking(cells);
      if (!ranking) return {"roc_auc_estimated", {}, {}, {}};
      double variance = 0;
      for (std::size_t c = 0; c < cells.size(); ++c) {
        variance += ranking->influence[c] * ranking->influence[c] *
                    BinaryCell{cells[c].rows, cells[c].positives}.label_variance();
      }
      value += ranking->roc_auc / static_cast<double>(classes_);
      moves[k] = thresholded_moves(k);
      double thresholded = 0;
      for (std::size_t a = 0; a <= classes_; ++a) {
        const double move = moves[k][a == k ? 1 : 0];
        thresholded += move * move * (sum(a, k) - product(a, k));
      }
      // Where labels are certain, what is left of it is rounding.
      constexpr double kRounding = 1e-12;
      if (thresholded * actual_[k] > kRounding) {
        const double scale = std::sqrt(variance / thresholded) / static_cast<double>(classes_);
        moves[k] = {scale * moves[k][0], scale * moves[k][1]};
      } else {
        alone += std::sqrt(variance) / static_cast<double>(classes_);
        moves[k] = {0, 0};
      }
    }
    double together = 0;
    for (std::size_t a = 0; a <= classes_; ++a) together += joint_variance(a, moves);
    const double error = std::sqrt(std::max(0.0, together)) + alone;
    return with_interval("roc_auc_estimated", value, inflation_ * error * error, 1);
  }

  // By how much the area under the score "predicted to be k or not" changes when a row that is not
  // (is) predicted to be k turns out to be of class k.
  [[nodiscard]] std::array<double, 2> thresholded_moves(std::size_t k) const {
    const auto rows = static_cast<double>(summary_.scored);
    const RankedCell cells[] = {{rows - predicted(k), actual_[k] - right(k), 0, 0},
                                {predicted(k), right(k), 0, 0}};
    const std::optional<EstimatedRanking> ranking = estimated_ranking(cells);
    if (!ranking) return {0, 0};
    return {ranking->influence[0], ranking->influence[1]};
  }

  // Of the rows predicted to be a: what p_k has besides the class predicted, sum p_k (1 - p_a).
  [[nodiscard]] double beside_own(std::size_t a, std::size_t k) const {
    return a == classes_ ? sum(a, k) : sum(a, k) - summary_.own_products[a * classes_ + k];
  }
  [[nodiscard]] double beside_own(std::size_t a) const {
    double all = 0;
    for (std::size_t k = 0; k < classes_; ++k) all += k == a ? 0 : beside_own(a, k);
    return all;
  }
  // The sum of p_k^2 over the rows predicted to be a, where k is not a as if those that share
  // 1 - p_a did so in the same proportions in all rows.
  [[nodiscard]] double product(std::size_t a, std::size_t k) const {
    if (a == k) return summary_.own_products[a * classes_ + k];
    const double of_class = beside_own(a, k);
    return ratio_or_zero(of_class * of_class, beside_own(a));
  }
  // The variance of sum over k of moves[k] (the row is of class k), over the rows predicted to be
  // a: sum p_k d_k^2 - (sum p_k d_k)^2, with the same proportions.
  [[nodiscard]] double joint_variance(std::size_t a,
                                      const std::vector<std::array<double, 2>>& moves) const {
    double squares = 0;
    double others = 0;  // of all classes but a, beside a
    double mixed = 0;   // of a with all others
    for (std::size_t k = 0; k < classes_; ++k) {
      const double move = moves[k][a == k ? 1 : 0];
      squares += sum(a, k) * move * move;
      if (k == a) continue;
      others += beside_own(a, k) * move;
      if (a < classes_) mixed += summary_.own_products[a * classes_ + k] * move;
    }
    double variance = squares - ratio_or_zero(others * others, beside_own(a));
    if (a < classes_) variance -= moves[a][1] * (moves[a][1] * product(a, a) + 2 * mixed);
    return variance;
  }

  // The probability depends on the other classes' scores, too, so a cell's range is not known; what
  // rises with the score inside a cell is taken from the means of its two neighbours.
  [[nodiscard]] static std::vector<RankedCell> ranked(
      std::span<const EstimationSummary::Cell> cells) {
    std::vector<RankedCell> ranked(cells.size());
    std::vector<std::size_t> filled;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      if (cells[c].count == 0) continue;
      ranked[c].rows = static_cast<double>(cells[c].count);
      ranked[c].positives = cells[c].sum;
      filled.push_back(c);
    }
    const auto mean = [&](std::size_t c) { return ranked[c].positives / ranked[c].rows; };
    for (std::size_t i = 1; i + 1 < filled.size(); ++i) {
      const std::size_t c = filled[i];
      if (c % 2 == 1) continue;  // one score only: tied
      const double half = (mean(filled[i + 1]) - mean(filled[i - 1])) / 4;
      if (half <= 0) continue;
      ranked[c].low = mean(c) - half;
      ranked[c].high = mean(c) + half;
    }
    return ranked;
  }

  const MulticlassEstimation& model_;
  const EstimationSummary& summary_;
  std::size_t classes_;
  std::vector<double> actual_;  // by class: expected rows
  double inflation_ = 1;        // of the variance
};

// --- Regression

// The mean over the window of an error whose mean and variance by bin are known.
struct MeanError {
  double mean = 0;
  double variance = 0;
};
[[nodiscard]] MeanError mean_error(const RegressionEstimation& model,
                                   const std::vector<double>& rows_by_bin, double rows,
                                   Moments RegressionEstimation::Bin::* of_bin) {
  MeanError error;
  for (std::size_t b = 0; b < model.bins.size(); ++b) {
    const Moments& moments = model.bins[b].*of_bin;
    const auto learned = static_cast<double>(moments.count);
    const double share = rows_by_bin[b] / rows;
    const double variance = learned < 2 ? 0 : moments.squares / (learned - 1);
    error.mean += share * moments.mean;
    error.variance += share * variance / rows + share * share * variance / learned;
  }
  return error;
}

[[nodiscard]] NamedMetric root_of(std::string_view name, const MeanError& squared) {
  NamedMetric metric = with_interval(name, squared.mean, squared.variance, kNoLimit);
  if (!metric.value) return metric;
  metric.value = std::sqrt(*metric.value);
  metric.interval = Interval{std::sqrt(metric.interval->low), std::sqrt(metric.interval->high)};
  return metric;
}

[[nodiscard]] std::vector<NamedMetric> regression_metrics(const RegressionEstimation& model,
                                                          const NumericSummary& predictions) {
  std::vector<std::uint64_t> counts(predictions.counters.cells());
  predictions.counters.add_to(counts);
  std::vector<double> rows_by_bin(model.bins.size());
  std::size_t bin = 0;
  for (std::size_t cell = 0; cell < counts.size(); ++cell) {
    while (cell > model.bins[bin].last_cell) ++bin;
    rows_by_bin[bin] += static_cast<double>(counts[cell]);
  }
  const auto rows = static_cast<double>(predictions.present());
  using Bin = RegressionEstimation::Bin;
  const MeanError absolute = mean_error(model, rows_by_bin, rows, &Bin::absolute);
  const MeanError squared = mean_error(model, rows_by_bin, rows, &Bin::squared);
  const MeanError relative = mean_error(model, rows_by_bin, rows, &Bin::relative);
  return {with_interval("mae_estimated", absolute.mean, absolute.variance, kNoLimit),
          root_of("rmse_estimated", squared),
          with_interval("mape_estimated", relative.mean, relative.variance, kNoLimit)};
}

[[nodiscard]] std::vector<NamedMetric> undefined(const EstimationModel& model) {
  if (std::holds_alternative<BinaryEstimation>(model)) {
    return {{"accuracy_estimated", {}, {}, {}},
            {"precision_estimated", {}, {}, {}},
            {"recall_estimated", {}, {}, {}},
            {"f1_estimated", {}, {}, {}},
            {"roc_auc_estimated", {}, {}, {}}};
  }
  if (std::holds_alternative<MulticlassEstimation>(model)) {
    return {{"accuracy_estimated", {}, {}, {}},
            {"precision_macro_estimated", {}, {}, {}},
            {"recall_macro_estimated", {}, {}, {}},
            {"f1_macro_estimated", {}, {}, {}},
            {"roc_auc_estimated", {}, {}, {}}};
  }
  return {{"mae_estimated", {}, {}, {}},
          {"rmse_estimated", {}, {}, {}},
          {"mape_estimated", {}, {}, {}}};
}

}  // namespace

EstimatedPerformance estimate_performance(const MonitoredModel& model, const Pane& pane) {
  const EstimationModel& estimation = model.reference->estimation;
  if (std::holds_alternative<std::monostate>(estimation)) return {};
  if (const auto* regression = std::get_if<RegressionEstimation>(&estimation)) {
    const auto series = static_cast<std::size_t>(model.schema->prediction_series);
    const auto& predictions = std::get<NumericSummary>(pane.series[series]);
    // The error of an infinite prediction is infinite, too.
    if (predictions.present() == 0 || predictions.non_finite > 0)
      return {predictions.present(), undefined(estimation)};
    return {predictions.present(), regression_metrics(*regression, predictions)};
  }
  const EstimationSummary& summary = pane.estimation;
  if (summary.scored == 0 || summary.seen != pane.predictions) return {0, undefined(estimation)};
  if (const auto* binary = std::get_if<BinaryEstimation>(&estimation))
    return {summary.scored, BinaryEstimate(*binary, summary).metrics()};
  return {summary.scored,
          MulticlassEstimate(std::get<MulticlassEstimation>(estimation), summary).metrics()};
}

}  // namespace driftd
