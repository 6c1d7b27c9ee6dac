// The mergeable state behind the metrics of one monitor in one pane: what labelled predictions add
// up to.
//
// A pane is keyed by the time (or number) of the prediction, so a label that comes days later is
// added to the pane of its prediction. All state is counts and sums; metrics are computed from it
// in detectors/metrics.h. Thread rule: one owner. Allocation rule: distinct scores and classes
// only. Failure rule: `read` refuses damaged bytes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "core/byte_stream.h"
#include "core/model.h"
#include "windows/series_summary.h"
#include "windows/value_counts.h"

namespace driftd {

// A prediction and its label, as the join hands them over. `scores` has one entry per scored class
// (multiclass).
struct LabelledRow {
  double score = 0;  // NaN where the prediction is a class
  ClassCode predicted_class = kNoClass;
  std::span<const double> scores;
  double actual_value = 0;
  ClassCode actual_class = kNoClass;
};

// Ten bins of equal width over [0, 1], (k/10, (k+1)/10] with 0 in the first, for the expected
// calibration error. With y = 1 for a positive and 0 for a negative, the residual of a row is
// y - score.
struct CalibrationBins {
  static constexpr int kBins = 10;
  std::array<std::uint64_t, kBins> count{};
  std::array<double, kBins> score_sum{};
  std::array<std::uint64_t, kBins> positives{};
  std::array<double, kBins> residual_squares{};

  void add(double score, bool positive);
  void merge(const CalibrationBins& other);
  void write(ByteWriter& out) const;
  void read(ByteReader& in);
};

struct BinaryPerformance {
  std::uint64_t true_positive = 0, false_positive = 0, true_negative = 0, false_negative = 0;
  ValueCounts scores;  // kind 0: the actual class is not the positive one; kind 1: it is
  Moments log_loss;    // of the rows' losses, as the next
  Moments brier;
  CalibrationBins calibration;

  [[nodiscard]] std::uint64_t labelled() const {
    return true_positive + false_positive + true_negative + false_negative;
  }
  void update(const ModelSchema& model, const LabelledRow& row);
  void merge(const BinaryPerformance& other);
  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, BinaryPerformance& out);
};

struct MulticlassPerformance {
  std::map<std::pair<ClassCode, ClassCode>, std::uint64_t>
      confusion;  // (actual, predicted) -> rows
  std::uint64_t labelled_rows = 0;
  std::uint64_t scored_rows = 0;  // rows that carried scores
  std::vector<ValueCounts>
      scores;        // by position in ModelSchema::scored_classes; kind 1: it is the actual class
  Moments log_loss;  // of the rows' losses, as the next
  Moments brier;
  CalibrationBins calibration;  // of the largest score against being right

  [[nodiscard]] std::uint64_t labelled() const { return labelled_rows; }
  void update(const ModelSchema& model, const LabelledRow& row);
  void merge(const MulticlassPerformance& other);
  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, MulticlassPerformance& out);
};

// What the uncertainty of R2 needs beside the moments of the actual values y and of the squared
// errors u: with d = y - mean(y), the sums of d^3, d^4, u d and u d^2. A change of the mean shifts
// them exactly, so that they are kept about the mean of what has come so far (Pebay 2008, Sandia
// report SAND2008-6212, for any pair of parts).
struct ResidualShape {
  double third = 0;
  double fourth = 0;
  double squared_error_by_deviation = 0;
  double squared_error_by_deviation_squared = 0;

  // As if every d had been larger by `by`; `actual` and `squared_error_sum` are of the same rows.
  void shift(double by, const Moments& actual, double squared_error_sum);
  void add(const ResidualShape& other);
};

// With error = prediction - actual.
struct RegressionPerformance {
  Moments actual;
  Moments error;
  Moments absolute_error;
  Moments squared_error;
  Moments relative_error;  // |error| / max(|actual|, 2^-52)
  ResidualShape shape;
  ValueCounts absolute_errors;  // kind 0

  [[nodiscard]] std::uint64_t labelled() const { return actual.count; }
  void update(const ModelSchema& model, const LabelledRow& row);
  void merge(const RegressionPerformance& other);
  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, RegressionPerformance& out);
};

using PerformanceSummary =
    std::variant<BinaryPerformance, MulticlassPerformance, RegressionPerformance>;

[[nodiscard]] PerformanceSummary make_performance(Task task);
[[nodiscard]] std::uint64_t labelled(const PerformanceSummary& performance);

// Response times. The distribution is kept with 8 mantissa bits: quantiles are off by at most 0.2 %
// of their value.
struct LatencySummary {
  static constexpr int kBits = 8;
  Moments moments;
  ValueCounts distribution{kBits};

  void update(std::span<const double> milliseconds);  // NaN: the event does not say
  void merge(const LatencySummary& other);
  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, LatencySummary& out);
  // The smallest kept value below or at which a share `q` of the events lies.
  [[nodiscard]] double quantile(double q) const;
};

}  // namespace driftd
