#include "daemon/tuning/command_tuning.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "config/duration.h"
#include "config/load.h"
#include "config/policies.h"
#include "daemon/exit_codes.h"
#include "daemon/replay.h"
#include "daemon/report_writer.h"
#include "daemon/tuning/alerts.h"
#include "daemon/tuning/incidents.h"
#include "daemon/tuning/tuning.h"
#include "daemon/tuning/tuning_json.h"
#include "daemon/tuning/tuning_text.h"

namespace driftd {
namespace {

constexpr DurationMs kLongestReach = 366 * kDayMs;
constexpr std::size_t kWidestText = 1'000;

// Keeps what the comparison needs of each policy, and writes what a report has of the
// configuration's own.
class TuningObserver final : public ReportWriter {
 public:
  TuningObserver(std::FILE* out, std::size_t policies) : ReportWriter(out), books_(policies) {}

  void judged(std::size_t policy, const Report& report, TimeMs arrived) override {
    if (const auto* transition = std::get_if<Transition>(&report))
      books_[policy].take(*transition, arrived);
  }

  [[nodiscard]] const AlertBook& book(std::size_t policy) const { return books_[policy]; }

 private:
  std::vector<AlertBook> books_;
};

[[nodiscard]] std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// By POSIX, the first of these that is set and not empty names the character set.
[[nodiscard]] bool speaks_utf8() {
  for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = variable(name);
    if (value.empty()) continue;
    return value.contains("UTF-8") || value.contains("utf8") || value.contains("UTF8") ||
           value.contains("utf-8");
  }
  return false;
}

// How standard output takes a text. COLUMNS says how wide it is where that is no terminal.
[[nodiscard]] TextStyle style_of_output() {
  TextStyle style;
  const bool is_terminal = ::isatty(STDOUT_FILENO) != 0;
  winsize size{};
  if (is_terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    style.width = size.ws_col;
  } else {
    const std::string_view columns = variable("COLUMNS");
    std::size_t width = 0;
    const auto [end, error] =
        std::from_chars(columns.data(), columns.data() + columns.size(), width);
    if (error == std::errc{} && width > 0 && width <= kWidestText) style.width = width;
  }
  style.utf8 = speaks_utf8();
  const std::string_view term = variable("TERM");
  // https://no-color.org
  style.colours = is_terminal && variable("NO_COLOR").empty() && !term.empty() && term != "dumb";
  return style;
}

[[nodiscard]] std::vector<std::string> model_names(const Config& config) {
  std::vector<std::string> names;
  names.reserve(config.models.size());
  for (const ModelConfig& model : config.models) names.push_back(model.name);
  return names;
}

[[nodiscard]] std::vector<Traffic> traffic_of(const Config& config, const PolicyReplay& result) {
  std::vector<Traffic> traffic;
  traffic.reserve(config.models.size());
  for (std::size_t i = 0; i < config.models.size(); ++i) {
    const ModelTraffic& of_model = result.traffic[i];
    const bool any = of_model.predictions > 0;
    traffic.push_back({config.models[i].name, of_model.predictions, any ? of_model.first_time : 0,
                       any ? of_model.last_time : 0});
  }
  return traffic;
}

void print(const Tuning& tuning, const ReplayCommandOptions& options) {
  std::string text;
  if (options.json) {
    append_json(text, tuning);
    text += '\n';
  } else {
    text = tuning_text(tuning, style_of_output());
  }
  fmt::print("{}", text);
}

}  // namespace

int command_tuning(const Config& config, const ReplayCommandOptions& options) {
  Tuning tuning;
  tuning.has_incidents = !options.events.empty();
  if (!options.events_within.empty()) {
    const auto reach = parse_duration(options.events_within);
    if (!tuning.has_incidents || !reach || *reach <= 0 || *reach > kLongestReach) {
      fmt::print(stderr,
                 "driftd: --events-within takes a duration such as \"7d\" or \"12h\", up to a "
                 "year, and goes with --events\n");
      return kExitUsage;
    }
    tuning.reach = *reach;
  }
  const auto policies = load_policies(options.config, {options.overrides, true},
                                      {options.policies, options.what_ifs});
  if (!policies) {
    fmt::print(stderr, "{}", to_text(policies.error()));
    return kExitConfig;
  }
  if (tuning.has_incidents) {
    auto incidents = read_incidents(options.events, model_names(config));
    if (!incidents) {
      fmt::print(stderr, "driftd: {}\n", incidents.error().message);
      return exit_code_of(incidents.error().code);
    }
    tuning.incidents = std::move(*incidents);
  }
  const File out = options.out.empty() ? File() : open_report(options.out);
  if (!out && !options.out.empty()) return kExitIo;

  TuningObserver observer(out.get(), policies->size() + 1);
  const Result<PolicyReplay> result = replay_policies(
      config, *policies, {options.predictions, options.labels, options.speed}, observer);
  observer.clear_progress();
  if (!result) {
    fmt::print(stderr, "driftd: {}\n", result.error().message);
    return exit_code_of(result.error().code);
  }
  observer.write(result->summary);
  say_if_empty(result->summary, options.predictions);

  tuning.summary = result->summary;
  tuning.traffic = traffic_of(config, *result);
  for (std::size_t i = 0; i < result->policies.size(); ++i) {
    add_policy(tuning, {i == 0 ? std::string(kBasePolicy) : (*policies)[i - 1].name,
                        observer.book(i).alerts(), result->policies[i].cpu_seconds});
  }
  if (!options.json) say_counts(stdout, tuning.summary);
  print(tuning, options);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    fmt::print(stderr, "driftd: the result could not be written completely: is the disk full?\n");
    return kExitIo;
  }
  return observer.failed() ? kExitIo : kExitOk;
}

}  // namespace driftd
