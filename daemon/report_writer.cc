#include "daemon/report_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "sinks/report_json.h"

namespace driftd {

File open_report(const std::string& path) {
  File out(std::fopen(path.c_str(), "wb"));
  if (!out) {
    fmt::print(stderr,
               "driftd: {} cannot be written: check that its folder exists and may be written\n",
               path);
  }
  return out;
}

ReportWriter::ReportWriter(std::FILE* out)
    : out_(out), shows_progress_(isatty(STDERR_FILENO) != 0) {}

void ReportWriter::report(const Report& report) {
  write(report);
  const auto* finding = std::get_if<Finding>(&report);
  // By window, as its newest revision has it.
  if (finding != nullptr && (finding->level == Level::drift || finding->window.revision > 0)) {
    auto& windows = drifts_[finding->series + " (" + finding->detector + ")"];
    const std::pair window(finding->monitor, finding->window.index);
    if (finding->level == Level::drift) {
      windows.insert(window);
    } else {
      windows.erase(window);
    }
  }
  if (const auto* transition = std::get_if<Transition>(&report))
    transitions_.push_back(*transition);
}

void ReportWriter::progress(std::uint64_t predictions, std::uint64_t labels) {
  if (!shows_progress_ || predictions + labels < next_shown_) return;
  next_shown_ = predictions + labels + 100'000;
  fmt::print(stderr, "\r{} predictions, {} labels", predictions, labels);
  std::fflush(stderr);
}

template <typename Line>
void ReportWriter::write_line(const Line& line) {
  if (out_ == nullptr) return;
  text_.clear();
  append_json(text_, line);
  text_ += '\n';
  failed_ |= std::fwrite(text_.data(), 1, text_.size(), out_) != text_.size();
}

void ReportWriter::write(const Report& report) { write_line(report); }
void ReportWriter::write(const ReplaySummary& summary) { write_line(summary); }

bool ReportWriter::failed() const {
  const bool failed = failed_ || (out_ != nullptr && std::fflush(out_) != 0);
  if (failed) {
    fmt::print(stderr, "driftd: the report could not be written completely: is the disk full?\n");
  }
  return failed;
}

void ReportWriter::clear_progress() const {
  if (shows_progress_ && next_shown_ > 0) fmt::print(stderr, "\r\x1b[K");
}

void ReportWriter::say(std::FILE* to, const ReplaySummary& summary) const {
  say_counts(to, summary);
  for (const auto& [series, windows] : drifts_) {
    if (windows.empty()) continue;
    fmt::print(to, "  drift: {} in {} window{}\n", series, windows.size(),
               windows.size() == 1 ? "" : "s");
  }
  for (const Transition& t : transitions_) {
    fmt::print(to, "  {} {}: {} -> {}{}{}\n", t.monitor.model, t.monitor.version, to_string(t.from),
               to_string(t.to), t.reasons.empty() ? "" : " because of ",
               fmt::join(t.reasons, ", "));
  }
  fmt::print(to, "{} alert{} would have been sent\n", summary.alerts,
             summary.alerts == 1 ? "" : "s");
}

void say_counts(std::FILE* to, const ReplaySummary& summary) {
  fmt::print(to, "{} predictions and {} labels ({} joined) in {:.2f} s, {} windows closed\n",
             summary.predictions, summary.labels, summary.joined, summary.seconds, summary.windows);
  for (const auto& [reason, count] : summary.discarded)
    fmt::print(to, "  discarded: {} {}\n", count, reason);
}

void say_if_empty(const ReplaySummary& summary, const std::string& predictions) {
  if (summary.predictions > 0) return;
  fmt::print(stderr,
             "driftd: no prediction was accepted from {}: each line must be one JSON object of a "
             "configured model; what was discarded is counted by reason\n",
             predictions);
}

}  // namespace driftd
