#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "config/load.h"
#include "daemon/commands.h"
#include "daemon/exit_codes.h"
#include "daemon/state_view.h"

namespace driftd {
namespace {

// Only the section that says where the state is need be right: neither sources nor their secrets
// are looked at.
[[nodiscard]] std::optional<std::string> folder_of(const StateOptions& options) {
  if (!options.state_dir.empty()) return options.state_dir;
  const auto config = load_config(options.config, {.overrides = {}, .models_only = true});
  if (config) return config->daemon.state_dir;
  fmt::print(stderr, "{}", to_text(config.error()));
  fmt::print(stderr, "or name the state directory itself with --state-dir\n");
  return std::nullopt;
}

}  // namespace

int command_state_show(const StateOptions& options) {
  const auto folder = folder_of(options);
  return folder ? show_state(*folder, options.json) : kExitConfig;
}

int command_state_check(const StateOptions& options) {
  const auto folder = folder_of(options);
  return folder ? check_state(*folder) : kExitConfig;
}

int command_state_export(const StateOptions& options) {
  const auto folder = folder_of(options);
  return folder ? export_state(*folder) : kExitConfig;
}

}  // namespace driftd
