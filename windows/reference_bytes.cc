#include "windows/reference_bytes.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace driftd {
namespace {

enum class Kind : std::uint8_t { numeric, categorical };
enum class Estimates : std::uint8_t { nothing, binary, multiclass, regression };

// Whether the sorted numbers are what a RankIndex takes.
[[nodiscard]] bool are_boundaries(const std::vector<double>& numbers) {
  const auto does_not_rise = [](double one, double next) { return !(one < next); };
  return std::ranges::none_of(numbers, [](double number) { return std::isnan(number); }) &&
         std::ranges::adjacent_find(numbers, does_not_rise) == numbers.end();
}

void write(ByteWriter& out, const std::optional<ValueInterval>& interval) {
  out.byte(interval ? 1 : 0);
  if (!interval) return;
  out.number(interval->low);
  out.number(interval->high);
}

void read(ByteReader& in, const RankIndex& index, std::optional<ValueInterval>& out) {
  out.reset();
  if (in.byte() == 0) return;
  const double low = in.number();
  const double high = in.number();
  if (std::isnan(low) || std::isnan(high)) return;
  out = {.low = low, .high = high, .low_cell = index.cell(low), .high_cell = index.cell(high)};
}

void write(ByteWriter& out, const NumericReference& numeric) {
  out.varint(numeric.index.boundaries().size());
  for (const double boundary : numeric.index.boundaries()) out.number(boundary);
  numeric.summary.write(out);
  out.varint(numeric.edges.size());
  for (const double edge : numeric.edges) out.number(edge);
  write(out, numeric.range);
  write(out, numeric.fences);
  out.varint(numeric.out_of_range);
  out.varint(numeric.longest_run);
  out.varint(numeric.distinct);
  out.number(numeric.deviation);
  out.number(numeric.thinning_error);
  out.varint(numeric.gap_sums.size());
  for (const ExactSum& sum : numeric.gap_sums) sum.write(out);
}

[[nodiscard]] bool read(ByteReader& in, NumericReference& numeric) {
  std::vector<double> boundaries(in.element_count());
  for (double& boundary : boundaries) boundary = in.number();
  if (!in.ok() || !are_boundaries(boundaries)) return false;
  numeric.index = RankIndex(std::move(boundaries));
  if (!NumericSummary::read(in, numeric.index.cells(), numeric.summary)) return false;
  numeric.edges.resize(in.element_count());
  for (double& edge : numeric.edges) edge = in.number();
  if (!in.ok() || !are_boundaries(numeric.edges)) return false;
  read(in, numeric.index, numeric.range);
  read(in, numeric.index, numeric.fences);
  numeric.out_of_range = in.varint();
  numeric.longest_run = in.varint();
  numeric.distinct = in.varint();
  numeric.deviation = in.number();
  numeric.thinning_error = in.number();
  numeric.gap_sums.resize(in.element_count());
  for (ExactSum& sum : numeric.gap_sums) sum = ExactSum::read(in);
  const std::size_t gaps = numeric.index.cells() / 2 + 1;
  if (!in.ok() || (!numeric.gap_sums.empty() && numeric.gap_sums.size() != gaps)) return false;
  complete_counts(numeric);
  return true;
}

void write(ByteWriter& out, const std::vector<std::string>& texts) {
  out.varint(texts.size());
  for (const std::string& text : texts) out.text(text);
}

void read(ByteReader& in, std::vector<std::string>& texts) {
  texts.resize(in.element_count());
  for (std::string& text : texts) text = in.text();
}

void write(ByteWriter& out, const CategoryReference& category) {
  write(out, category.categories);
  write(out, category.others);
  for (const std::uint64_t count : category.counts) out.varint(count);
  out.varint(category.summary.missing);
  out.varint(category.longest_run);
}

[[nodiscard]] bool read(ByteReader& in, CategoryReference& category) {
  read(in, category.categories);
  read(in, category.others);
  if (!in.ok() || !std::ranges::is_sorted(category.categories) ||
      !std::ranges::is_sorted(category.others)) {
    return false;
  }
  category.counts.resize(category.codes());
  for (std::uint64_t& count : category.counts) count = in.varint();
  category.summary = CategorySummary(category.codes());
  category.summary.missing = in.varint();
  category.longest_run = in.varint();
  for (std::uint32_t code = 0; code < category.codes(); ++code)
    category.summary.counters.add(code, category.counts[code]);
  return in.ok();
}

void write(ByteWriter& out, const Moments& moments) {
  out.varint(moments.count);
  out.number(moments.mean);
  out.number(moments.squares);
}

[[nodiscard]] Moments read_moments(ByteReader& in) {
  Moments moments;
  moments.count = in.varint();
  moments.mean = in.number();
  moments.squares = in.number();
  return moments;
}

void write(ByteWriter& out, std::monostate) {
  out.byte(static_cast<std::uint8_t>(Estimates::nothing));
}
void write(ByteWriter& out, const BinaryEstimation& model) {
  out.byte(static_cast<std::uint8_t>(Estimates::binary));
  out.varint(model.rows);
  model.map.write(out);
}
void write(ByteWriter& out, const MulticlassEstimation& model) {
  out.byte(static_cast<std::uint8_t>(Estimates::multiclass));
  out.varint(model.rows);
  out.varint(model.maps.size());
  for (const ScoreMap& map : model.maps) map.write(out);
  out.varint(model.positions.size());
  for (const std::uint32_t at : model.positions) out.varint(at);
}
void write(ByteWriter& out, const RegressionEstimation& model) {
  out.byte(static_cast<std::uint8_t>(Estimates::regression));
  out.varint(model.rows);
  out.varint(model.bins.size());
  for (const RegressionEstimation::Bin& bin : model.bins) {
    out.varint(bin.last_cell);
    write(out, bin.absolute);
    write(out, bin.squared);
    write(out, bin.relative);
  }
}

[[nodiscard]] bool read_binary(ByteReader& in, EstimationModel& out) {
  BinaryEstimation model;
  model.rows = in.varint();
  if (!ScoreMap::read(in, model.map)) return false;
  out = std::move(model);
  return in.ok();
}

[[nodiscard]] bool read_multiclass(ByteReader& in, EstimationModel& out) {
  MulticlassEstimation model;
  model.rows = in.varint();
  const std::uint64_t classes = in.element_count();
  if (classes > MulticlassEstimation::kMostClasses) return false;
  model.maps.resize(classes);
  for (ScoreMap& map : model.maps) {
    if (!ScoreMap::read(in, map)) return false;
  }
  model.positions.resize(in.element_count());
  for (std::uint32_t& at : model.positions) {
    const std::uint64_t position = in.varint();
    if (position > classes) return false;
    at = static_cast<std::uint32_t>(position);
  }
  out = std::move(model);
  return in.ok();
}

[[nodiscard]] bool read_regression(ByteReader& in, EstimationModel& out) {
  RegressionEstimation model;
  model.rows = in.varint();
  model.bins.resize(in.element_count());
  for (RegressionEstimation::Bin& bin : model.bins) {
    bin.last_cell = static_cast<std::uint32_t>(in.varint());
    bin.absolute = read_moments(in);
    bin.squared = read_moments(in);
    bin.relative = read_moments(in);
  }
  const bool is_sorted =
      std::ranges::is_sorted(model.bins, {}, [](const auto& bin) { return bin.last_cell; });
  if (!in.ok() || model.bins.empty() || !is_sorted) return false;
  out = std::move(model);
  return true;
}

[[nodiscard]] bool read_estimation(ByteReader& in, EstimationModel& out) {
  switch (static_cast<Estimates>(in.byte())) {
    case Estimates::nothing: out = {}; return in.ok();
    case Estimates::binary: return read_binary(in, out);
    case Estimates::multiclass: return read_multiclass(in, out);
    case Estimates::regression: return read_regression(in, out);
  }
  return false;
}

}  // namespace

