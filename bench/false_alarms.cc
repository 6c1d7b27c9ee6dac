// How many alerts stable traffic gives, and how soon shifts are found: driftd's false-alarm budget
// and the usual rules, over families of simulated traffic. docs/false-alarms.md explains the
// tables; bench/run.sh says how it is called.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/alarm_trial.h"
#include "detectors/calibration/threshold.h"
#include "windows/series_summary.h"

namespace driftd {
namespace {

// Delays vary less between references than counts of alerts do and cost more time, and so do the
// usual rules: they are measured on the first trials of a family.
constexpr std::size_t kTrialsWithShifts = 5;
constexpr double kNever = std::numeric_limits<double>::infinity();

struct Arguments {
  bool quick = false;
  int seeds = 0;  // 0: as the family says
  std::uint64_t first_seed = 1;
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  std::string only;
  std::string json;
  TrialOptions trial;
};

void usage() {
  std::fputs(
      "bench_false_alarms [--quick] [--seeds N] [--first-seed N] [--threads N] [--only TEXT]\n"
      "                   [--json FILE] [--no-delays] [--no-rivals]\n"
      "  --quick      2 seeds a family, 1 start of shifts each\n"
      "  --only TEXT  families whose name contains the text\n",
      stderr);
  std::exit(2);
}

[[nodiscard]] Arguments parse(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = values[i];
    const auto next = [&] {
      if (++i == count) usage();
      return std::string(values[i]);
    };
    if (name == "--quick") {
      arguments.quick = true;
      arguments.trial.starts = 1;
    } else if (name == "--seeds") {
      arguments.seeds = std::atoi(next().c_str());
    } else if (name == "--first-seed") {
      arguments.first_seed = static_cast<std::uint64_t>(std::atoll(next().c_str()));
    } else if (name == "--threads") {
      arguments.threads = static_cast<unsigned>(std::max(1, std::atoi(next().c_str())));
    } else if (name == "--only") {
      arguments.only = next();
    } else if (name == "--json") {
      arguments.json = next();
    } else if (name == "--no-delays") {
      arguments.trial.delays = false;
    } else if (name == "--no-rivals") {
      arguments.trial.rivals = false;
    } else {
      usage();
    }
  }
  return arguments;
}

// How often an alert begins where it ends after 12 windows at or below the limit.
[[nodiscard]] int alerts_of(const std::vector<RuleValues>& windows, std::size_t rule,
                            double limit) {
  int alerts = 0;
  int quiet = kQuietWindows;
  for (const RuleValues& window : windows) {
    if (window[rule] > limit) {
      alerts += quiet >= kQuietWindows;
      quiet = 0;
    } else {
      ++quiet;
    }
  }
  return alerts;
}

[[nodiscard]] double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(values);
  return values[(values.size() - 1) / 2];
}

struct RuleResult {
  std::vector<double> usual_windows;  // a usual limit each: windows alerting in 30 days
  std::vector<double> usual_alerts;   // and alerts
  double tuned = 0;                   // the limit
  double tuned_alerts = 0;
  std::array<double, kShiftKinds> delays{};
};

struct FamilyResult {
  const Family* family = nullptr;
  std::vector<Trial> trials;
  double alerts = 0;      // per 30 days
  double error = 0;       // standard error over references
  double unfamiliar = 0;  // share of alerting windows
  double learning_alerts = 0;
  double compared_alerts = 0;  // per 30 days, in the trials that the usual rules were measured on
  std::array<double, kShiftKinds> delays{};
  std::vector<RuleResult> rules;
};

// Budget periods in a trial.
[[nodiscard]] double periods_of(const Family& family, const Trial& trial) {
  return static_cast<double>(trial.live_windows) * static_cast<double>(family.step) /
         (kBudgetDays * 86'400'000.0);
}

class Summary {
 public:
  explicit Summary(FamilyResult& result) : result_(result) {}

  void fill() {
    budget();
    if (result_.trials.front().rules.empty()) return;
    result_.compared_alerts = alerts_ / periods();
    for (std::size_t rule = 0; rule < kRules; ++rule) rival(rule);
  }

