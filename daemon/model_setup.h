// The models of a configuration, loaded and checked: what every command that looks at events begins
// with.
//
// Owns the schemas and references that all other parts point to; lives as long as they do.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/policies.h"
#include "core/result.h"
#include "daemon/evaluator.h"
#include "state/reference_file.h"

namespace driftd {

class ModelSetup {
 public:
  // `with_labels`: whether labels are read at all; without them no join rows are kept and no ids
  // are compared. `policies`: further rules for the same models, which share schemas, references
  // and counters.
  [[nodiscard]] static Result<std::unique_ptr<ModelSetup>> load(
      const std::vector<ModelConfig>& models, bool with_labels,
      std::span<const Policy> policies = {});

  [[nodiscard]] const std::vector<const ModelSchema*>& schemas() const { return schemas_; }
  [[nodiscard]] const std::vector<MonitoredModel>& monitored() const { return monitored_; }
  // By the configuration's own rules, or by those of the n-th policy, counted from 1.
  [[nodiscard]] const std::vector<EvaluatedModel>& evaluated(std::size_t policy = 0) const {
    return evaluated_[policy];
  }
  [[nodiscard]] ModelSchema& schema(ModelIndex index) { return *loaded_[position(index)].schema; }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

  // What decides whether stored state fits: the reference, the windows, and the series with their
  // types.
  [[nodiscard]] std::string fingerprint(ModelIndex index) const;

 private:
  std::vector<std::vector<ModelConfig>> configs_;  // the configuration's, then each policy's
  std::vector<LoadedModel> loaded_;
  std::vector<const ModelSchema*> schemas_;
  std::vector<MonitoredModel> monitored_;
  std::vector<std::vector<EvaluatedModel>> evaluated_;  // as `configs_`
  std::vector<std::string> notes_;
};

}  // namespace driftd
