// What closed panes hold, and the windows that they add up to: each window's place, its revision,
// and whether it has been published or still waits for its last pane.
//
// What a window needs all the time (index, revision, counts) is in memory; the panes' summaries
// are kept as bytes, in memory for a replay and in the state store for a daemon, from which a
// loader brings them back one at a time. Thread rule: one owner (the coordinator's thread).
// Allocation rule: may allocate. Failure rule: a summary that cannot be loaded or is damaged is an
// Error; it never becomes numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "windows/pane.h"

namespace driftd {

struct WindowSummaries {
  std::string features;
  std::string performance;
};

struct WindowRecord {
  std::int64_t index = 0;  // among its monitor's closed windows; once closed
  std::int32_t revision = 0;
  TimeMs start = 0;
  TimeMs end = 0;
  std::uint64_t predictions = 0;
  std::uint64_t labelled = 0;
  ClassDelays label_delays = {};         // of those labels, by their class
  std::uint64_t published_labelled = 0;  // in the last revision that was published
  TimeMs published_at = 0;               // wall clock
  TimeMs published_time = 0;             // event time
  bool is_closed = false;                // revision 0 has been published
  bool features_pending = false;         // changed since the last published revision
  bool performance_pending = false;
  bool verdict_pending = false;  // judged anew because of another window
  bool matured = false;          // the label horizon has passed
  // As they were when the last revision was published; see detectors/label_maturity.h. By slot; NaN
  // where nothing is known.
  std::vector<double> class_coverage = {};
  bool is_biased = false;         // a class is not mature
  bool is_biased_by_age = false;  // by the time that its labels take alone: waiting may cure it

  // One that only duplicates have come to is no window yet: it is not closed, and goes by itself
  // when the horizon has passed.
  [[nodiscard]] bool has_begun() const { return predictions > 0; }
  [[nodiscard]] bool is_pending() const {
    return features_pending || performance_pending || verdict_pending;
  }
  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, WindowRecord& out);
};

class WindowArchive {
 public:
  // How many forgotten windows are remembered; beyond it the first by monitor and time go.
  static constexpr std::size_t kMaxForgotten = 1'000'000;

  using Loader = std::function<Result<WindowSummaries>(const PaneKey&)>;

  // Without a loader the summaries stay in memory.
  explicit WindowArchive(Loader loader = nullptr) : loader_(std::move(loader)) {}

  // --- Panes, by their own keys

  [[nodiscard]] bool has_pane(const PaneKey& key) const { return panes_.contains(key); }
  // Adds a pane, or replaces one's summaries.
  void put_pane(const PaneKey& key, WindowSummaries summaries);
  // Of a pane that is there.
  [[nodiscard]] Result<WindowSummaries> summaries(const PaneKey& key);
  void erase_pane(const PaneKey& key);

  // --- Windows, by the keys of the panes that they begin with

  [[nodiscard]] WindowRecord* find(const PaneKey& key);
  // The window of that key, which is made where it is not there; it counts as changed.
  [[nodiscard]] WindowRecord& change(const PaneKey& key);
  // Drops a window that can no longer be amended. That it was closed is remembered, so that an
  // event of it that comes even later is told apart from the first of a new window.
  void forget(const PaneKey& key);
  [[nodiscard]] bool is_forgotten(const PaneKey& key) const { return forgotten_.contains(key); }
  [[nodiscard]] const std::map<PaneKey, WindowRecord>& windows() const { return windows_; }
  // Those that are not closed yet.
  [[nodiscard]] const std::set<PaneKey>& open() const { return open_; }
  void close(const PaneKey& key);

  // As they were stored, at a start.
  void restore(const PaneKey& key, const WindowRecord& window);
  void restore_pane(const PaneKey& key) { panes_[key] = std::nullopt; }
  void restore_forgotten(const PaneKey& key) { forgotten_.insert(key); }

  // --- For a checkpoint: what happened since `committed`

  struct Changes {
    std::set<PaneKey> windows;
    std::set<PaneKey> forgotten;
    std::set<PaneKey> no_longer_remembered;
    std::set<PaneKey> panes;
    std::set<PaneKey> erased_panes;
  };
  [[nodiscard]] const Changes& changes() const { return changes_; }
  // Of a pane among the changes.
  [[nodiscard]] const WindowSummaries& changed_summaries(const PaneKey& key) const {
    return *panes_.at(key);
  }
  // All of that is in the store now.
  void committed();

 private:
  Loader loader_;
  std::map<PaneKey, std::optional<WindowSummaries>> panes_;  // empty: in the store
  std::map<PaneKey, WindowRecord> windows_;
  std::set<PaneKey> open_;
  std::set<PaneKey> forgotten_;
  Changes changes_;
};

}  // namespace driftd
