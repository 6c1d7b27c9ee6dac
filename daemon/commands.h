// What each command of the command line does. Every function returns an exit code of exit_codes.h
// and prints for people on standard output, problems on standard error, and JSON only where it was
// asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace driftd {

struct RunOptions {
  std::string config;
  std::vector<std::string> overrides;
};
[[nodiscard]] int command_run(const RunOptions& options);

struct CheckOptions {
  std::string config;
  std::vector<std::string> overrides;
  bool offline = false;  // the file and what it names on this machine only
};
[[nodiscard]] int command_check(const CheckOptions& options);

struct ReplayCommandOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string predictions;
  std::string labels;
  std::string out;  // empty: report lines go to standard output
  double speed = 0;
  // Of a comparison of policies; then report lines go to `out` only.
  std::vector<std::string> policies;  // files
  std::vector<std::string> what_ifs;  // KEY=VALUE
  std::string events;                 // a file of known incidents; empty: none
  std::string events_within;          // a duration; empty: the usual one
  bool json = false;                  // one object instead of tables for people

  [[nodiscard]] bool compares() const {
    return !policies.empty() || !what_ifs.empty() || !events.empty() || !events_within.empty() ||
           json;
  }
};
[[nodiscard]] int command_replay(const ReplayCommandOptions& options);

struct DetectOptions {
  std::string name;                   // of the detector
  std::optional<std::string> column;  // may be left out where the file has one
  std::vector<std::string> settings;  // KEY=VALUE
  std::string file;                   // CSV, plain or gzipped; "-" is standard input
  bool json = false;
};
[[nodiscard]] int command_detect(const DetectOptions& options);
// The detectors and their parameters, for `driftd detect --help`.
[[nodiscard]] std::string sequential_detectors_text();

struct CompareOptions {
  std::string reference;
  std::string current;
  bool json = false;  // a line for each column and detector instead of tables for people
};
[[nodiscard]] int command_compare(const CompareOptions& options);

// `driftd baseline make|show|refresh|accept`.
struct BaselineOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string model;              // may be left out where the configuration has one
  std::vector<std::string> from;  // files of rows or events
  std::string labels;             // a file of labels; empty: none
  bool kafka = false;             // instead of files: the topics of the configuration
  std::string start;              // rows from this time on; empty: from the first
  std::string end;                // and before this one
  std::string out;                // where the baseline goes
  bool force = false;             // even where a file is there
  std::string file;               // the baseline to be shown
  bool json = false;              // one object instead of a page for people
};
[[nodiscard]] int command_baseline_make(const BaselineOptions& options);
[[nodiscard]] int command_baseline_show(const BaselineOptions& options);
[[nodiscard]] int command_baseline_refresh(const BaselineOptions& options);
[[nodiscard]] int command_baseline_accept(const BaselineOptions& options);

struct DemoOptions {
  bool exit_at_end = false;
  std::string data;  // folder of the example; empty: found beside the binary's source tree
  int seconds = 25;  // how long the stream lasts
};
[[nodiscard]] int command_demo(const DemoOptions& options);

// Which state directory `driftd state` looks into: the first one that is given.
struct StateOptions {
  std::string state_dir;
  std::string config;
  bool json = false;  // for `show`: one object instead of lines for people
};
[[nodiscard]] int command_state_show(const StateOptions& options);
[[nodiscard]] int command_state_check(const StateOptions& options);
[[nodiscard]] int command_state_export(const StateOptions& options);

}  // namespace driftd