void write_reference(ByteWriter& out, const Reference& reference) {
  out.varint(reference.rows);
  out.varint(reference.duplicates);
  out.byte(reference.volume ? 1 : 0);
  if (reference.volume) {
    out.varint(reference.volume->lowest);
    out.varint(reference.volume->median);
    out.varint(reference.volume->highest);
    out.varint(reference.volume->stretches);
  }
  out.varint(reference.series.size());
  for (const SeriesReference& series : reference.series) {
    out.text(series.name);
    const bool is_numeric = std::holds_alternative<NumericReference>(series.baseline);
    out.byte(static_cast<std::uint8_t>(is_numeric ? Kind::numeric : Kind::categorical));
    std::visit([&](const auto& baseline) { write(out, baseline); }, series.baseline);
    out.byte(series.influence ? 1 : 0);
    if (series.influence) out.number(*series.influence);
  }
  std::visit([&](const auto& model) { write(out, model); }, reference.estimation);
}

bool read_reference(ByteReader& in, Reference& out) {
  out = {};
  out.rows = in.varint();
  out.duplicates = in.varint();
  if (in.byte() != 0) {
    ReferenceVolume& volume = out.volume.emplace();
    volume.lowest = in.varint();
    volume.median = in.varint();
    volume.highest = in.varint();
    volume.stretches = in.varint();
  }
  out.series.resize(in.element_count());
  for (SeriesReference& series : out.series) {
    series.name = in.text();
    const std::uint8_t kind = in.byte();
    if (kind == static_cast<std::uint8_t>(Kind::numeric)) {
      if (!read(in, series.baseline.emplace<NumericReference>())) return false;
    } else if (kind == static_cast<std::uint8_t>(Kind::categorical)) {
      if (!read(in, series.baseline.emplace<CategoryReference>())) return false;
    } else {
      return false;
    }
    if (in.byte() != 0) series.influence = in.number();
  }
  return read_estimation(in, out.estimation);
}

}  // namespace driftd
