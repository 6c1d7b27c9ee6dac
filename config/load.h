// TOML file -> Config, or every error at once with file, line, column and a suggestion.
//
// Runs at start-up and at reload only. May allocate; never throws; reads the file, secret files and
// the environment.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "config/config.h"

namespace driftd {

struct ConfigProblem {
  std::string file;
  int line = 0;  // 1-based; 0 where there is no place (an unreadable file, an override)
  int column = 0;
  std::string message;     // what is wrong
  std::string suggestion;  // what to do; may be empty
};

struct LoadOptions {
  std::vector<std::string>
      overrides;  // KEY=VALUE of --set, e.g. "daemon.listen=127.0.0.1:0", "model.window.count=500"
  bool models_only =
      false;  // replay, compare: sources, store and webhooks are neither needed nor resolved
  // false: a model's reference need neither be given nor be there, because it is to be made.
  bool needs_references = true;
};

[[nodiscard]] std::expected<Config, std::vector<ConfigProblem>> load_config(
    const std::string& path, const LoadOptions& options = {});

// "file:line:column: error: message\n  help: suggestion", one problem after the other; each line
// ends in a line end.
[[nodiscard]] std::string to_text(const std::vector<ConfigProblem>& problems);

}  // namespace driftd
