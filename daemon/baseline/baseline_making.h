// Makes a baseline out of what `driftd baseline make` and `refresh` are given.
//
// Thread rule: one thread. Allocation rule: as state/baseline_learner.h. Failure rule: an Error
// that says what to do.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "core/result.h"
#include "daemon/commands.h"
#include "state/baseline_learner.h"
#include "state/baseline_model.h"

namespace driftd {

struct MadeBaseline {
  LearnedBaseline learned;
  std::string bytes;
  BaselineNote note;
};

// The one model of the configuration that is meant.
[[nodiscard]] Result<const ModelConfig*> chosen_model(const Config& config,
                                                      const std::string& name);

// Shows progress on standard error where that is a terminal.
[[nodiscard]] Result<MadeBaseline> make_baseline(const Config& config, const ModelConfig& model,
                                                 const BaselineOptions& options);

}  // namespace driftd