 private:
  // Budget periods in the trials that the usual rules were measured on.
  [[nodiscard]] double periods() const {
    double sum = 0;
    for (const Trial& trial : result_.trials)
      sum += trial.rules.empty() ? 0 : periods_of(*result_.family, trial);
    return sum;
  }

  void budget() {
    std::vector<double> rates;
    double alerting = 0;
    double unfamiliar = 0;
    double learning = 0;
    for (const Trial& trial : result_.trials) {
      rates.push_back(trial.alerts / periods_of(*result_.family, trial));
      alerting += trial.alerting_windows;
      unfamiliar += trial.unfamiliar_windows;
      learning += trial.learning_alerts;
      if (!trial.rules.empty()) alerts_ += trial.alerts;
    }
    const auto count = static_cast<double>(rates.size());
    for (const double rate : rates) result_.alerts += rate / count;
    double squares = 0;
    for (const double rate : rates) squares += (rate - result_.alerts) * (rate - result_.alerts);
    result_.error = rates.size() > 1 ? std::sqrt(squares / (count - 1) / count) : kNever;
    result_.unfamiliar = alerting > 0 ? unfamiliar / alerting : 0;
    result_.learning_alerts = learning / count;
    for (int kind = 1; kind < kShiftKinds; ++kind) {
      std::vector<double> delays;
      for (const Trial& trial : result_.trials) {
        for (const ShiftRun& run : trial.runs) {
          if (run.kind != static_cast<ShiftKind>(kind) || run.alerting) continue;
          delays.push_back(run.delay > 0 ? run.delay : kNever);
        }
      }
      result_.delays[static_cast<std::size_t>(kind)] = median(std::move(delays));
    }
  }

  void rival(std::size_t rule) {
    RuleResult& found = result_.rules.emplace_back();
    for (const double limit : rules()[rule].usual) {
      double windows = 0;
      double alerts = 0;
      for (const Trial& trial : result_.trials) {
        for (const RuleValues& window : trial.rules) windows += window[rule] > limit;
        alerts += alerts_of(trial.rules, rule, limit);
      }
      found.usual_windows.push_back(windows / periods());
      found.usual_alerts.push_back(alerts / periods());
    }
    found.tuned = tuned_limit(rule);
    int alerts = 0;
    for (const Trial& trial : result_.trials) alerts += alerts_of(trial.rules, rule, found.tuned);
    found.tuned_alerts = alerts / periods();
    for (int kind = 1; kind < kShiftKinds; ++kind) {
      found.delays[static_cast<std::size_t>(kind)] =
          delay(rule, static_cast<ShiftKind>(kind), found.tuned);
    }
  }

  // The lowest limit, coming from above, with no more alerts than driftd had.
  [[nodiscard]] double tuned_limit(std::size_t rule) const {
    std::vector<double> levels;
    for (const Trial& trial : result_.trials) {
      for (const RuleValues& window : trial.rules) levels.push_back(window[rule]);
    }
    std::ranges::sort(levels, std::greater<>());
    double limit = levels.front();
    for (const double level : levels) {
      int alerts = 0;
      for (const Trial& trial : result_.trials) alerts += alerts_of(trial.rules, rule, level);
      if (alerts > alerts_) break;
      limit = level;
    }
    return limit;
  }

  [[nodiscard]] double delay(std::size_t rule, ShiftKind kind, double limit) const {
    std::vector<double> delays;
    for (const Trial& trial : result_.trials) {
      for (const ShiftRun& run : trial.runs) {
        if (run.kind != kind) continue;
        bool alerting = false;
        for (int t = run.live_window - kQuietWindows; t < run.live_window; ++t) {
          alerting = alerting || trial.rules[static_cast<std::size_t>(t)][rule] > limit;
        }
        if (alerting) continue;
        const auto found = std::ranges::find_if(
            run.rules, [&](const RuleValues& window) { return window[rule] > limit; });
        delays.push_back(
            found == run.rules.end() ? kNever : static_cast<double>(found - run.rules.begin() + 1));
      }
    }
    return median(std::move(delays));
  }

  FamilyResult& result_;
  int alerts_ = 0;  // in the trials of periods()
};

