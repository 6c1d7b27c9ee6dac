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

// Welford (1962). `share` is 1 / (count + 1): a row that enters several moments divides once.
void add_value(Moments& moments, double value, double share) {
  ++moments.count;
  const double delta = value - moments.mean;
  moments.mean += delta * share;
  moments.squares += delta * (value - moments.mean);
}

[[nodiscard]] double share_of_next(const Moments& moments) {
  return 1 / static_cast<double>(moments.count + 1);
}

// The moments of values that are all counted elsewhere: without their count.
void write_values(ByteWriter& out, const Moments& moments) {
  out.number(moments.mean);
  out.number(moments.squares);
}

void read_values(ByteReader& in, std::uint64_t count, Moments& moments) {
  moments.count = count;
  moments.mean = in.number();
  moments.squares = in.number();
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
  const double residual = (positive ? 1.0 : 0.0) - score;
  residual_squares[at] += residual * residual;
}

void CalibrationBins::merge(const CalibrationBins& other) {
  for (std::size_t i = 0; i < kBins; ++i) {
    count[i] += other.count[i];
    score_sum[i] += other.score_sum[i];
    positives[i] += other.positives[i];
    residual_squares[i] += other.residual_squares[i];
  }
}

void CalibrationBins::write(ByteWriter& out) const {
  for (std::size_t i = 0; i < kBins; ++i) {
    out.varint(count[i]);
    out.number(score_sum[i]);
    out.varint(positives[i]);
    out.number(residual_squares[i]);
  }
}

