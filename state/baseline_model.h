// A loaded model as the bytes of a baseline, and back: whatever a configuration's model would have
// learnt from the rows, without the rows.
//
// A model that is read from a baseline equals, in every bit, the one that the baseline was made of;
// only its hash is the baseline's own. The terms are those keys of the configuration that decided
// what was learnt: another configuration that says otherwise is refused, key by key.
//
// Thread rule: none shared. Allocation rule: by the model. Failure rule: an Error that names the
// file and what to do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/result.h"
#include "state/baseline_file.h"
#include "state/reference_file.h"

namespace driftd {

struct BaselineTerms {
  Task task = Task::binary;
  std::string positive_class;  // binary
  std::uint64_t reference_max_distinct = 0;
  DurationMs size = 0;  // windows by time
  DurationMs slide = 0;
  std::int64_t count = 0;  // windows by count
  // By position in Reference::series; empty where the configuration gave none.
  std::vector<std::optional<ValueRange>> ranges;
};

struct Baseline {
  BaselineNote note;
  BaselineTerms terms;
  LoadedModel model;
  std::string hash;
  std::uint64_t bytes = 0;
};

// The model's part of the file.
[[nodiscard]] std::string baseline_bytes(const LoadedModel& model, const ModelConfig& config);

// With a schema that has no index, name or horizon yet: those are the configuration's.
[[nodiscard]] Result<Baseline> read_baseline(const std::string& path);

// `config.reference` is a baseline: what `load_model` does with it.
[[nodiscard]] Result<LoadedModel> load_baseline(const ModelConfig& config, ModelIndex index);

}  // namespace driftd
