// The ROC AUC that is to be expected of scores whose labels are not known, only their
// probabilities.
//
// With rows i of score s_i and probability p_i, the expected number of pairs in which a positive
// ranks above a negative is the sum over i, j with s_i > s_j of p_i (1 - p_j), ties counted one
// half; divided by P N, where P = sum p_i and N = sum (1 - p_i). It is the area under the curve of
// expected true and false positive rates. Source: NannyML, "How it works: estimation of performance
// of the binary classification model" (CBPE). Rows come in cells, in order of the score; a cell of
// n rows that add up to S contributes S (n - S) / 2 + G / 2, where G, the sum of |p_i - p_j| over
// its pairs, is that of probabilities spread evenly over its range. A cell in which all
// probabilities are equal is exact; of any other one the contribution is off by at most n^2 / 12
// times its range, usually by far less. Thread rule: pure. Allocation rule: may allocate (once a
// window). Cannot fail.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace driftd {

struct RankedCell {
  double rows = 0;
  double positives = 0;  // expected: the sum of probabilities
  double low = 0;        // the probabilities of the cell lie between these
  double high = 0;
};

struct EstimatedRanking {
  double roc_auc = 0;
  // By cell: by how much the area changes when a row of the cell turns out to be positive rather
  // than negative (the derivative with respect to p_i).
  std::vector<double> influence;
};

// Cells from the lowest score to the highest. Empty where no positive or no negative is expected.
[[nodiscard]] std::optional<EstimatedRanking> estimated_ranking(std::span<const RankedCell> cells);

}  // namespace driftd
