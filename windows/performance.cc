#include "windows/performance.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace driftd {
namespace {

// scikit-learn clips probabilities to the machine epsilon of a double before the logarithm.
constexpr double kEpsilon = 0x1.0p-52;

[[nodiscard]] double clipped_log_loss(double probability) {
  return -std::log(std::clamp(probability, kEpsilon, 1 - kEpsilon));
}

}  // namespace

void CalibrationBins::add(double score, bool positive) {
  // Clamped as a double, because a score that is no probability may be larger than any int. The
  // product can round across an edge; the two comparisons put the score back into (k/10, (k+1)/10].
  int bin = static_cast<int>(std::clamp(std::ceil(score * kBins) - 1, 0.0, kBins - 1.0));
  if (bin > 0 && score <= bin / double{kBins}) --bin;
  if (bin < kBins - 1 && score > (bin + 1) / double{kBins}) ++bin;
  const auto at = static_cast<std::size_t>(bin);
  ++count[at];
  score_sum[at] += score;
  positives[at] += positive;
}

void CalibrationBins::merge(const CalibrationBins& other) {
  for (std::size_t i = 0; i < kBins; ++i) {
    count[i] += other.count[i];
    score_sum[i] += other.score_sum[i];
    positives[i] += other.positives[i];
  }
}

void CalibrationBins::write(ByteWriter& out) const {
  for (std::size_t i = 0; i < kBins; ++i) {
    out.varint(count[i]);
    out.number(score_sum[i]);
    out.varint(positives[i]);
  }
}

void CalibrationBins::read(ByteReader& in) {
  for (std::size_t i = 0; i < kBins; ++i) {
    count[i] = in.varint();
    score_sum[i] = in.number();
    positives[i] = in.varint();
  }
}

void BinaryPerformance::update(const ModelSchema& model, const LabelledRow& row) {
  const bool positive = row.actual_class == model.positive_class;
  const bool predicted = row.predicted_class != kNoClass
                             ? row.predicted_class == model.positive_class
                             : row.score >= 0.5;
  if (predicted) {
    ++(positive ? true_positive : false_positive);
  } else {
    ++(positive ? false_negative : true_negative);
  }
  if (std::isnan(row.score)) return;
  scores.add(row.score, positive ? 1 : 0);
  log_loss_sum += clipped_log_loss(positive ? row.score : 1 - row.score);
  const double miss = row.score - (positive ? 1.0 : 0.0);
  brier_sum += miss * miss;
  calibration.add(row.score, positive);
}

void BinaryPerformance::merge(const BinaryPerformance& other) {
  true_positive += other.true_positive;
  false_positive += other.false_positive;
  true_negative += other.true_negative;
  false_negative += other.false_negative;
  scores.merge(other.scores);
  log_loss_sum += other.log_loss_sum;
  brier_sum += other.brier_sum;
  calibration.merge(other.calibration);
}

void BinaryPerformance::write(ByteWriter& out) const {
  out.varint(true_positive);
  out.varint(false_positive);
  out.varint(true_negative);
  out.varint(false_negative);
  scores.write(out);
  out.number(log_loss_sum);
  out.number(brier_sum);
  calibration.write(out);
}

bool BinaryPerformance::read(ByteReader& in, BinaryPerformance& out) {
  out.true_positive = in.varint();
  out.false_positive = in.varint();
  out.true_negative = in.varint();
  out.false_negative = in.varint();
  if (!ValueCounts::read(in, out.scores)) return false;
  out.log_loss_sum = in.number();
  out.brier_sum = in.number();
  out.calibration.read(in);
  return in.ok();
}

void MulticlassPerformance::update(const ModelSchema& model, const LabelledRow& row) {
  ++labelled_rows;
  ++confusion[{row.actual_class, row.predicted_class}];
  double sum = 0;
  for (const double score : row.scores) sum += std::isnan(score) ? 0 : score;
  // No scores came with this prediction, or none that can be divided by their sum.
  if (!(sum > 0 && std::isfinite(sum))) return;
  ++scored_rows;
  scores.resize(model.scored_classes.size());
  double of_actual = 0;
  double largest = -1;
  bool largest_is_actual = false;
  double brier = 0;
  bool actual_is_scored = false;
  for (std::size_t i = 0; i < row.scores.size(); ++i) {
    const double score = std::isnan(row.scores[i]) ? 0 : row.scores[i];
    const bool actual = model.scored_classes[i] == row.actual_class;
    // Log loss and ROC AUC take shares of the row's sum; Brier and the calibration bins take the
    // scores as they came.
    scores[i].add(score / sum, actual ? 1 : 0);
    const double miss = score - (actual ? 1.0 : 0.0);
    brier += miss * miss;
    if (actual) of_actual = score / sum;
    actual_is_scored |= actual;
    if (score > largest) {
      largest = score;
      largest_is_actual = actual;
    }
  }
  // A class that the model gives no score to was given the probability 0.
  brier_sum += actual_is_scored ? brier : brier + 1;
  log_loss_sum += clipped_log_loss(of_actual);
  calibration.add(largest, largest_is_actual);
}

