// From a model's score to the probability that it stands for, cell by cell.
//
// A map is linear inside each cell of a RankIndex: cell 2i + 1 holds the scores equal to boundary
// i, cell 2i those strictly between two boundaries. It is either the calibration that was fitted on
// the reference (windows/isotonic.h) or the score itself, clipped to [0, 1]. Because it is linear
// in a cell, a window needs no more than the number and the sum of its scores by cell, and the
// cells say in which order the scores lie. Thread rule: immutable once made, shared by all lanes.
// Allocation rule: none after construction. Failure rule: `read` refuses damaged bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/byte_stream.h"
#include "windows/isotonic.h"
#include "windows/rank_index.h"

namespace driftd {

class ScoreMap {
 public:
  // A calibration with more steps than this is joined up between every so many of them; two
  // boundaries a step.
  static constexpr std::size_t kMostSteps = 2'048;

  ScoreMap() = default;
  // The score is the probability. `sorted`: the reference's scores; at most `most` of them, at even
  // ranks, become boundaries beside a grid of 256 over [0, 1].
  [[nodiscard]] static ScoreMap identity(std::span<const ScoredLabel> sorted, std::size_t most);
  // The calibration of `blocks`, which must not be empty. `extra`: so many boundaries at even ranks
  // of `sorted`, and the grid, come in addition; a map of one class among several needs them to
  // rank by, because there the probability depends on the other classes' scores, too. 0: none.
  [[nodiscard]] static ScoreMap calibration(std::vector<IsotonicBlock> blocks,
                                            std::span<const ScoredLabel> sorted, std::size_t extra);

  [[nodiscard]] const RankIndex& index() const { return index_; }
  [[nodiscard]] std::uint32_t cells() const { return index_.cells(); }
  [[nodiscard]] bool is_calibrated() const { return !blocks_.empty(); }

  // The sum of probabilities of `count` scores of one cell that add up to `sum`.
  [[nodiscard]] double probability_sum(std::uint32_t cell, double count, double sum) const {
    const Piece& piece = pieces_[cell];
    return count * piece.probability + piece.slope * (sum - count * piece.from);
  }
  [[nodiscard]] double probability(std::uint32_t cell, double score) const {
    return probability_sum(cell, 1, score);
  }
  // The lowest and the highest probability in a cell.
  struct Range {
    double low = 0;
    double high = 0;
  };
  [[nodiscard]] Range range(std::uint32_t cell) const {
    return {pieces_[cell].probability, pieces_[cell].highest};
  }
  // The step of the calibration that a cell belongs to; of cells between two steps the lower one.
  [[nodiscard]] std::uint32_t block_of(std::uint32_t cell) const { return block_of_[cell]; }
  [[nodiscard]] std::span<const IsotonicBlock> blocks() const { return blocks_; }

  // Boundaries and blocks; everything else follows from them.
  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, ScoreMap& out);

 private:
  // probability + slope * (score - from)
  struct Piece {
    double probability = 0;
    double slope = 0;
    double from = 0;
    double highest = 0;
  };

  template <typename Probability>
  void make_pieces(Probability probability_of);
  // What follows from the index, and from the blocks where there are any.
  void complete();

  RankIndex index_;
  std::vector<Piece> pieces_;            // by cell
  std::vector<std::uint32_t> block_of_;  // by cell; empty without a calibration
  std::vector<IsotonicBlock> blocks_;    // empty without a calibration
};

}  // namespace driftd
