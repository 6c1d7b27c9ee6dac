// What of each summary must not depend on how its stream was split; see monoid.h.
#pragma once

#include <type_traits>
#include <variant>

#include "tests/support/monoid.h"
#include "windows/pane.h"

namespace driftd {

class FingerprintWriter {
 public:
  void count(std::uint64_t value) { bytes_.varint(value); }
  void time(TimeMs value) { bytes_.signed_varint(value); }
  // A double that no order of addition changes; the sign of a zero says nothing.
  void exact(double value) { bytes_.number(value + 0.0); }
  void rounded(double value) { print_.rounded.push_back(value); }

  void add(const CellCounters& counters) {
    counters.write(bytes_);
    count(counters.total());
  }
  void add(const UnseenCategories& unseen) {
    unseen.write(bytes_);
    count(unseen.total());
  }
  void add(const ValueCounts& values) {
    values.write(bytes_);
    count(values.total(0));
    count(values.total(1));
  }
  void add(const Moments& moments) {
    count(moments.count);
    rounded(moments.mean);
    rounded(moments.squares);
  }
  void add(const GapValues& gaps) {
    const auto entries = gaps.entries();
    count(entries ? 1 : 0);
    if (entries) {
      gaps.write(bytes_);
      return;
    }
    if (gaps.form() == GapValues::Form::none) return;
    std::vector<ExactSum> sums(gaps.gaps());
    gaps.add_sums_to(sums);
    for (const ExactSum& sum : sums) rounded(sum.value());
  }
  void add(const NumericSummary& summary) {
    add(summary.gaps);
    add(summary.counters);
    add(summary.moments);
    for (const auto value : {summary.missing, summary.wrong_type, summary.non_finite}) count(value);
    exact(summary.minimum);
    exact(summary.maximum);
  }
  void add(const CategorySummary& summary) {
    add(summary.counters);
    add(summary.unseen);
    count(summary.missing);
    count(summary.wrong_type);
  }
  void add(const CalibrationBins& bins) {
    for (std::size_t i = 0; i < CalibrationBins::kBins; ++i) {
      count(bins.count[i]);
      count(bins.positives[i]);
      rounded(bins.score_sum[i]);
      rounded(bins.residual_squares[i]);
    }
  }
  void add(const BinaryPerformance& performance) {
    count(performance.true_positive);
    count(performance.false_positive);
    count(performance.true_negative);
    count(performance.false_negative);
    add(performance.scores);
    add(performance.log_loss);
    add(performance.brier);
    add(performance.calibration);
  }
  void add(const MulticlassPerformance& performance) {
    for (const auto& [cell, rows] : performance.confusion) {
      count(cell.first);
      count(cell.second);
      count(rows);
    }
    count(performance.labelled_rows);
    count(performance.scored_rows);
    for (const ValueCounts& scores : performance.scores) add(scores);
    add(performance.log_loss);
    add(performance.brier);
    add(performance.calibration);
  }
  // In units of the spread and of the mean error, because sums of odd powers cancel.
  void add(const ResidualShape& shape, const Moments& actual, const Moments& squared_error) {
    if (!(actual.squares > 0 && squared_error.mean > 0)) return;
    const double rows = static_cast<double>(actual.count);
    const double spread = std::sqrt(actual.squares / rows);
    rounded(shape.third / rows / (spread * spread * spread));
    rounded(shape.fourth / rows / (spread * spread * spread * spread));
    rounded(shape.squared_error_by_deviation / rows / (squared_error.mean * spread));
    rounded(shape.squared_error_by_deviation_squared / rows /
            (squared_error.mean * spread * spread));
  }
  void add(const RegressionPerformance& performance) {
    add(performance.actual);
    for (const Moments* moments : {&performance.error, &performance.absolute_error,
                                   &performance.squared_error, &performance.relative_error}) {
      add(*moments);
    }
    add(performance.shape, performance.actual, performance.squared_error);
    add(performance.absolute_errors);
  }
  void add(const LatencySummary& latency) {
    add(latency.moments);
    add(latency.distribution);
  }
  void add(const EstimationSummary& summary) {
    count(summary.seen);
    count(summary.scored);
    for (const EstimationSummary::Cell& cell : summary.cells) {
      count(cell.count);
      rounded(cell.sum);
    }
    for (const std::uint64_t rows : summary.predicted) count(rows);
    for (const double sum : summary.probabilities) rounded(sum);
    for (const double sum : summary.own_products) rounded(sum);
  }
  void add(const Pane& pane) {
    count(pane.predictions);
    count(pane.duplicates);
    time(pane.first_time);
    time(pane.last_time);
    for (const SeriesSummary& series : pane.series) {
      std::visit([this](const auto& summary) { add(summary); }, series);
    }
    add(pane.latency);
    add(pane.estimation);
    for (const std::uint64_t rows : pane.predicted) count(rows);
    pane.label_delays.write(bytes_);
    std::visit([this](const auto& performance) { add(performance); }, pane.performance);
  }

  [[nodiscard]] Fingerprint take() { return std::move(print_); }

 private:
  Fingerprint print_;
  ByteWriter bytes_{print_.exact};
};

template <typename State>
[[nodiscard]] Fingerprint fingerprint_of(const State& state) {
  FingerprintWriter writer;
  writer.add(state);
  return writer.take();
}

}  // namespace driftd
