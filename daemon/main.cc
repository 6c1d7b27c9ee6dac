#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "daemon/commands.h"
#include "daemon/exit_codes.h"
#include "daemon/version.h"

namespace {

// Standard output belongs to what a command is asked for; what the program says about itself goes
// beside it.
void log_to_standard_error() {
  auto logger = spdlog::stderr_color_mt("driftd");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %v", spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(std::move(logger));
  spdlog::flush_on(spdlog::level::info);
}

void add_config_options(CLI::App& command, std::string& config,
                        std::vector<std::string>& overrides) {
  command
      .add_option("-c,--config", config, "The configuration file (TOML); see docs/configuration.md")
      ->required();
  command
      .add_option("--set", overrides,
                  "Override one key, e.g. --set model.window.count=500; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace driftd;
  log_to_standard_error();
  CLI::App app{
      "driftd watches machine-learning models in production: it compares windows of live traffic "
      "with a reference,\n"
      "follows metrics as labels come, and says when a model is no longer all right.\n\n"
      "Try `driftd demo` first; then write a configuration (a starter has 12 lines, see "
      "docs/configuration.md),\n"
      "tune it on last month's files with `driftd replay`, and run it with `driftd run`."};
  app.name("driftd");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("driftd ") + kVersion);
  app.footer(
      "Exit codes: 0 done, 64 usage, 69 something is not reachable, 74 a file, 78 configuration or "
      "reference.");

  RunOptions run;
  CLI::App* run_command =
      app.add_subcommand("run", "Watch the configured sources until SIGTERM or SIGINT");
  add_config_options(*run_command, run.config, run.overrides);

  CheckOptions check;
  CLI::App* check_command = app.add_subcommand(
      "check", "Say everything that is wrong with a configuration, and try what it points to");
  add_config_options(*check_command, check.config, check.overrides);
  check_command->add_flag("--offline", check.offline,
                          "Look at the file and the references only, connect to nothing");

  ReplayCommandOptions replay;
  CLI::App* replay_command = app.add_subcommand(
      "replay", "Run the same pipeline over files and say what would have alerted");
  add_config_options(*replay_command, replay.config, replay.overrides);
  replay_command
      ->add_option("-p,--predictions", replay.predictions,
                   "NDJSON file, plain or gzipped; - is standard input")
      ->required();
  replay_command->add_option("-l,--labels", replay.labels,
                             "NDJSON file of labels, plain or gzipped");
  replay_command->add_option("-o,--out", replay.out,
                             "Write the report lines to this file instead of standard output");
  replay_command->add_option("--speed", replay.speed, "Times real time; 0 is as fast as it can")
      ->check(CLI::NonNegativeNumber);

  DemoOptions demo;
  CLI::App* demo_command = app.add_subcommand(
      "demo", "See it work: a real stream with known drift, on this machine only");
  demo_command->add_flag("--exit", demo.exit_at_end,
                         "End when the stream does; status 0 only if everything happened");
  demo_command->add_option("--data", demo.data,
                           "Folder with the example stream (default: examples/car-loan)");
  demo_command->add_option("--seconds", demo.seconds, "How long the stream lasts")
      ->check(CLI::Range(5, 3'600));

  CLI::App* version_command = app.add_subcommand("version", "Print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kExitOk : kExitUsage;
  }
  if (run_command->parsed()) return command_run(run);
  if (check_command->parsed()) return command_check(check);
  if (replay_command->parsed()) return command_replay(replay);
  if (demo_command->parsed()) return command_demo(demo);
  if (version_command->parsed()) std::printf("driftd %s\n", kVersion);
  return kExitOk;
}