[[nodiscard]] std::vector<FamilyResult> run_all(const Arguments& arguments) {
  std::vector<FamilyResult> results;
  struct Job {
    std::size_t family;
    std::size_t trial;
  };
  std::vector<Job> jobs;
  for (const Family& family : families()) {
    if (!std::string_view(family.name).contains(arguments.only)) continue;
    const int wanted = arguments.seeds > 0 ? arguments.seeds : arguments.quick ? 2 : family.seeds;
    FamilyResult& result = results.emplace_back();
    result.family = &family;
    result.trials.resize(static_cast<std::size_t>(wanted));
    for (std::size_t i = 0; i < result.trials.size(); ++i) jobs.push_back({results.size() - 1, i});
  }
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  std::mutex printing;
  const auto work = [&] {
    for (std::size_t at = next++; at < jobs.size(); at = next++) {
      FamilyResult& result = results[jobs[at].family];
      TrialOptions options = arguments.trial;
      const bool shifts = jobs[at].trial < kTrialsWithShifts;
      options.delays = options.delays && shifts;
      options.rivals = options.rivals && shifts && result.family->rivals;
      result.trials[jobs[at].trial] =
          run_trial(*result.family, arguments.first_seed + jobs[at].trial, options);
      const std::scoped_lock lock(printing);
      fmt::print(stderr, "\r{} of {} trials, {:<40}", ++done, jobs.size(), result.family->name);
    }
  };
  std::vector<std::jthread> threads;
  threads.reserve(arguments.threads);
  for (unsigned i = 0; i < arguments.threads; ++i) threads.emplace_back(work);
  threads.clear();
  std::fputs("\n", stderr);
  for (FamilyResult& result : results) Summary(result).fill();
  return results;
}

[[nodiscard]] std::string hours(double delay) {
  if (std::isnan(delay)) return "";
  return std::isinf(delay) ? "-" : fmt::format("{:.0f}", delay);
}

void print_header(std::string_view first) {
  std::string line = fmt::format("| {} |", first);
  std::string rule = "|---|";
  for (int kind = 1; kind < kShiftKinds; ++kind) {
    line += fmt::format(" {} |", to_string(static_cast<ShiftKind>(kind)));
    rule += "---|";
  }
  const auto columns = static_cast<int>(std::ranges::count(first, '|'));
  for (int i = 0; i < columns; ++i) rule += "---|";
  fmt::print("{}\n{}\n", line, rule);
}

[[nodiscard]] std::string delay_cells(const std::array<double, kShiftKinds>& delays) {
  std::string cells;
  for (std::size_t kind = 1; kind < delays.size(); ++kind) {
    cells += fmt::format(" {} |", hours(delays[kind]));
  }
  return cells;
}

struct Mean {
  double value = 0;
  double error = 0;
};

// A seed gives the levels of all families alike, so its mean over families is one observation.
[[nodiscard]] Mean mean_over_families(const std::vector<const FamilyResult*>& families) {
  Mean mean;
  std::vector<double> by_seed;
  for (std::size_t seed = 0;; ++seed) {
    double sum = 0;
    int count = 0;
    for (const FamilyResult* const family : families) {
      if (seed >= family->trials.size()) continue;
      const Trial& trial = family->trials[seed];
      sum += trial.alerts / periods_of(*family->family, trial);
      ++count;
    }
    if (count == 0) break;
    by_seed.push_back(sum / count);
  }
  for (const FamilyResult* const family : families) {
    mean.value += family->alerts / static_cast<double>(families.size());
  }
  const Moments moments = moments_of(by_seed);
  const auto seeds = static_cast<double>(by_seed.size());
  mean.error = seeds > 1 ? std::sqrt(moments.squares / (seeds - 1) / seeds) : kNever;
  return mean;
}