void CalibrationBins::read(ByteReader& in) {
  for (std::size_t i = 0; i < kBins; ++i) {
    count[i] = in.varint();
    score_sum[i] = in.number();
    positives[i] = in.varint();
    residual_squares[i] = in.number();
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
  const double share = share_of_next(log_loss);
  add_value(log_loss, clipped_log_loss(positive ? row.score : 1 - row.score), share);
  const double miss = row.score - (positive ? 1.0 : 0.0);
  add_value(brier, miss * miss, share);
  calibration.add(row.score, positive);
}

void BinaryPerformance::merge(const BinaryPerformance& other) {
  true_positive += other.true_positive;
  false_positive += other.false_positive;
  true_negative += other.true_negative;
  false_negative += other.false_negative;
  scores.merge(other.scores);
  log_loss.merge(other.log_loss);
  brier.merge(other.brier);
  calibration.merge(other.calibration);
}

void BinaryPerformance::write(ByteWriter& out) const {
  out.varint(true_positive);
  out.varint(false_positive);
  out.varint(true_negative);
  out.varint(false_negative);
  scores.write(out);
  out.varint(log_loss.count);
  write_values(out, log_loss);
  write_values(out, brier);
  calibration.write(out);
}

bool BinaryPerformance::read(ByteReader& in, BinaryPerformance& out) {
  out.true_positive = in.varint();
  out.false_positive = in.varint();
  out.true_negative = in.varint();
  out.false_negative = in.varint();
  if (!ValueCounts::read(in, out.scores)) return false;
  const std::uint64_t scored = in.varint();
  read_values(in, scored, out.log_loss);
  read_values(in, scored, out.brier);
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
  double distance = 0;
  bool actual_is_scored = false;
  for (std::size_t i = 0; i < row.scores.size(); ++i) {
    const double score = std::isnan(row.scores[i]) ? 0 : row.scores[i];
    const bool actual = model.scored_classes[i] == row.actual_class;
    // Log loss and ROC AUC take shares of the row's sum; Brier and the calibration bins take the
    // scores as they came.
    scores[i].add(score / sum, actual ? 1 : 0);
    const double miss = score - (actual ? 1.0 : 0.0);
    distance += miss * miss;
    if (actual) of_actual = score / sum;
    actual_is_scored |= actual;
    if (score > largest) {
      largest = score;
      largest_is_actual = actual;
    }
  }
  // A class that the model gives no score to was given the probability 0.
  const double share = share_of_next(log_loss);
  add_value(brier, actual_is_scored ? distance : distance + 1, share);
  add_value(log_loss, clipped_log_loss(of_actual), share);
  calibration.add(largest, largest_is_actual);
}

void MulticlassPerformance::merge(const MulticlassPerformance& other) {
  labelled_rows += other.labelled_rows;
  scored_rows += other.scored_rows;
  for (const auto& [cell, rows] : other.confusion) confusion[cell] += rows;
  if (scores.size() < other.scores.size()) scores.resize(other.scores.size());
  for (std::size_t i = 0; i < other.scores.size(); ++i) scores[i].merge(other.scores[i]);
  log_loss.merge(other.log_loss);
  brier.merge(other.brier);
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
  out.varint(log_loss.count);
  write_values(out, log_loss);
  write_values(out, brier);
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
  const std::uint64_t scored = in.varint();
  read_values(in, scored, out.log_loss);
  read_values(in, scored, out.brier);
  out.calibration.read(in);
  return in.ok();
}

void ResidualShape::shift(double by, const Moments& actual, double squared_error_sum) {
  const auto rows = static_cast<double>(actual.count);
  const double square = by * by;
  fourth += 4 * by * third + square * (6 * actual.squares + rows * square);
  third += by * (3 * actual.squares + rows * square);
  squared_error_by_deviation_squared +=
      2 * by * squared_error_by_deviation + square * squared_error_sum;
  squared_error_by_deviation += by * squared_error_sum;
}

void ResidualShape::add(const ResidualShape& other) {
  third += other.third;
  fourth += other.fourth;
  squared_error_by_deviation += other.squared_error_by_deviation;
  squared_error_by_deviation_squared += other.squared_error_by_deviation_squared;
}

void RegressionPerformance::update(const ModelSchema&, const LabelledRow& row) {
  const double miss = row.score - row.actual_value;
  const double size = std::abs(miss);
  const double square = miss * miss;
  const double share = share_of_next(actual);
  const double before = actual.mean;
  const double mean = before + (row.actual_value - before) * share;
  shape.shift(before - mean, actual, squared_error.mean * static_cast<double>(squared_error.count));
  const double deviation = row.actual_value - mean;
  const double deviation_squared = deviation * deviation;
  shape.add({deviation * deviation_squared, deviation_squared * deviation_squared,
             square * deviation, square * deviation_squared});
  add_value(actual, row.actual_value, share);
  add_value(error, miss, share);
  add_value(absolute_error, size, share);
  add_value(squared_error, square, share);
  add_value(relative_error, size / std::max(std::abs(row.actual_value), kEpsilon), share);
  absolute_errors.add(size, 0);
}

void RegressionPerformance::merge(const RegressionPerformance& other) {
  Moments merged = actual;
  merged.merge(other.actual);
  ResidualShape theirs = other.shape;
  const auto sum = [](const Moments& m) { return m.mean * static_cast<double>(m.count); };
  shape.shift(actual.mean - merged.mean, actual, sum(squared_error));
  theirs.shift(other.actual.mean - merged.mean, other.actual, sum(other.squared_error));
  shape.add(theirs);
  actual = merged;
  error.merge(other.error);
  absolute_error.merge(other.absolute_error);
  squared_error.merge(other.squared_error);
  relative_error.merge(other.relative_error);
  absolute_errors.merge(other.absolute_errors);
}

void RegressionPerformance::write(ByteWriter& out) const {
  out.varint(actual.count);
  for (const Moments* moments : {&actual, &error, &absolute_error, &squared_error, &relative_error})
    write_values(out, *moments);
  out.number(shape.third);
  out.number(shape.fourth);
  out.number(shape.squared_error_by_deviation);
  out.number(shape.squared_error_by_deviation_squared);
  absolute_errors.write(out);
}

bool RegressionPerformance::read(ByteReader& in, RegressionPerformance& out) {
  const std::uint64_t rows = in.varint();
  for (Moments* moments :
       {&out.actual, &out.error, &out.absolute_error, &out.squared_error, &out.relative_error})
    read_values(in, rows, *moments);
  out.shape.third = in.number();
  out.shape.fourth = in.number();
  out.shape.squared_error_by_deviation = in.number();
  out.shape.squared_error_by_deviation_squared = in.number();
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
