#include "state/reference_windows.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>

#include "core/event_batch.h"
#include "core/event_time.h"
#include "state/reference_performance.h"

namespace driftd {
namespace {

[[nodiscard]] std::optional<TimeMs> time_of(std::string_view cell) {
  if (const std::optional<double> number = parse_number(cell))
    return time_from_number(*number, TimestampUnit::detect);
  return time_from_text(cell);
}

class WindowCutter {
 public:
  WindowCutter(const ColumnFile& file, const ModelSchema& model, const Reference& reference)
      : model_(model), reference_(reference), labelled_(file, model) {
    for (const SeriesSchema& series : model.series) columns_.push_back(file.find(series.name));
  }

  [[nodiscard]] ReferenceWindow fold(std::span<const std::size_t> rows) {
    ReferenceWindow window;
    window.rows = rows.size();
    window.performance = make_performance(model_.task);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (model_.series[i].type == SeriesType::numeric) {
        window.series.emplace_back(
            numbers(*columns_[i], std::get<NumericReference>(reference_.series[i].baseline), rows));
      } else {
        window.series.emplace_back(categories(*columns_[i], model_.series[i], rows));
      }
    }
    for (const std::size_t row : rows) {
      const std::optional<LabelledRow> labelled = labelled_.read(row);
      if (!labelled) continue;
      std::visit([&](auto& summary) { summary.update(model_, *labelled); }, window.performance);
    }
    return window;
  }

 private:
  [[nodiscard]] NumericSummary numbers(const CellColumn& column, const NumericReference& reference,
                                       std::span<const std::size_t> rows) {
    NumericSummary summary(reference.index);
    values_.clear();
    for (const std::size_t row : rows) {
      const auto cell = column.cell(row);
      const std::optional<double> value = cell ? parse_number(*cell) : std::nullopt;
      values_.push_back(value && !std::isnan(*value) ? *value : missing_number());
    }
    summary.update(reference.index, values_, scratch_);
    return summary;
  }

  [[nodiscard]] CategorySummary categories(const CellColumn& column, const SeriesSchema& series,
                                           std::span<const std::size_t> rows) {
    CategorySummary summary(series.category_codes());
    for (const std::size_t row : rows) {
      const auto cell = column.cell(row);
      const auto code = cell && *cell != "nan" && *cell != "NaN"
                            ? series.categories.find(canonical_category(*cell, text_))
                            : series.categories.end();
      if (code == series.categories.end()) {
        ++summary.missing;
      } else {
        summary.counters.add(code->second, 1);
      }
    }
    return summary;
  }

  const ModelSchema& model_;
  const Reference& reference_;
  LabelledRowReader labelled_;
  std::vector<const CellColumn*> columns_;  // by position in ModelSchema::series
  std::vector<double> values_;
  NumericSummary::Scratch scratch_;
  std::string text_;
};

}  // namespace

WindowSpec window_spec(const WindowConfig& config) {
  return {.size = config.count > 0 ? 0 : config.size,
          .slide = config.count > 0 ? 0 : config.slide,
          .count = config.count,
          .lateness = config.lateness,
          .out_of_orderness = config.out_of_orderness};
}

std::vector<TimeMs> reference_times(const ColumnFile& file) {
  const CellColumn* const column = file.find("ts");
  std::vector<TimeMs> times;
  if (column == nullptr) return times;
  times.reserve(column->size());
  for (std::size_t row = 0; row < column->size(); ++row) {
    const auto cell = column->cell(row);
    const std::optional<TimeMs> time = cell ? time_of(*cell) : std::nullopt;
    if (!time) return {};
    times.push_back(*time);
  }
  return times;
}

void visit_reference_windows(const ColumnFile& file, const ModelSchema& model,
                             const Reference& reference, const WindowSpec& spec,
                             const ReferenceWindowVisitor& visit) {
  const std::vector<TimeMs> times = reference_times(file);
  if (times.empty() && !spec.by_count()) return;
  std::vector<std::size_t> order(file.rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!times.empty())
    std::ranges::stable_sort(order, {}, [&](std::size_t row) { return times[row]; });

  WindowCutter cutter(file, model, reference);
  const auto visit_rows = [&](std::size_t from, std::size_t to, std::int64_t pane) {
    ReferenceWindow window = cutter.fold(std::span(order).subspan(from, to - from));
    window.pane = pane;
    if (!times.empty()) {
      window.first_time = times[order[from]];
      window.last_time = times[order[to - 1]];
    }
    visit(model, reference, window);
  };
  if (spec.by_count()) {
    const auto count = static_cast<std::size_t>(spec.count);
    for (std::size_t from = 0; from + count <= order.size(); from += count)
      visit_rows(from, from + count, static_cast<std::int64_t>(from / count));
    return;
  }
  for (std::size_t from = 0; from < order.size();) {
    const std::int64_t pane = spec.pane_of(times[order[from]]);
    std::size_t to = from;
    while (to < order.size() && spec.pane_of(times[order[to]]) == pane) ++to;
    visit_rows(from, to, pane);
    from = to;
  }
}

}  // namespace driftd
