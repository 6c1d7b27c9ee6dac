// The windows that have closed and may still be amended: their place, their revision, and their
// summaries.
//
// What every closed window needs all the time (index, revision, counts) is in memory; the summaries
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

struct ClosedWindow {
  std::int64_t index = 0;
  std::int32_t revision = 0;
  TimeMs start = 0;
  TimeMs end = 0;
  std::uint64_t predictions = 0;
  std::uint64_t labelled = 0;
  std::uint64_t published_labelled = 0;  // in the last revision that was published
  TimeMs published_at = 0;               // wall clock
  bool features_pending = false;         // changed since the last published revision
  bool performance_pending = false;
  bool matured = false;  // the label horizon has passed

  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, ClosedWindow& out);
};

class WindowArchive {
 public:
  // How many forgotten windows are remembered; beyond it the first by monitor and time go.
  static constexpr std::size_t kMaxForgotten = 1'000'000;

  using Loader = std::function<Result<WindowSummaries>(const PaneKey&)>;

  // Without a loader the summaries stay in memory.
  explicit WindowArchive(Loader loader = nullptr) : loader_(std::move(loader)) {}

  [[nodiscard]] ClosedWindow* find(const PaneKey& key);
  // Adds a window, or replaces one's summaries; it counts as changed.
  void put(const PaneKey& key, const ClosedWindow& window, WindowSummaries summaries);
  void mark_changed(const PaneKey& key);
  [[nodiscard]] Result<WindowSummaries> summaries(const PaneKey& key);
  // Drops the summaries of a window that can no longer be amended. That it was closed is
  // remembered, so that an event of it that comes even later is told apart from the first of a new
  // window.
  void forget(const PaneKey& key);
  [[nodiscard]] bool is_forgotten(const PaneKey& key) const { return forgotten_.contains(key); }
  // A window as it was stored, at start.
  void restore(const PaneKey& key, const ClosedWindow& window);
  void restore_forgotten(const PaneKey& key) { forgotten_.insert(key); }

  struct Record {
    ClosedWindow window;
    std::optional<WindowSummaries> summaries;  // empty: in the store
    bool changed = false;
    bool summaries_changed = false;
  };
  [[nodiscard]] std::map<PaneKey, Record>& records() { return records_; }

  // For a checkpoint: what changed, what was forgotten, and what is not remembered any more, since
  // `committed`.
  [[nodiscard]] const std::vector<PaneKey>& changed() const { return changed_; }
  [[nodiscard]] const std::vector<PaneKey>& newly_forgotten() const { return newly_forgotten_; }
  [[nodiscard]] const std::vector<PaneKey>& erased() const { return erased_; }
  // All of that is in the store now.
  void committed();

 private:
  Loader loader_;
  std::map<PaneKey, Record> records_;
  std::set<PaneKey> forgotten_;
  std::vector<PaneKey> changed_;
  std::vector<PaneKey> newly_forgotten_;
  std::vector<PaneKey> erased_;
};

}  // namespace driftd
