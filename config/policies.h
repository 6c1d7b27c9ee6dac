// Policies for a replay to compare: each is the configuration with another set of rules laid over
// it, from a file (--policy) or from one key (--what-if).
//
// A policy may change what is said of a window, never what is counted in it, because all policies
// of a replay share the counters. Its keys are those of a [[model]] that are about rules: at the
// top of the file for all models, in a [[model]] with a `name` for that one. What a policy leaves
// out is as in the configuration: tables are laid over one another key by key, save a feature's
// `detectors`, which replace those of the configuration as they replace the defaults there.
// Runs at start-up only. May allocate; never throws; reads files and the environment. Failure rule:
// every problem of every policy at once, with file, line and column.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/load.h"

namespace driftd {

// What the configuration's own rules are called where policies are compared.
inline constexpr std::string_view kBasePolicy = "config";
// Every policy keeps the closed windows of a label horizon for itself.
inline constexpr std::size_t kMostPolicies = 64;

struct Policy {
  // A file's name without its folder and ending, or KEY=VALUE; no two have the same one.
  std::string name;
  std::vector<ModelConfig> models;  // in the order of the configuration
};

struct PolicyOptions {
  std::vector<std::string> files;
  // KEY=VALUE. KEY is a key of a policy, for all models (`alerts.alpha`, or `alpha`, as a key of
  // `alerts` may stand alone), or of one model, written as for --set (`model.0.min_samples`).
  std::vector<std::string> what_ifs;
};

// The policies of the files, then those of the single keys. `path` and `options` are what
// `load_config` has loaded.
[[nodiscard]] std::expected<std::vector<Policy>, std::vector<ConfigProblem>> load_policies(
    const std::string& path, const LoadOptions& options, const PolicyOptions& policies);

}  // namespace driftd
