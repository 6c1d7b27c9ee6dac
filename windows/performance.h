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
// calibration error.
struct CalibrationBins {
  static constexpr int kBins = 10;
  std::array<std::uint64_t, kBins> count{};
  std::array<double, kBins> score_sum{};
  std::array<std::uint64_t, kBins> positives{};

  void add(double score, bool positive);
  void merge(const CalibrationBins& other);
  void write(ByteWriter& out) const;
  void read(ByteReader& in);
};

struct BinaryPerformance {
  std::uint64_t true_positive = 0, false_positive = 0, true_negative = 0, false_negative = 0;
  ValueCounts scores;  // kind 0: the actual class is not the positive one; kind 1: it is
  double log_loss_sum = 0;
  double brier_sum = 0;
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
      scores;  // by position in ModelSchema::scored_classes; kind 1: it is the actual class
  double log_loss_sum = 0;
  double brier_sum = 0;
  CalibrationBins calibration;  // of the largest score against being right

  [[nodiscard]] std::uint64_t labelled() const { return labelled_rows; }
  void update(const ModelSchema& model, const LabelledRow& row);
  void merge(const MulticlassPerformance& other);
  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, MulticlassPerformance& out);
};

struct RegressionPerformance {
  Moments actual;
  double error_sum = 0;  // prediction - actual
  double absolute_error_sum = 0;
  double squared_error_sum = 0;
  double relative_error_sum = 0;  // |error| / max(|actual|, 2^-52)
  ValueCounts absolute_errors;    // kind 0

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