void print_tables(const std::vector<FamilyResult>& results) {
  print_header("family | seeds | alerts in 30 days | memory said unfamiliar");
  std::vector<const FamilyResult*> counted;
  for (const FamilyResult& result : results) {
    fmt::print("| {} | {} | {:.2f} ± {:.2f} | {:.0f} % |{}\n", result.family->name,
               result.trials.size(), result.alerts, result.error, 100 * result.unfamiliar,
               delay_cells(result.delays));
    if (result.family->in_mean) counted.push_back(&result);
  }
  if (!counted.empty()) {
    const auto [mean, error] = mean_over_families(counted);
    fmt::print("| **mean of {} families** | | **{:.2f} ± {:.2f}** | |\n\n", counted.size(), mean,
               error);
  }
  if (std::ranges::all_of(results, [](const auto& result) { return result.rules.empty(); })) return;
  print_header(
      "family | rule | as usually set: windows alerting, alerts in 30 days | tuned: alerts");
  for (const FamilyResult& result : results) {
    if (result.rules.empty()) continue;
    fmt::print("| **{}** | **driftd** | | **{:.2f}** |{}\n", result.family->name,
               result.compared_alerts, delay_cells(result.delays));
    for (std::size_t rule = 0; rule < result.rules.size(); ++rule) {
      const RuleResult& found = result.rules[rule];
      std::string usual;
      for (std::size_t i = 0; i < found.usual_windows.size(); ++i) {
        usual += fmt::format("{}{:.0f}, {:.1f}", i > 0 ? "; " : "", found.usual_windows[i],
                             found.usual_alerts[i]);
      }
      fmt::print("| | {} | {} | {:.2f} |{}\n", rules()[rule].name, usual, found.tuned_alerts,
                 delay_cells(found.delays));
    }
  }
}

[[nodiscard]] std::string json_number(double value) {
  return std::isfinite(value) ? fmt::format("{:.6g}", value) : "null";
}

// A delay that is not within 120 windows is null; a shift that the family does not have is absent.
[[nodiscard]] std::string json_delays(const std::array<double, kShiftKinds>& delays) {
  std::string text;
  for (std::size_t kind = 1; kind < delays.size(); ++kind) {
    if (std::isnan(delays[kind])) continue;
    text += fmt::format("{}\"{}\": {}", text.empty() ? "" : ", ",
                        to_string(static_cast<ShiftKind>(kind)), json_number(delays[kind]));
  }
  return "{" + text + "}";
}

[[nodiscard]] std::string json_list(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    text += (text.empty() ? "" : ", ") + json_number(value);
  }
  return "[" + text + "]";
}

void write_json(const std::vector<FamilyResult>& results, const Arguments& arguments) {
  std::FILE* const file = std::fopen(arguments.json.c_str(), "w");
  if (file == nullptr) {
    fmt::print(stderr, "cannot write {}\n", arguments.json);
    std::exit(1);
  }
  fmt::print(file, "{{\"first_seed\": {}, \"families\": [", arguments.first_seed);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const FamilyResult& result = results[i];
    std::vector<double> counts;
    counts.reserve(result.trials.size());
    for (const Trial& trial : result.trials) counts.push_back(trial.alerts);
    fmt::print(file,
               "{}\n{{\"name\": \"{}\", \"in_mean\": {}, \"alerts\": {}, \"error\": {}, "
               "\"unfamiliar\": {}, \"learning_alerts\": {}, \"alerts_by_seed\": {}, \"delays\": "
               "{}, \"rules\": [",
               i > 0 ? "," : "", result.family->name, result.family->in_mean,
               json_number(result.alerts), json_number(result.error),
               json_number(result.unfamiliar), json_number(result.learning_alerts),
               json_list(counts), json_delays(result.delays));
    for (std::size_t rule = 0; rule < result.rules.size(); ++rule) {
      const RuleResult& found = result.rules[rule];
      fmt::print(file,
                 "{}\n  {{\"name\": \"{}\", \"usual_windows\": {}, \"usual_alerts\": {}, "
                 "\"tuned_alerts\": {}, \"delays\": {}}}",
                 rule > 0 ? "," : "", rules()[rule].name, json_list(found.usual_windows),
                 json_list(found.usual_alerts), json_number(found.tuned_alerts),
                 json_delays(found.delays));
    }
    fmt::print(file, "]}}");
  }
  fmt::print(file, "\n]}}\n");
  std::fclose(file);
}

int run(int count, char** values) {
  const Arguments arguments = parse(count, values);
  const std::vector<FamilyResult> results = run_all(arguments);
  if (results.empty()) usage();
  print_tables(results);
  if (!arguments.json.empty()) write_json(results, arguments);
  return 0;
}

}  // namespace
}  // namespace driftd

int main(int count, char** values) { return driftd::run(count, values); }
