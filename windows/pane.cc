#include "windows/pane.h"

#include <algorithm>

#include "core/check.h"

namespace driftd {

Pane::Pane(const MonitoredModel& model)
    : predicted(class_slots(*model.schema)), performance(make_performance(model.schema->task)) {
  series.reserve(model.reference->series.size());
  for (const SeriesReference& reference : model.reference->series) {
    if (const auto* numeric = std::get_if<NumericReference>(&reference.baseline)) {
      series.emplace_back(NumericSummary(numeric->index, numeric->keeps_gaps));
    } else {
      series.emplace_back(CategorySummary(std::get<CategoryReference>(reference.baseline).codes()));
    }
  }
}

std::vector<std::uint64_t> Pane::labelled_by_prediction(const ModelSchema& model) const {
  std::vector<std::uint64_t> rows(predicted.size());
  if (const auto* binary = std::get_if<BinaryPerformance>(&performance)) {
    rows = {binary->true_negative + binary->false_negative,
            binary->true_positive + binary->false_positive};
  } else if (const auto* multi = std::get_if<MulticlassPerformance>(&performance)) {
    for (const auto& [cell, count] : multi->confusion)
      rows[class_slot(model, cell.second)] += count;
  }
  return rows;
}

void Pane::merge(const Pane& other) {
  DRIFTD_CHECK(series.size() == other.series.size());
  predictions += other.predictions;
  duplicates += other.duplicates;
  first_time = std::min(first_time, other.first_time);
  last_time = std::max(last_time, other.last_time);
  for (std::size_t i = 0; i < series.size(); ++i) {
    std::visit(
        [&](auto& summary) {
          summary.merge(std::get<std::remove_reference_t<decltype(summary)>>(other.series[i]));
        },
        series[i]);
  }
  latency.merge(other.latency);
  estimation.merge(other.estimation);
  for (std::size_t slot = 0; slot < predicted.size(); ++slot)
    predicted[slot] += other.predicted[slot];
  label_delays.merge(other.label_delays);
  std::visit(
      [&](auto& summary) {
        summary.merge(std::get<std::remove_reference_t<decltype(summary)>>(other.performance));
      },
      performance);
  features_changed |= other.features_changed;
  performance_changed |= other.performance_changed;
}

void Pane::write_features(std::string& out) const {
  ByteWriter writer(out);
  writer.varint(predictions);
  writer.signed_varint(first_time);
  writer.signed_varint(last_time);
  writer.varint(duplicates);
  writer.varint(series.size());
  for (const SeriesSummary& summary : series) {
    std::visit([&](const auto& state) { state.write(writer); }, summary);
  }
  latency.write(writer);
  estimation.write(writer);
  writer.varint(predicted.size());
  for (const std::uint64_t count : predicted) writer.varint(count);
}

void Pane::write_performance(std::string& out) const {
  ByteWriter writer(out);
  std::visit([&](const auto& state) { state.write(writer); }, performance);
  label_delays.write(writer);
}

bool Pane::read_features(std::string_view bytes, const MonitoredModel& model) {
  ByteReader in(bytes);
  predictions = in.varint();
  first_time = in.signed_varint();
  last_time = in.signed_varint();
  duplicates = in.varint();
  if (in.varint() != model.reference->series.size()) return false;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const SeriesReference& reference = model.reference->series[i];
    bool good = false;
    if (const auto* numeric = std::get_if<NumericReference>(&reference.baseline)) {
      good = NumericSummary::read(in, numeric->index.cells(), std::get<NumericSummary>(series[i]));
    } else {
      good = CategorySummary::read(in, std::get<CategoryReference>(reference.baseline).codes(),
                                   std::get<CategorySummary>(series[i]));
    }
    if (!good) return false;
  }
  if (!LatencySummary::read(in, latency)) return false;
  if (!EstimationSummary::read(in, model.reference->estimation, estimation)) return false;
  if (in.varint() != predicted.size()) return false;
  for (std::uint64_t& count : predicted) count = in.varint();
  return in.at_end();
}

bool Pane::read_performance(std::string_view bytes, const MonitoredModel& model) {
  performance = make_performance(model.schema->task);
  ByteReader in(bytes);
  const bool good = std::visit(
      [&](auto& state) { return std::remove_reference_t<decltype(state)>::read(in, state); },
      performance);
  return good && ClassDelays::read(in, label_delays) && in.at_end();
}

}  // namespace driftd
