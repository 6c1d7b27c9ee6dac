// Learns a baseline from rows: all at once where they fit into memory, else in three readings of
// bounded memory.
//
// Rows that fit are learnt exactly as a configuration's reference file is. Otherwise the first
// reading finds types, distinct values and classes, the second counts at the boundaries chosen, the
// third cuts windows, one at a time; counts are exact all the same, and what is not is in the
// notes. Thread rule: none shared. Allocation rule: `memory`, or the survey's limits and one block
// of rows. Failure rule: an Error that names the column or file and what to do.
#pragma once

#include <functional>
#include <string_view>

#include "config/config.h"
#include "core/result.h"
#include "state/baseline_rows.h"
#include "state/reference_file.h"

namespace driftd {

struct LearnOptions {
  // Rows whose cells take no more than this are learnt in memory.
  std::size_t memory = 256 << 20;
  // For people who wait: what is being done and which share of it is done.
  std::function<void(std::string_view doing, double share)> progress;
  // Is shown the rows' own windows, where they have any.
  ReferenceWindowVisitor visit;
};

struct LearnedBaseline {
  LoadedModel model;
  TimeMs from = kNoTime;  // of the first and the last row; kNoTime unless every row has a time
  TimeMs to = kNoTime;
  bool in_memory = true;
};

[[nodiscard]] Result<LearnedBaseline> learn_baseline(const ModelConfig& config, ModelIndex index,
                                                     BaselineRows& rows,
                                                     const LearnOptions& options);

}  // namespace driftd
