#include "windows/estimation.h"

#include <algorithm>
#include <cmath>

namespace driftd {
namespace {

struct Shape {
  std::size_t cells = 0;
  std::size_t classes = 0;  // multiclass only
};

[[nodiscard]] Shape shape_of(const EstimationModel& model) {
  Shape shape;
  if (const auto* binary = std::get_if<BinaryEstimation>(&model)) {
    shape.cells = 2 * std::size_t{binary->map.cells()};
  } else if (const auto* multi = std::get_if<MulticlassEstimation>(&model)) {
    shape.classes = multi->classes();
    for (const ScoreMap& map : multi->maps) shape.cells += map.cells();
  }
  return shape;
}

template <typename Number>
void add_all(std::vector<Number>& to, const std::vector<Number>& from) {
  if (to.empty()) to.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

}  // namespace

void EstimationSummary::prepare(const EstimationModel& model) {
  if (!cells.empty()) return;
  const Shape shape = shape_of(model);
  cells.resize(shape.cells);
  if (shape.classes == 0) return;
  predicted.resize(shape.classes + 1);
  probabilities.resize((shape.classes + 1) * shape.classes);
  own_products.resize(shape.classes * shape.classes);
}

void EstimationSummary::update(const EstimationModel& model, const EventBatch& batch,
                               std::span<const std::uint32_t> rows, Scratch& scratch) {
  const auto* binary = std::get_if<BinaryEstimation>(&model);
  const auto* multi = std::get_if<MulticlassEstimation>(&model);
  if (binary == nullptr && multi == nullptr) return;
  prepare(model);
  seen += rows.size();
  if (binary != nullptr) {
    update_binary(*binary, batch, rows, scratch);
  } else {
    update_multiclass(*multi, batch, rows, scratch);
  }
}

void EstimationSummary::update_binary(const BinaryEstimation& model, const EventBatch& batch,
                                      std::span<const std::uint32_t> rows, Scratch& scratch) {
  const ClassCode positive_class = batch.model().positive_class;
  scratch.scores.resize(rows.size());
  scratch.positive.resize(rows.size());
  std::size_t used = 0;
  for (const std::uint32_t row : rows) {
    const double score = batch.score[row];
    const ClassCode predicted_class = batch.predicted_class[row];
    scratch.scores[used] = score;
    scratch.positive[used] =
        predicted_class == kNoClass ? score >= 0.5 : predicted_class == positive_class;
    used += std::isfinite(score) ? 1 : 0;
  }
  scored += used;
  scratch.cells.resize(used);
  model.map.index().cells({scratch.scores.data(), used}, scratch.cells.data());
  for (std::size_t i = 0; i < used; ++i) {
    Cell& cell = cells[2 * std::size_t{scratch.cells[i]} + scratch.positive[i]];
    ++cell.count;
    cell.sum += scratch.scores[i];
  }
}

void EstimationSummary::update_multiclass(const MulticlassEstimation& model,
                                          const EventBatch& batch,
                                          std::span<const std::uint32_t> rows, Scratch& scratch) {
  const std::size_t classes = model.classes();
  scratch.rows.clear();
  for (const std::uint32_t row : rows) {
    const double* const scores = batch.class_scores.data() + row * classes;
    if (std::all_of(scores, scores + classes, [](double s) { return std::isfinite(s); }))
      scratch.rows.push_back(row);
  }
  const std::size_t used = scratch.rows.size();
  scored += used;
  scratch.scores.resize(used);
  scratch.cells.resize(used * classes);
  scratch.probabilities.resize(used * classes);
  for (std::size_t k = 0; k < classes; ++k) {
    for (std::size_t i = 0; i < used; ++i)
      scratch.scores[i] = batch.class_scores[scratch.rows[i] * classes + k];
    std::uint32_t* const at = scratch.cells.data() + k * used;
    model.maps[k].index().cells({scratch.scores.data(), used}, at);
    for (std::size_t i = 0; i < used; ++i) {
      scratch.probabilities[i * classes + k] = model.maps[k].probability(at[i], scratch.scores[i]);
    }
  }
  for (std::size_t i = 0; i < used; ++i) {
    double* const p = scratch.probabilities.data() + i * classes;
    double total = 0;
    for (std::size_t k = 0; k < classes; ++k) total += p[k];
    const double share = 1 / static_cast<double>(classes);
    for (std::size_t k = 0; k < classes; ++k) p[k] = total > 0 ? p[k] / total : share;
    const std::size_t of = model.position_of(batch.predicted_class[scratch.rows[i]]);
    ++predicted[of];
    for (std::size_t k = 0; k < classes; ++k) probabilities[of * classes + k] += p[k];
    if (of == classes) continue;
    for (std::size_t k = 0; k < classes; ++k) own_products[of * classes + k] += p[of] * p[k];
  }
  std::size_t first = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    const std::uint32_t* const at = scratch.cells.data() + k * used;
    for (std::size_t i = 0; i < used; ++i) {
      Cell& cell = cells[first + at[i]];
      ++cell.count;
      cell.sum += scratch.probabilities[i * classes + k];
    }
    first += model.maps[k].cells();
  }
}

void EstimationSummary::merge(const EstimationSummary& other) {
  seen += other.seen;
  scored += other.scored;
  if (cells.empty()) cells.resize(other.cells.size());
  for (std::size_t i = 0; i < other.cells.size(); ++i) {
    cells[i].count += other.cells[i].count;
    cells[i].sum += other.cells[i].sum;
  }
  add_all(predicted, other.predicted);
  add_all(probabilities, other.probabilities);
  add_all(own_products, other.own_products);
}

void EstimationSummary::write(ByteWriter& out) const {
  out.varint(seen);
  out.varint(scored);
  out.varint(cells.size());
  std::uint64_t filled = 0;
  for (const Cell& cell : cells) filled += cell.count != 0 ? 1 : 0;
  out.varint(filled);
  std::size_t before = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].count == 0) continue;
    out.varint(i - before);
    out.varint(cells[i].count);
    out.number(cells[i].sum);
    before = i;
  }
  out.varint(own_products.empty() ? 0 : predicted.size() - 1);
  for (const std::uint64_t count : predicted) out.varint(count);
  for (const double sum : probabilities) out.number(sum);
  for (const double sum : own_products) out.number(sum);
}

