#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "config/load.h"
#include "daemon/baseline/baseline_making.h"
#include "daemon/baseline/baseline_view.h"
#include "daemon/commands.h"
#include "daemon/exit_codes.h"
#include "state/baseline_model.h"

namespace driftd {
namespace {

[[nodiscard]] int say(const Error& error) {
  fmt::print(stderr, "driftd: {}\n", error.message);
  return error.code == ErrorCode::invalid_argument ? kExitUsage : exit_code_of(error.code);
}

[[nodiscard]] int end_output() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return kExitOk;
  fmt::print(stderr, "driftd: the result could not be written completely: is the disk full?\n");
  return kExitIo;
}

[[nodiscard]] int show_file(const std::string& file, bool json) {
  const Result<Baseline> baseline = read_baseline(file);
  if (!baseline) return say(baseline.error());
  const BaselineView view = view_of(*baseline, file);
  if (json) {
    fmt::print("{}\n", baseline_json(view));
  } else {
    print_baseline(view);
  }
  return end_output();
}

}  // namespace

int command_baseline_make(const BaselineOptions& options) {
  const auto config = load_config(
      options.config,
      {.overrides = options.overrides, .models_only = !options.kafka, .needs_references = false});
  if (!config) {
    fmt::print(stderr, "{}", to_text(config.error()));
    return kExitConfig;
  }
  const Result<const ModelConfig*> model = chosen_model(*config, options.model);
  if (!model) return say(model.error());
  std::error_code ignored;
  if (!options.force && std::filesystem::exists(options.out, ignored)) {
    fmt::print(stderr,
               "driftd: {} is there already: name another file, or say --force; `driftd baseline "
               "refresh` shows first what would change\n",
               options.out);
    return kExitUsage;
  }
  const Result<MadeBaseline> made = make_baseline(*config, **model, options);
  if (!made) return say(made.error());
  if (const auto written = write_baseline_file(options.out, made->note, made->bytes); !written)
    return say(written.error());
  const int code = show_file(options.out, options.json);
  if (code == kExitOk && !options.json) {
    fmt::print(stderr, "\nTo use it: reference = \"{}\" in the [[model]] {} of {}\n", options.out,
               (*model)->name, options.config);
  }
  return code;
}

int command_baseline_show(const BaselineOptions& options) {
  return show_file(options.file, options.json);
}

}  // namespace driftd
