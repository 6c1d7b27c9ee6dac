#include "windows/calibration_need.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>

namespace driftd {
namespace {

constexpr std::uint32_t kSeed = 42;
constexpr double kTestShare = 0.1;
constexpr std::size_t kBins = 10;
constexpr double kSeparating = 0.999;

// numpy.random.RandomState, as far as the splits need it.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed) : engine_(seed) {}

  [[nodiscard]] std::vector<std::uint32_t> permutation(std::size_t size) {
    std::vector<std::uint32_t> order(size);
    std::iota(order.begin(), order.end(), 0U);
    shuffle(order);
    return order;
  }

  void shuffle(std::vector<std::uint32_t>& order) {
    for (std::size_t i = order.size(); i-- > 1;) {
      std::swap(order[i], order[below_or_at(static_cast<std::uint32_t>(i))]);
    }
  }

 private:
  // A uniform integer in [0, most]: the lowest bits of a draw, drawn again while they are too
  // large.
  [[nodiscard]] std::uint32_t below_or_at(std::uint32_t most) {
    std::uint32_t mask = most;
    for (const int shift : {1, 2, 4, 8, 16}) mask |= mask >> shift;
    std::uint32_t value = 0;
    do {
      value = static_cast<std::uint32_t>(engine_()) & mask;
    } while (value > most);
    return value;
  }

  std::mt19937 engine_;
};

using ClassSizes = std::array<std::size_t, 2>;

// How many of `draws` rows each class gives, in proportion; what rounding leaves over goes to the
// largest remainders, by lot where they are equal.
[[nodiscard]] ClassSizes shares_of(const ClassSizes& sizes, std::size_t draws,
                                   NumpyRandom& random) {
  const auto total = static_cast<double>(sizes[0] + sizes[1]);
  ClassSizes shares{};
  std::array<double, 2> remainders{};
  for (std::size_t c = 0; c < 2; ++c) {
    const double exact = static_cast<double>(sizes[c]) / total * static_cast<double>(draws);
    shares[c] = static_cast<std::size_t>(exact);
    remainders[c] = exact - std::floor(exact);
  }
  std::size_t left = draws - std::min(draws, shares[0] + shares[1]);
  if (left == 0) return shares;
  if (remainders[0] == remainders[1]) {
    for (const std::uint32_t c : random.permutation(2)) {
      if (left == 0) break;
      ++shares[c];
      --left;
    }
    return shares;
  }
  const std::size_t larger = remainders[1] > remainders[0] ? 1 : 0;
  for (const std::size_t c : {larger, 1 - larger}) {
    if (left == 0) break;
    ++shares[c];
    --left;
  }
  return shares;
}

// Ties count one half.
[[nodiscard]] double area_under_curve(std::span<const ScoredLabel> sorted) {
  double below = 0;
  double twice_wins = 0;
  double positives = 0;
  for (std::size_t i = 0; i < sorted.size();) {
    double negative = 0;
    double positive = 0;
    const double score = sorted[i].score;
    for (; i < sorted.size() && sorted[i].score == score; ++i) {
      (sorted[i].positive ? positive : negative) += 1;
    }
    twice_wins += positive * (2 * below + negative);
    below += negative;
    positives += positive;
  }
  return twice_wins / (2 * positives * below);
}

void sort_by_probability(std::vector<ProbabilityLabel>& rows) {
  std::ranges::sort(rows, {}, &ProbabilityLabel::probability);
}

}  // namespace

std::vector<HoldOut> stratified_splits(std::span<const ScoredLabel> rows) {
  const auto tests =
      static_cast<std::size_t>(std::ceil(kTestShare * static_cast<double>(rows.size())));
  std::array<std::vector<std::uint32_t>, 2> rows_of;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows_of[rows[i].positive ? 1 : 0].push_back(static_cast<std::uint32_t>(i));
  }
  const ClassSizes sizes{rows_of[0].size(), rows_of[1].size()};
  if (sizes[0] < 2 || sizes[1] < 2 || tests < 2) return {};

  NumpyRandom random(kSeed);
  std::vector<HoldOut> splits(kCalibrationSplits);
  for (HoldOut& split : splits) {
    const ClassSizes train = shares_of(sizes, rows.size() - tests, random);
    const ClassSizes test = shares_of({sizes[0] - train[0], sizes[1] - train[1]}, tests, random);
    for (std::size_t c = 0; c < 2; ++c) {
      const std::vector<std::uint32_t> order = random.permutation(sizes[c]);
      for (std::size_t i = 0; i < train[c] + test[c]; ++i) {
        (i < train[c] ? split.train : split.test).push_back(rows_of[c][order[i]]);
      }
    }
    // The order inside a part means nothing, but the draws for it come before the next split's.
    random.shuffle(split.train);
    random.shuffle(split.test);
  }
  return splits;
}

double equal_count_calibration_error(std::span<const ProbabilityLabel> sorted) {
  const std::size_t rows = sorted.size();
  const std::size_t bins = rows <= 2 * kBins ? std::max<std::size_t>(1, rows / 2) : kBins;
  const std::size_t width = std::max<std::size_t>(1, rows / bins);
  // The last bin takes the rows that are left over.
  const std::size_t last = std::max<std::size_t>(1, rows / width) - 1;
  std::vector<double> excess(last + 1, 0.0);  // by bin: sum of probability - label
  for (std::size_t i = 0; i < rows;) {
    std::size_t end = i;
    double positives = 0;
    for (; end < rows && sorted[end].probability == sorted[i].probability; ++end) {
      positives += sorted[end].positive;
    }
    const double mean = sorted[i].probability - positives / static_cast<double>(end - i);
    while (i < end) {
      const std::size_t bin = std::min(i / width, last);
      const std::size_t until = bin == last ? end : std::min(end, (bin + 1) * width);
      excess[bin] += mean * static_cast<double>(until - i);
      i = until;
    }
  }
  double error = 0;
  for (const double of_bin : excess) error += std::abs(of_bin);
  return error / static_cast<double>(rows);
}

bool needs_calibration(std::span<const ScoredLabel> rows) {
  const std::vector<HoldOut> splits = stratified_splits(rows);
  if (splits.empty()) return false;
  // Sorted once; a part keeps the order of the whole.
  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return rows[row].score; });
  std::vector<ScoredLabel> sorted(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) sorted[i] = rows[order[i]];
  if (area_under_curve(sorted) > kSeparating) return false;

  std::vector<ProbabilityLabel> before;
  std::vector<ProbabilityLabel> after;
  std::vector<std::uint8_t> is_train(rows.size());
  std::vector<ScoredLabel> train;
  for (const HoldOut& split : splits) {
    is_train.assign(rows.size(), 0);
    for (const std::uint32_t row : split.train) is_train[row] = 1;
    train.clear();
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (is_train[order[i]] != 0) train.push_back(sorted[i]);
    }
    const std::vector<IsotonicBlock> blocks = fit_isotonic(train);
    for (const std::uint32_t row : split.test) {
      before.push_back({rows[row].score, rows[row].positive});
      after.push_back({calibrated(blocks, rows[row].score), rows[row].positive});
    }
  }
  sort_by_probability(before);
  sort_by_probability(after);
  return equal_count_calibration_error(before) > equal_count_calibration_error(after);
}

}  // namespace driftd
