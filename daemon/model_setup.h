// The models of a configuration, loaded and checked: what every command that looks at events begins
// with.
//
// Owns the schemas and references that all other parts point to; lives as long as they do.
#pragma once

#include <memory>
#include <vector>

#include "config/config.h"
#include "core/result.h"
#include "daemon/evaluator.h"
#include "state/reference_file.h"

namespace driftd {

class ModelSetup {
 public:
  // `with_labels`: whether labels are read at all; without them no join rows are kept and no ids
  // are compared.
  [[nodiscard]] static Result<std::unique_ptr<ModelSetup>> load(
      const std::vector<ModelConfig>& models, bool with_labels);

  [[nodiscard]] const std::vector<const ModelSchema*>& schemas() const { return schemas_; }
  [[nodiscard]] const std::vector<MonitoredModel>& monitored() const { return monitored_; }
  [[nodiscard]] const std::vector<EvaluatedModel>& evaluated() const { return evaluated_; }
  [[nodiscard]] ModelSchema& schema(ModelIndex index) { return *loaded_[position(index)].schema; }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

  // What decides whether stored state fits: the reference, the windows, and the series with their
  // types.
  [[nodiscard]] std::string fingerprint(ModelIndex index) const;

 private:
  std::vector<ModelConfig> configs_;
  std::vector<LoadedModel> loaded_;
  std::vector<const ModelSchema*> schemas_;
  std::vector<MonitoredModel> monitored_;
  std::vector<EvaluatedModel> evaluated_;
  std::vector<std::string> notes_;
};

}  // namespace driftd
