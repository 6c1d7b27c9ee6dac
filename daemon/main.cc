#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "daemon/commands.h"
#include "daemon/exit_codes.h"
#include "daemon/version.h"

namespace {

using driftd::DetectOptions;
using driftd::StateOptions;

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

void add_state_options(CLI::App& command, StateOptions& options) {
  CLI::Option_group* which = command.add_option_group("which state (one of them)");
  which->add_option("-d,--state-dir", options.state_dir, "The state directory")->type_name("DIR");
  which
      ->add_option("-c,--config", options.config,
                   "The configuration file whose [daemon] state_dir it is")
      ->type_name("FILE");
  which->require_option(1);
}

CLI::App* add_replay_command(CLI::App& app, driftd::ReplayCommandOptions& options) {
  CLI::App* command = app.add_subcommand(
      "replay",
      "Run the same pipeline over files and say what would have alerted; with --policy or\n"
      "--what-if under several sets of rules at once, compared in a table and a chart");
  add_config_options(*command, options.config, options.overrides);
  command
      ->add_option("-p,--predictions", options.predictions,
                   "NDJSON file, plain or gzipped; - is standard input")
      ->type_name("FILE")
      ->required();
  command->add_option("-l,--labels", options.labels, "NDJSON file of labels, plain or gzipped")
      ->type_name("FILE");
  command
      ->add_option("-o,--out", options.out,
                   "Write the report lines to this file instead of standard output;\n"
                   "of a comparison, those by the configuration's own rules")
      ->type_name("FILE");
  command->add_option("--speed", options.speed, "Times real time; 0 is as fast as it can")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--policy", options.policies,
                   "Compare: other rules for the models, as TOML (alerts, features,\n"
                   "metrics, quality, sequential, min_samples, min_coverage,\n"
                   "champion); may be repeated. What it leaves out is as in the\n"
                   "configuration")
      ->type_name("FILE")
      ->expected(1)
      ->take_all();
  command
      ->add_option("--what-if", options.what_ifs,
                   "Compare: the configuration with one key changed; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command
      ->add_option("--events", options.events,
                   "Known incidents, CSV with the columns time and name, perhaps model\n"
                   "and end: how soon each was noticed, how many alerts are of none")
      ->type_name("FILE");
  command
      ->add_option("--events-within", options.events_within,
                   "How long after an incident an alert may begin to belong to it [7d]")
      ->type_name("DURATION");
  command->add_flag("--json", options.json,
                    "The comparison as one JSON object instead of tables for people");
  command->footer(
      "Examples:\n"
      "  driftd replay -c driftd.toml -p may.jsonl.gz -l labels.jsonl.gz > report.jsonl\n"
      "  driftd replay -c driftd.toml -p may.jsonl.gz --what-if policy=p_value --what-if "
      "alpha=0.01\n"
      "  driftd replay -c driftd.toml -p may.jsonl.gz -l labels.jsonl.gz \\\n"
      "    --policy strict.toml --policy quiet.toml --events incidents.csv\n\n"
      "A policy changes what is said of a window, never what is counted in it; windows, "
      "references\n"
      "and types are the configuration's. docs/tuning.md explains the table and the JSON.\n"
      "Exit codes: 0 done, alerts or not; 64 usage; 74 a file; 78 the configuration, a policy or\n"
      "the incidents.");
  return command;
}

CLI::App* add_detect_command(CLI::App& app, DetectOptions& options) {
  CLI::App* command = app.add_subcommand(
      "detect",
      "Run a sequential detector over a column of numbers and print the rows where it fires:\n"
      "counted from 0 behind the header, one a line. It begins anew with the next row.\n"
      "Missing cells and cells that are no number are passed over and counted on standard error");
  command->add_option("name", options.name, "The detector, see below")
      ->type_name("NAME")
      ->required();
  command
      ->add_option("file", options.file, "CSV with a header, plain or gzipped; - is standard input")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--column", options.column,
                   "The column; may be left out where the file has only one")
      ->type_name("COLUMN");
  command
      ->add_option("--set", options.settings, "A parameter, e.g. --set delta=0.01; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->allow_extra_args(false)  // else it would take NAME or FILE for another one
      ->take_all();
  command->add_flag("--json", options.json,
                    "An object a line instead: row, level (drift or warning), statistic,\n"
                    "threshold, p_value");
  command->footer(
      "Examples:\n"
      "  driftd detect adwin latencies.csv\n"
      "  driftd detect page_hinkley --column error --set threshold=20 --set mode=up scores.csv.gz\n"
      "  cut -d, -f3 log.csv | driftd detect ddm -\n\n"
      "Detectors, with their parameters' defaults and ranges:\n" +
      driftd::sequential_detectors_text() +
      "\nWhich one to take, formulas and sources: docs/detectors.md, Sequential detectors.\n"
      "Exit codes: 0 done, with or without a drift; 64 usage, or no such column; 74 the file.");
  return command;
}

// What the three words of `driftd state` are told.
struct StateCommands {
  StateOptions options;
  CLI::App* show = nullptr;
  CLI::App* check = nullptr;
  CLI::App* dump = nullptr;
};

void add_state_commands(CLI::App& app, StateCommands& state) {
  CLI::App* command = app.add_subcommand(
      "state",
      "Look into a state directory: what is in it, whether it is whole, all of it as NDJSON.\n"
      "Nothing in it is changed, and a driftd that runs on it is not disturbed");
  command->require_subcommand(1);
  command->footer(
      "Examples:\n"
      "  driftd state show --config driftd.toml\n"
      "  driftd state check --state-dir /var/lib/driftd/state\n"
      "  driftd state export --state-dir state | jq -c 'select(.type==\"monitor\")'\n\n"
      "Exit codes: 0 done and whole, 64 usage, 69 there is no state or it cannot be read,\n"
      "74 something is damaged, 78 the configuration, or the state has another format.");
  state.show = command->add_subcommand(
      "show",
      "Models, windows, health, the label join, offsets and the outbox, for people.\n"
      "All rows of the label join are read for it, which takes time where it is large");
  add_state_options(*state.show, state.options);
  state.show->add_flag("--json", state.options.json, "One JSON object; see docs/formats/state.md");
  state.check = command->add_subcommand(
      "check",
      "Read every byte that counts and compare it with its checksum; a line for each problem,\n"
      "with the file, the place in it and what to do");
  add_state_options(*state.check, state.options);
  state.dump = command->add_subcommand(
      "export",
      "Print everything as NDJSON, an object a line; the last one is of type `summary`.\n"
      "Where it is missing (status 69 or 74) the export is not whole. docs/formats/state.md has\n"
      "the fields");
  add_state_options(*state.dump, state.options);
}

void add_compare_command(CLI::App& app, driftd::CompareOptions& options) {
  CLI::App* command = app.add_subcommand(
      "compare",
      "Say how two files differ, column by column, without any configuration.\n"
      "CSV with a header or NDJSON, plain or gzipped; of prediction events each feature is a\n"
      "column. `id` and `ts` are not compared. A column is numeric where every cell of both files\n"
      "is a number, else categorical");
  command->add_option("reference", options.reference, "What it should be like")
      ->required()
      ->type_name("REFERENCE");
  command->add_option("current", options.current, "What it is like")
      ->required()
      ->type_name("CURRENT");
  command->add_flag("--json", options.json,
                    "One JSON object for each column and detector, and nothing else");
  command->footer(
      "Levels are by each detector's own limit; the last line counts those that a feature has by\n"
      "default (*). docs/detectors.md says what each number means.\n\n"
      "Examples:\n"
      "  driftd compare reference.csv.gz last-week.csv\n"
      "  driftd compare --json reference.csv.gz predictions.jsonl.gz | jq -c "
      "'select(.detector==\"ks\")'\n\n"
      "Exit codes: 0 compared, drift or not; 64 usage, 74 a file cannot be read, 78 no column in\n"
      "common.");
}

// What the words of `driftd baseline` are told.
struct BaselineCommands {
  driftd::BaselineOptions options;
  CLI::App* make = nullptr;
  CLI::App* show = nullptr;
  CLI::App* refresh = nullptr;
  CLI::App* accept = nullptr;
};

void add_baseline_model_options(CLI::App& command, driftd::BaselineOptions& options) {
  add_config_options(command, options.config, options.overrides);
  command
      .add_option("-m,--model", options.model,
                  "Which [[model]]; may be left out where there is one")
      ->type_name("NAME");
}

void add_baseline_input_options(CLI::App& command, driftd::BaselineOptions& options) {
  command
      .add_option(
          "-f,--from", options.from,
          "Rows of a known-good time: CSV or NDJSON, plain or gzipped, with the columns of\n"
          "a reference; or prediction events as driftd reads them. Several are one after\n"
          "the other")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  command.add_flag(
      "--kafka", options.kafka,
      "Instead of files: the messages of the configuration's [[source]] topics, with\n"
      "their labels, from --start to --end. Its consumer group is not touched. They are\n"
      "kept compressed in TMPDIR meanwhile");
  command
      .add_option("-l,--labels", options.labels,
                  "Labels (`id`, `actual`) to be joined with the rows by id")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  command.add_option("--start", options.start, "Only rows from this time on, by their `ts`")
      ->type_name("TIME");
  command.add_option("--end", options.end, "Only rows before this time")->type_name("TIME");
}

void add_baseline_commands(CLI::App& app, BaselineCommands& baseline) {
  CLI::App* command = app.add_subcommand(
      "baseline",
      "Freeze what is normal into a file that a model's `reference` may name: reference values,\n"
      "how much they vary, the model's own performance; look into it, renew it");
  command->require_subcommand(1);
  command->footer(
      "Examples:\n"
      "  driftd baseline make -c driftd.toml --from training.csv.gz --out fraud.baseline\n"
      "  driftd baseline make -c driftd.toml --model fraud --from may.jsonl.gz --labels\n"
      "      may-labels.jsonl.gz --start 2024-05-01T00:00:00Z --out fraud.baseline\n"
      "  driftd baseline make -c driftd.toml --kafka --start 2024-05-01T00:00:00Z --end\n"
      "      2024-06-01T00:00:00Z --out fraud.baseline\n"
      "  driftd baseline show fraud.baseline\n"
      "  driftd baseline refresh -c driftd.toml --from june.jsonl.gz\n"
      "  driftd baseline accept -c driftd.toml\n\n"
      "docs/operations.md, Baselines, says which rows are good ones and how many are enough.\n"
      "Exit codes: 0 done, 64 usage, 74 a file or a damaged baseline, 78 configuration or rows.");
  driftd::BaselineOptions& options = baseline.options;
  baseline.make = command->add_subcommand(
      "make",
      "Learn a baseline from rows and say what was learnt and what was not.\n"
      "Window, task and features are the configuration's; its `reference` need not exist. Rows\n"
      "that do not fit into memory are read several times");
  add_baseline_model_options(*baseline.make, options);
  add_baseline_input_options(*baseline.make, options);
  baseline.make->add_option("-o,--out", options.out, "Where it goes, e.g. fraud.baseline")
      ->type_name("FILE")
      ->required();
  baseline.make->add_flag("--force", options.force, "Even where that file is there already");
  baseline.make->add_flag("--json", options.json, "Say it as one JSON object");
  baseline.show = command->add_subcommand(
      "show", "Say what a baseline holds, where it came from and what it could not learn");
  baseline.show->add_option("file", options.file, "The baseline")->type_name("FILE")->required();
  baseline.show->add_flag("--json", options.json, "One JSON object");
  baseline.refresh = command->add_subcommand(
      "refresh",
      "Propose a new baseline from a stretch judged good, and say what would change.\n"
      "It is written beside the one in use, which stays until the new one is accepted");
  add_baseline_model_options(*baseline.refresh, options);
  add_baseline_input_options(*baseline.refresh, options);
  baseline.refresh->add_flag("--json", options.json, "Say it as one JSON object");
  baseline.accept = command->add_subcommand(
      "accept",
      "Put the proposed baseline in the place of the one in use, which is kept under another\n"
      "name");
  add_baseline_model_options(*baseline.accept, options);
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
  CLI::App* replay_command = add_replay_command(app, replay);

  DetectOptions detect;
  CLI::App* detect_command = add_detect_command(app, detect);

  DemoOptions demo;
  CLI::App* demo_command = app.add_subcommand(
      "demo", "See it work: a real stream with known drift, on this machine only");
  demo_command->add_flag("--exit", demo.exit_at_end,
                         "End when the stream does; status 0 only if everything happened");
  demo_command->add_option("--data", demo.data,
                           "Folder with the example stream (default: examples/car-loan)");
  demo_command->add_option("--seconds", demo.seconds, "How long the stream lasts")
      ->check(CLI::Range(5, 3'600));

  CompareOptions compare;
  add_compare_command(app, compare);

  BaselineCommands baseline;
  add_baseline_commands(app, baseline);

  StateCommands state;
  add_state_commands(app, state);

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
  if (detect_command->parsed()) return command_detect(detect);
  if (app.got_subcommand("compare")) return command_compare(compare);
  if (demo_command->parsed()) return command_demo(demo);
  if (baseline.make->parsed()) return command_baseline_make(baseline.options);
  if (baseline.show->parsed()) return command_baseline_show(baseline.options);
  if (baseline.refresh->parsed()) return command_baseline_refresh(baseline.options);
  if (baseline.accept->parsed()) return command_baseline_accept(baseline.options);
  if (state.show->parsed()) return command_state_show(state.options);
  if (state.check->parsed()) return command_state_check(state.options);
  if (state.dump->parsed()) return command_state_export(state.options);
  if (version_command->parsed()) std::printf("driftd %s\n", kVersion);
  return kExitOk;
}
