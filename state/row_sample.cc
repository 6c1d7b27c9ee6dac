#include "state/row_sample.h"

#include <utility>

namespace driftd {
namespace {

void copy(const CellColumn& from, std::size_t row, CellColumn& to) {
  const auto cell = from.cell(row);
  cell ? to.add(*cell) : to.add_missing();
}

}  // namespace

bool RowSample::is_wanted(const std::string& column) const {
  return of_ == Of::everything || column == "actual" || column == "prediction" ||
         column.starts_with("score_");
}

void RowSample::add(const ColumnFile& block) {
  const CellColumn* const actual = block.find("actual");
  if (of_ == Of::labels && actual == nullptr) return;
  std::vector<const CellColumn*> from;
  for (const CellColumn& column : block.columns) {
    if (is_wanted(column.name())) from.push_back(&column);
  }
  if (kept_.columns.empty()) {
    for (const CellColumn* column : from) kept_.columns.emplace_back(column->name());
  }
  for (std::size_t row = 0; row < block.rows; ++row) {
    if (of_ == Of::labels && !actual->cell(row)) continue;
    if (met_++ % step_ != 0) continue;
    for (std::size_t i = 0; i < from.size(); ++i) copy(*from[i], row, kept_.columns[i]);
    if (++kept_.rows * from.size() > most_cells_) halve();
  }
}

void RowSample::halve() {
  ColumnFile half;
  for (const CellColumn& column : kept_.columns) {
    CellColumn& made = half.columns.emplace_back(column.name());
    for (std::size_t row = 0; row < kept_.rows; row += 2) copy(column, row, made);
  }
  half.rows = (kept_.rows + 1) / 2;
  kept_ = std::move(half);
  step_ *= 2;
}

}  // namespace driftd