void MulticlassPerformance::merge(const MulticlassPerformance& other) {
  labelled_rows += other.labelled_rows;
  scored_rows += other.scored_rows;
  for (const auto& [cell, rows] : other.confusion) confusion[cell] += rows;
  if (scores.size() < other.scores.size()) scores.resize(other.scores.size());
  for (std::size_t i = 0; i < other.scores.size(); ++i) scores[i].merge(other.scores[i]);
  log_loss_sum += other.log_loss_sum;
  brier_sum += other.brier_sum;
  calibration.merge(other.calibration);
}

void MulticlassPerformance::write(ByteWriter& out) const {
  out.varint(labelled_rows);
  out.varint(scored_rows);
  out.varint(confusion.size());
  for (const auto& [cell, rows] : confusion) {
    out.varint(cell.first);
    out.varint(cell.second);
    out.varint(rows);
  }
  out.varint(scores.size());
  for (const ValueCounts& counts : scores) counts.write(out);
  out.number(log_loss_sum);
  out.number(brier_sum);
  calibration.write(out);
}

bool MulticlassPerformance::read(ByteReader& in, MulticlassPerformance& out) {
  out.labelled_rows = in.varint();
  out.scored_rows = in.varint();
  for (std::uint64_t left = in.element_count(); left > 0 && in.ok(); --left) {
    const auto actual = static_cast<ClassCode>(in.varint());
    const auto predicted = static_cast<ClassCode>(in.varint());
    out.confusion[{actual, predicted}] = in.varint();
  }
  out.scores.resize(in.element_count());
  for (ValueCounts& counts : out.scores) {
    if (!ValueCounts::read(in, counts)) return false;
  }
  out.log_loss_sum = in.number();
  out.brier_sum = in.number();
  out.calibration.read(in);
  return in.ok();
}

void RegressionPerformance::update(const ModelSchema&, const LabelledRow& row) {
  const double error = row.score - row.actual_value;
  actual.merge({1, row.actual_value, 0});
  error_sum += error;
  absolute_error_sum += std::abs(error);
  squared_error_sum += error * error;
  relative_error_sum += std::abs(error) / std::max(std::abs(row.actual_value), kEpsilon);
  absolute_errors.add(std::abs(error), 0);
}

void RegressionPerformance::merge(const RegressionPerformance& other) {
  actual.merge(other.actual);
  error_sum += other.error_sum;
  absolute_error_sum += other.absolute_error_sum;
  squared_error_sum += other.squared_error_sum;
  relative_error_sum += other.relative_error_sum;
  absolute_errors.merge(other.absolute_errors);
}

void RegressionPerformance::write(ByteWriter& out) const {
  out.varint(actual.count);
  out.number(actual.mean);
  out.number(actual.squares);
  out.number(error_sum);
  out.number(absolute_error_sum);
  out.number(squared_error_sum);
  out.number(relative_error_sum);
  absolute_errors.write(out);
}

bool RegressionPerformance::read(ByteReader& in, RegressionPerformance& out) {
  out.actual.count = in.varint();
  out.actual.mean = in.number();
  out.actual.squares = in.number();
  out.error_sum = in.number();
  out.absolute_error_sum = in.number();
  out.squared_error_sum = in.number();
  out.relative_error_sum = in.number();
  return ValueCounts::read(in, out.absolute_errors);
}

PerformanceSummary make_performance(Task task) {
  switch (task) {
    case Task::binary: return BinaryPerformance{};
    case Task::multiclass: return MulticlassPerformance{};
    case Task::regression: return RegressionPerformance{};
  }
  return BinaryPerformance{};
}

std::uint64_t labelled(const PerformanceSummary& performance) {
  return std::visit([](const auto& summary) { return summary.labelled(); }, performance);
}

void LatencySummary::update(std::span<const double> milliseconds) {
  // Runs of present values are taken at once: an event without a latency is the exception.
  for (std::size_t from = 0; from < milliseconds.size();) {
    std::size_t to = from;
    while (to < milliseconds.size() && !std::isnan(milliseconds[to]))
      distribution.add(milliseconds[to++], 0);
    moments.merge(moments_of(milliseconds.subspan(from, to - from)));
    from = to + 1;
  }
}

void LatencySummary::merge(const LatencySummary& other) {
  moments.merge(other.moments);
  distribution.merge(other.distribution);
}

void LatencySummary::write(ByteWriter& out) const {
  out.varint(moments.count);
  out.number(moments.mean);
  out.number(moments.squares);
  distribution.write(out);
}

bool LatencySummary::read(ByteReader& in, LatencySummary& out) {
  out.moments.count = in.varint();
  out.moments.mean = in.number();
  out.moments.squares = in.number();
  return ValueCounts::read(in, out.distribution);
}

double LatencySummary::quantile(double q) const {
  const std::vector<ValueCounts::Entry> entries = distribution.sorted();
  DRIFTD_CHECK(!entries.empty());
  // Nearest rank, so that a quantile is (nearly) a latency that occurred.
  const auto rank =
      static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(distribution.total(0))));
  std::uint64_t below = 0;
  for (const ValueCounts::Entry& entry : entries) {
    below += entry.count[0];
    if (below >= rank) return entry.value;
  }
  return entries.back().value;
}

}  // namespace driftd
