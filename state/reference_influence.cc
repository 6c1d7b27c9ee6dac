#include "state/reference_influence.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace driftd {
namespace {

constexpr std::size_t kNoGroup = static_cast<std::size_t>(-1);
// Fewer rows with a prediction say nothing.
constexpr std::size_t kLeastRows = 100;

// What a row's prediction is, as one or more indicators or ranks: the sum of squares that a
// grouping explains is that of all of them together.
struct Target {
  std::vector<double> rank;           // of a score or value, NaN without one; or
  std::vector<std::size_t> class_of;  // of a class
  std::size_t classes = 0;
  double squares = 0;  // about the mean, all rows
  std::size_t rows = 0;
};

[[nodiscard]] Target target_of_numbers(const CellColumn& column) {
  Target target;
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t row = 0; row < column.size(); ++row) {
    const auto cell = column.cell(row);
    const std::optional<double> value = cell ? parse_number(*cell) : std::nullopt;
    if (value && !std::isnan(*value)) order.emplace_back(*value, row);
  }
  std::ranges::sort(order);
  target.rows = order.size();
  target.rank.assign(column.size(), std::nan(""));
  const double middle = static_cast<double>(order.size()) / 2;
  for (std::size_t from = 0; from < order.size();) {
    std::size_t to = from;
    while (to < order.size() && order[to].first == order[from].first) ++to;
    const double rank = static_cast<double>(from + to) / 2 - middle;
    for (std::size_t i = from; i < to; ++i) target.rank[order[i].second] = rank;
    target.squares += static_cast<double>(to - from) * rank * rank;
    from = to;
  }
  return target;
}

[[nodiscard]] Target target_of_classes(const CellColumn& column) {
  Target target;
  std::map<std::string, std::size_t, std::less<>> codes;
  std::vector<double> counts;
  std::string buffer;
  for (std::size_t row = 0; row < column.size(); ++row) {
    const auto cell = column.cell(row);
    if (!cell) {
      target.class_of.push_back(kNoGroup);
      continue;
    }
    const auto code =
        codes.try_emplace(std::string(canonical_category(*cell, buffer)), codes.size())
            .first->second;
    counts.resize(codes.size());
    ++counts[code];
    ++target.rows;
    target.class_of.push_back(code);
  }
  target.classes = codes.size();
  target.squares = static_cast<double>(target.rows);
  for (const double count : counts)
    target.squares -= count * count / static_cast<double>(target.rows);
  return target;
}

// The group of each row; missing values are one of their own.
[[nodiscard]] std::vector<std::size_t> groups_of(const CellColumn& column,
                                                 const SeriesSchema& series,
                                                 const SeriesReference& reference) {
  std::vector<std::size_t> groups;
  groups.reserve(column.size());
  std::string buffer;
  for (std::size_t row = 0; row < column.size(); ++row) {
    const auto cell = column.cell(row);
    std::size_t group = 0;
    if (const auto* numeric = std::get_if<NumericReference>(&reference.baseline)) {
      const std::optional<double> value = cell ? parse_number(*cell) : std::nullopt;
      if (value && !std::isnan(*value)) {
        group = 1 + static_cast<std::size_t>(std::ranges::lower_bound(numeric->edges, *value) -
                                             numeric->edges.begin());
      }
    } else if (cell) {
      const auto code = series.categories.find(canonical_category(*cell, buffer));
      if (code != series.categories.end()) group = 1 + code->second;
    }
    groups.push_back(group);
  }
  return groups;
}

// The sum of squares between groups.
[[nodiscard]] double squares_between(const Target& target, const std::vector<std::size_t>& groups,
                                     std::size_t count) {
  std::vector<double> rows(count, 0);
  double between = 0;
  if (target.classes == 0) {
    std::vector<double> sums(count, 0);
    for (std::size_t row = 0; row < groups.size(); ++row) {
      if (std::isnan(target.rank[row])) continue;
      ++rows[groups[row]];
      sums[groups[row]] += target.rank[row];
    }
    for (std::size_t g = 0; g < count; ++g)
      if (rows[g] > 0) between += sums[g] * sums[g] / rows[g];
    return between;
  }
  std::map<std::pair<std::size_t, std::size_t>, double> cells;
  std::vector<double> classes(target.classes, 0);
  for (std::size_t row = 0; row < groups.size(); ++row) {
    if (target.class_of[row] == kNoGroup) continue;
    ++rows[groups[row]];
    ++classes[target.class_of[row]];
    ++cells[{groups[row], target.class_of[row]}];
  }
  for (const auto& [cell, n] : cells) between += n * n / rows[cell.first];
  for (const double n : classes) between -= n * n / static_cast<double>(target.rows);
  return between;
}

}  // namespace

void measure_influence(const ColumnFile& file, const ModelSchema& model, Reference& reference) {
  if (model.prediction_series < 0) return;
  const SeriesSchema& prediction = model.series[static_cast<std::size_t>(model.prediction_series)];
  const CellColumn& predictions = *file.find(prediction.name);
  const Target target = prediction.type == SeriesType::numeric ? target_of_numbers(predictions)
                                                               : target_of_classes(predictions);
  if (target.rows < kLeastRows || !(target.squares > 0)) return;
  const auto rows = static_cast<double>(target.rows);
  for (std::size_t i = 0; i < model.feature_count; ++i) {
    const std::vector<std::size_t> groups =
        groups_of(*file.find(model.series[i].name), model.series[i], reference.series[i]);
    std::vector<std::size_t> distinct = groups;
    std::ranges::sort(distinct);
    const auto count =
        static_cast<double>(std::ranges::unique(distinct).begin() - distinct.begin());
    if (count >= rows) continue;
    const double explained =
        squares_between(target, groups, 1 + *std::ranges::max_element(groups)) / target.squares;
    reference.series[i].influence =
        std::clamp(1 - (1 - explained) * (rows - 1) / (rows - count), 0.0, 1.0);
  }
}

}  // namespace driftd
