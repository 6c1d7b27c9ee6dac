// What a replay says while it runs: its report lines into a file, progress where somebody is
// watching, and the closing words.
//
// Thread rule: one thread. Allocation rule: one buffer, reused. Failure rule: a file that cannot be
// opened is null; lines that could not be written are told by `failed`.
#pragma once

#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/report.h"
#include "daemon/replay.h"

namespace driftd {

struct FileCloser {
  void operator()(std::FILE* file) const {
    if (file != stdout) std::fclose(file);
  }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

// Opens a report file; where it cannot be, says so on standard error.
[[nodiscard]] File open_report(const std::string& path);

class ReportWriter : public ReplayObserver {
 public:
  // Null: the lines go nowhere.
  explicit ReportWriter(std::FILE* out);

  void report(const Report& report) override;
  void progress(std::uint64_t predictions, std::uint64_t labels) override;

  void write(const Report& report);
  void write(const ReplaySummary& summary);
  // Says on standard error that lines could not be written.
  [[nodiscard]] bool failed() const;
  void clear_progress() const;

  // For people, beside the report lines.
  void say(std::FILE* to, const ReplaySummary& summary) const;

 private:
  template <typename Line>
  void write_line(const Line& line);

  std::FILE* out_;
  bool shows_progress_;
  bool failed_ = false;
  std::uint64_t next_shown_ = 0;
  std::string text_;
  std::map<std::string, std::set<std::pair<MonitorName, std::int64_t>>> drifts_;
  std::vector<Transition> transitions_;
};

// How many events came and how many were discarded.
void say_counts(std::FILE* to, const ReplaySummary& summary);
// Where no prediction was accepted, that and what to look at.
void say_if_empty(const ReplaySummary& summary, const std::string& predictions);

}  // namespace driftd
