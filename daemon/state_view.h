// What the three commands of `driftd state` have in common: the files of a join in a state that may
// be in use, the names behind its codes, and a line of progress.
//
// Thread rule: one thread. Allocation rule: may allocate. Failure rule: as each says.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "core/clock.h"
#include "health/health.h"
#include "state/fingerprint.h"
#include "state/join_scan.h"
#include "state/state_reader.h"
#include "state/window_archive.h"

namespace driftd {

// The commands themselves; each returns an exit code.
[[nodiscard]] int show_state(const std::string& folder, bool json);
[[nodiscard]] int check_state(const std::string& folder);
[[nodiscard]] int export_state(const std::string& folder);

// Says on standard error what is wrong, and gives the exit code for it.
[[nodiscard]] int fail_with(const Error& error);

// All files of a join. One that a driftd has removed since is no problem: the newest checkpoint
// does not name it any more. False where `to` ended it.
bool scan_join(const StateReader& reader, const StoredJoin& join, const JoinScan& to);

// What a code of the database stands for.
class StoredNames {
 public:
  explicit StoredNames(const StoredState& state);
  [[nodiscard]] std::string version(const std::string& model, std::uint32_t code) const {
    return find(model, "version", code);
  }
  [[nodiscard]] std::string class_name(const std::string& model, std::uint32_t code) const {
    return find(model, "class", code);
  }

 private:
  [[nodiscard]] std::string find(const std::string& model, const char* kind,
                                 std::uint32_t code) const;
  std::map<std::tuple<std::string, std::string, std::uint32_t>, std::string> names_;
};

// By model, those that can be taken apart.
[[nodiscard]] std::map<std::string, Fingerprint> fingerprints_of(const StoredState& state);

[[nodiscard]] std::optional<MonitorHealth> read_health(const StoredMonitor& monitor);

// Of a window that is not final.
[[nodiscard]] std::optional<WindowRecord> read_record(const StoredWindow& window);

// An integer, or null where there is no time.
[[nodiscard]] inline std::optional<TimeMs> time_or_none(TimeMs time) {
  return time == kNoTime || time == kEndOfTime ? std::nullopt : std::optional(time);
}

// On a terminal, one line on standard error that says how far it is; nothing elsewhere.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void at(std::string_view what, std::uint64_t bytes, std::uint64_t all);
  // Before anything else is printed.
  void clear();

 private:
  SystemClock clock_;
  bool is_shown_ = false;
  bool has_line_ = false;
  TimeMs next_ = 0;  // by the steady clock
};

// 1.5 MB
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace driftd