bool EstimationSummary::read(ByteReader& in, const EstimationModel& model, EstimationSummary& out) {
  EstimationSummary read;
  read.seen = in.varint();
  read.scored = in.varint();
  // Checked against the sparse list only, so that a flipped bit never becomes a huge allocation.
  const std::uint64_t cells = in.varint();
  const std::uint64_t filled = in.element_count();
  if (read.scored > read.seen || filled > cells) return false;
  const Shape shape = shape_of(model);
  const bool fits_cells = cells == shape.cells;
  if (fits_cells) read.cells.resize(cells);
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < filled && in.ok(); ++i) {
    at += in.varint();
    const std::uint64_t count = in.varint();
    const double sum = in.number();
    if (!in.ok() || at >= cells || count == 0) return false;
    if (fits_cells) read.cells[at] = {count, sum};
  }
  const std::uint64_t classes = in.varint();
  if (!in.ok() || classes > MulticlassEstimation::kMostClasses) return false;
  if (classes > 0) {
    read.predicted.resize(classes + 1);
    read.probabilities.resize((classes + 1) * classes);
    read.own_products.resize(classes * classes);
    for (std::uint64_t& count : read.predicted) count = in.varint();
    for (double& sum : read.probabilities) sum = in.number();
    for (double& sum : read.own_products) sum = in.number();
  }
  if (!in.ok()) return false;
  out = fits_cells && classes == shape.classes ? std::move(read) : EstimationSummary{};
  return true;
}

}  // namespace driftd
