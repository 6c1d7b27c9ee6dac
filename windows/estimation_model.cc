#include "windows/estimation_model.h"

#include <algorithm>
#include <cmath>

#include "windows/calibration_need.h"
#include "windows/reference.h"

namespace driftd {
namespace {

// Boundaries to rank by where the score is the probability.
constexpr std::size_t kBinaryRanks = 256;
constexpr std::size_t kLeastRanks = 16;
constexpr double kEpsilon = 0x1.0p-52;

// `extra`: boundaries to rank by that a calibration gets, too.
[[nodiscard]] ScoreMap learn_map(std::vector<ScoredLabel> rows, std::size_t ranks,
                                 std::size_t extra) {
  const bool calibrate = needs_calibration(rows);
  std::ranges::stable_sort(rows, {}, &ScoredLabel::score);
  return calibrate ? ScoreMap::calibration(fit_isotonic(rows), rows, extra)
                   : ScoreMap::identity(rows, ranks);
}

void add(Moments& moments, double value) { moments.merge({1, value, 0}); }

}  // namespace

bool MulticlassEstimation::is_calibrated() const {
  return std::ranges::any_of(maps, [](const ScoreMap& map) { return map.is_calibrated(); });
}

EstimationModel learn_binary(std::vector<ScoredLabel> rows) {
  if (rows.empty()) return {};
  BinaryEstimation model;
  model.rows = rows.size();
  model.map = learn_map(std::move(rows), kBinaryRanks, 0);
  return model;
}

EstimationModel learn_multiclass(std::vector<std::vector<ScoredLabel>> by_class,
                                 std::span<const ClassCode> codes) {
  if (by_class.empty() || by_class.front().empty() ||
      by_class.size() > MulticlassEstimation::kMostClasses) {
    return {};
  }
  MulticlassEstimation model;
  model.rows = by_class.front().size();
  const std::size_t ranks =
      std::clamp(MulticlassEstimation::kMostRanks / by_class.size(), kLeastRanks, kBinaryRanks);
  for (std::vector<ScoredLabel>& rows : by_class) {
    model.maps.push_back(learn_map(std::move(rows), ranks, ranks));
  }
  const ClassCode largest = *std::ranges::max_element(codes);
  model.positions.assign(largest + std::size_t{1}, static_cast<std::uint32_t>(codes.size()));
  for (std::uint32_t i = 0; i < codes.size(); ++i) model.positions[codes[i]] = i;
  return model;
}

EstimationModel learn_errors(const NumericReference& predictions,
                             std::span<const PredictedActual> rows) {
  if (rows.empty()) return {};
  struct Placed {
    std::uint32_t cell;
    std::uint32_t row;
  };
  std::vector<Placed> placed;
  placed.reserve(rows.size());
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    placed.push_back({predictions.index.cell(rows[i].predicted), i});
  }
  std::ranges::stable_sort(placed, {}, &Placed::cell);

  RegressionEstimation model;
  model.rows = rows.size();
  const std::size_t wanted = std::max(
      RegressionEstimation::kLeastRowsPerBin,
      (rows.size() + RegressionEstimation::kMostBins - 1) / RegressionEstimation::kMostBins);
  for (std::size_t i = 0; i < placed.size();) {
    // What would be left behind a full bin has to fill one of its own.
    const bool is_last = placed.size() - i < 2 * wanted;
    RegressionEstimation::Bin bin;
    while (i < placed.size() &&
           (is_last || bin.absolute.count < wanted || placed[i].cell == bin.last_cell)) {
      const auto [predicted, actual] = rows[placed[i].row];
      const double error = std::abs(predicted - actual);
      add(bin.absolute, error);
      add(bin.squared, error * error);
      add(bin.relative, error / std::max(std::abs(actual), kEpsilon));
      bin.last_cell = placed[i].cell;
      ++i;
    }
    model.bins.push_back(bin);
  }
  model.bins.back().last_cell = predictions.index.cells() - 1;
  return model;
}

}  // namespace driftd
