#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "config/load.h"
#include "daemon/commands.h"
#include "daemon/exit_codes.h"
#include "daemon/replay.h"
#include "sinks/report_json.h"

namespace driftd {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const {
    if (file != stdout) std::fclose(file);
  }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

// Writes report lines, keeps what the closing words need, and shows progress where somebody is
// watching.
class ReportWriter final : public ReplayObserver {
 public:
  explicit ReportWriter(std::FILE* out) : out_(out), shows_progress_(isatty(STDERR_FILENO) != 0) {}

  void report(const Report& report) override {
    write(report);
    if (const auto* finding = std::get_if<Finding>(&report);
        finding != nullptr && finding->level == Level::drift) {
      ++drifts_[finding->series + " (" + finding->detector + ")"];
    }
    if (const auto* transition = std::get_if<Transition>(&report))
      transitions_.push_back(*transition);
  }

  void progress(std::uint64_t predictions, std::uint64_t labels) override {
    if (!shows_progress_ || predictions + labels < next_shown_) return;
    next_shown_ = predictions + labels + 100'000;
    fmt::print(stderr, "\r{} predictions, {} labels", predictions, labels);
    std::fflush(stderr);
  }

  template <typename Line>
  void write(const Line& line) {
    text_.clear();
    append_json(text_, line);
    text_ += '\n';
    failed_ |= std::fwrite(text_.data(), 1, text_.size(), out_) != text_.size();
  }

  [[nodiscard]] bool failed() const { return failed_ || std::fflush(out_) != 0; }
  void clear_progress() const {
    if (shows_progress_ && next_shown_ > 0) fmt::print(stderr, "\r\x1b[K");
  }

  // For people, beside the report lines.
  void say(std::FILE* to, const ReplaySummary& summary) const {
    fmt::print(to, "{} predictions and {} labels ({} joined) in {:.2f} s, {} windows closed\n",
               summary.predictions, summary.labels, summary.joined, summary.seconds,
               summary.windows);
    for (const auto& [reason, count] : summary.discarded)
      fmt::print(to, "  discarded: {} {}\n", count, reason);
    for (const auto& [series, windows] : drifts_) {
      fmt::print(to, "  drift: {} in {} window{}\n", series, windows, windows == 1 ? "" : "s");
    }
    for (const Transition& t : transitions_) {
      fmt::print(to, "  {} {}: {} -> {}{}{}\n", t.monitor.model, t.monitor.version,
                 to_string(t.from), to_string(t.to), t.reasons.empty() ? "" : " because of ",
                 fmt::join(t.reasons, ", "));
    }
    fmt::print(to, "{} alert{} would have been sent\n", summary.alerts,
               summary.alerts == 1 ? "" : "s");
  }

 private:
  std::FILE* out_;
  bool shows_progress_;
  bool failed_ = false;
  std::uint64_t next_shown_ = 0;
  std::string text_;
  std::map<std::string, std::uint64_t> drifts_;
  std::vector<Transition> transitions_;
};

}  // namespace

int command_replay(const ReplayCommandOptions& options) {
  const auto config = load_config(options.config, {options.overrides, true});
  if (!config) {
    fmt::print(stderr, "{}", to_text(config.error()));
    return kExitConfig;
  }
  const File out(options.out.empty() ? stdout : std::fopen(options.out.c_str(), "wb"));
  if (!out) {
    fmt::print(stderr,
               "driftd: {} cannot be written: check that its folder exists and may be written\n",
               options.out);
    return kExitIo;
  }
  ReportWriter writer(out.get());
  const Result<ReplaySummary> summary =
      replay(*config, {options.predictions, options.labels, options.speed}, writer);
  writer.clear_progress();
  if (!summary) {
    fmt::print(stderr, "driftd: {}\n", summary.error().message);
    return exit_code_of(summary.error().code);
  }
  writer.write(*summary);
  if (summary->predictions == 0) {
    fmt::print(stderr,
               "driftd: no prediction was accepted from {}: each line must be one JSON object of a "
               "configured model; what was discarded is counted by reason\n",
               options.predictions);
  }
  writer.say(options.out.empty() ? stderr : stdout, *summary);
  if (writer.failed()) {
    fmt::print(stderr, "driftd: the report could not be written completely: is the disk full?\n");
    return kExitIo;
  }
  return kExitOk;
}

}  // namespace driftd
