// `driftd state check`: every checksum, and whether what it covers can be read.
#include <fmt/format.h>

#include <cstdio>

#include "core/byte_stream.h"
#include "daemon/exit_codes.h"
#include "daemon/state_view.h"
#include "state/join_file.h"
#include "state/window_archive.h"

namespace driftd {
namespace {

class StateCheck {
 public:
  explicit StateCheck(std::string folder) : folder_(std::move(folder)) {}

  [[nodiscard]] int run() {
    const Result<bool> in_use = is_state_in_use(folder_);
    if (!in_use) return fail_with(in_use.error());
    fmt::print("{}{}\n", folder_, *in_use ? ", in use by a driftd" : "");
    const auto reader = check_database(*in_use);
    if (reader) {
      check_tables(**reader);
      progress_.clear();
      if (auto good = (*reader)->check_untouched(); !good) return fail_with(good.error());
    }
    progress_.clear();
    if (problems_ == 0) {
      fmt::print("everything is whole\n");
    } else {
      fmt::print("{} problem{}\n", problems_, problems_ == 1 ? "" : "s");
    }
    return code_;
  }

 private:
  void good(const std::string& what) {
    progress_.clear();
    fmt::print("  ok      {}\n", what);
  }
  void bad(const std::string& what, int code = kExitIo) {
    progress_.clear();
    fmt::print("  FAILED  {}\n", what);
    ++problems_;
    if (code_ == kExitOk) code_ = code;
  }
  void bad(const Error& error) { bad(error.message, exit_code_of(error.code)); }

  // The database's file and log; a reader where there is any point in reading on.
  [[nodiscard]] std::optional<std::unique_ptr<StateReader>> check_database(bool in_use) {
    const std::string path = folder_ + "/state.db";
    const auto check = verify_state_database(
        folder_, in_use,
        [&](std::uint64_t done, std::uint64_t all) { progress_.at("state.db", done, all); });
    if (!check) {
      bad(check.error());
      return std::nullopt;
    }
    for (const PageRange& range : check->damaged)
      bad(damage_error(path, describe_pages(range.first, range.last)));
    if (!check->problem.empty()) {
      bad(damage_error(path, check->problem));
      fmt::print("          what is in the database and the label join cannot be checked\n");
      return std::nullopt;
    }
    if (check->is_whole())
      good(fmt::format("the state database: {} page{}, and its log", check->pages,
                       check->pages == 1 ? "" : "s"));
    auto reader = StateReader::open(folder_);
    if (reader) return std::move(*reader);
    bad(reader.error());
    return std::nullopt;
  }

  void check_tables(StateReader& reader) {
    const auto outline = reader.load_outline();
    if (!outline) {
      bad(fmt::format("the tables that name the label join's files cannot be read: {}",
                      outline.error().message),
          exit_code_of(outline.error().code));
      return;
    }
    const StoredNames names(*outline);
    const auto models = fingerprints_of(*outline);
    path_ = reader.path();
    for (const StoredFingerprint& stored : outline->fingerprints) {
      if (!models.contains(stored.model))
        unreadable(fmt::format("the fingerprint of model {}", stored.model));
    }
    for (const StoredMonitor& monitor : outline->monitors) {
      if (!read_health(monitor)) {
        unreadable(fmt::format("the health of model {}, version {}", monitor.model,
                               names.version(monitor.model, monitor.version)));
      }
    }
    check_windows(reader, names, models);
    reader.end_reading_tables();
    for (const StoredJoin& join : outline->joins) check_join(reader, join);
  }

  void check_windows(StateReader& reader, const StoredNames& names,
                     const std::map<std::string, Fingerprint>& models) {
    const int before = problems_;
    std::uint64_t panes = 0;
    std::uint64_t windows = 0;
    std::uint64_t outbox = 0;
    table("open_panes", reader.each_open_pane([&](const StoredOpenPane& pane) -> Result<> {
      ++panes;
      check_summaries("open pane", pane.window, pane.summaries, names, models);
      return {};
    }));
    table("panes", reader.each_pane([&](const StoredPane& pane) -> Result<> {
      ++panes;
      check_summaries("complete pane", pane.pane, pane.summaries, names, models);
      return {};
    }));
    table("windows", reader.each_window([&](const StoredWindow& window) -> Result<> {
      ++windows;
      if (!window.record.empty() && !read_record(window))
        unreadable(place("window", window.window, names));
      return {};
    }));
    table("outbox", reader.each_outbox_entry([&](const StoredOutboxEntry&) -> Result<> {
      ++outbox;
      return {};
    }));
    if (problems_ == before) {
      good(fmt::format("its tables: {} panes, {} windows, {} outbox entries", panes, windows,
                       outbox));
    }
  }

  void table(const char* name, const Result<>& read) {
    if (read) return;
    bad(fmt::format("the table {} cannot be read to its end: {}", name, read.error().message),
        exit_code_of(read.error().code));
  }
  void unreadable(const std::string& what) {
    bad(damage_error(path_, what + " is not what driftd writes"));
  }
  [[nodiscard]] static std::string place(const char* kind, const WindowId& window,
                                         const StoredNames& names) {
    return fmt::format("the {} {} of model {}, version {},", kind, window.pane, window.model,
                       names.version(window.model, window.version));
  }
  void check_summaries(const char* kind, const WindowId& window, const StoredSummaries& summaries,
                       const StoredNames& names, const std::map<std::string, Fingerprint>& models) {
    const auto model = models.find(window.model);
    const bool is_good = model == models.end()
                             ? counts_of_features(summaries.features).has_value()
                             : are_features(summaries.features, model->second) &&
                                   is_performance(summaries.performance, model->second);
    if (!is_good) unreadable(place(kind, window, names));
  }

  void check_join(const StateReader& reader, const StoredJoin& join) {
    const int before = problems_;
    std::uint64_t rows = 0;
    std::uint64_t read = 0;
    std::uint64_t all = 0;
    for (const JoinSegment& segment : join.segments)
      all += segment.rows * (sizeof(LabelJoin::Row) + kJoinChecksumBytes);
    JoinScan scan;
    scan.row = [&](const JoinRow&) {
      ++rows;
      return true;
    };
    scan.problem = [&](const Error& problem) {
      bad(problem);
      return true;
    };
    scan.read = [&](std::uint64_t bytes) {
      read += bytes;
      progress_.at("label join of " + join.model, read, std::max(read, all));
    };
    scan_join(reader, join, scan);
    if (problems_ == before) {
      good(fmt::format("the label join of {}: {} rows in {} file{}", join.model, rows,
                       join.segments.size(), join.segments.size() == 1 ? "" : "s"));
    }
  }

  const std::string folder_;
  std::string path_;
  ProgressLine progress_;
  int problems_ = 0;
  int code_ = kExitOk;
};

}  // namespace

int check_state(const std::string& folder) { return StateCheck(folder).run(); }

}  // namespace driftd
