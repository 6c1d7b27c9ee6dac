// What a checkpoint consists of, in names and bytes: no indexes of one process's run.
//
// Versions are stored by their code in the names table of the model, models by name, so that the
// order of models in the configuration may change between two runs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "windows/join_rows.h"

namespace driftd {

struct StoredPartition {
  std::string source;
  std::string topic;
  std::int32_t partition = 0;
  int kind = 0;  // a MessageKind
  std::int64_t next_offset = 0;
  TimeMs max_event_time = kNoTime;
  std::int64_t last_offset = -1;  // of the last message consumed; -1: none
  std::uint64_t last_fingerprint = 0;
};

struct StoredName {
  std::string model;
  std::string kind;  // "version" or "class"
  std::uint32_t code = 0;
  std::string text;
};

struct WindowId {
  std::string model;
  std::uint32_t version = 0;
  std::int64_t pane = 0;
};

struct StoredSummaries {
  std::string features;
  std::string performance;
};

struct StoredOpenPane {
  unsigned lane = 0;
  WindowId window;
  StoredSummaries summaries;
};

// A window that has or had a complete pane.
struct StoredWindow {
  WindowId window;
  std::string record;  // WindowRecord
};

// A complete pane of a window that may still be amended.
struct StoredPane {
  WindowId pane;
  StoredSummaries summaries;
};

struct StoredMonitor {
  std::string model;
  std::uint32_t version = 0;
  std::int64_t windows = 0;      // closed so far
  std::int64_t predictions = 0;  // windows by count: predictions so far
  std::string health;
};

// How many rows of each file of a model's label join count; see state/join_log.h.
struct StoredJoin {
  std::string model;
  std::vector<JoinSegment> segments;
  TimeMs predictions_until = kNoTime;  // LabelJoin::Expired
  TimeMs until = kNoTime;
};

struct StoredOutboxEntry {
  std::int64_t sequence = 0;  // given by the store
  std::string sink;
  std::string id;
  std::string payload;
  TimeMs created = 0;
};

// What decides whether stored state fits a model: anything else may change between two runs.
struct StoredFingerprint {
  std::string model;
  std::string fingerprint;
};

// Everything that one checkpoint changes.
struct Checkpoint {
  std::vector<StoredPartition> partitions;
  std::vector<StoredName> names;  // new ones
  bool replaces_open_panes =
      false;  // the first one after a start: lanes may be fewer or more than before
  std::vector<StoredOpenPane> open_panes;                        // changed ones
  std::vector<std::pair<unsigned, WindowId>> closed_open_panes;  // no longer open in that lane
  std::vector<StoredWindow> windows;
  std::vector<WindowId> forgotten_windows;
  std::vector<WindowId> erased_windows;
  std::vector<StoredPane> panes;
  std::vector<WindowId> erased_panes;
  std::vector<StoredMonitor> monitors;
  std::vector<StoredJoin> joins;  // whole, of the models whose join changed
  std::vector<StoredOutboxEntry> outbox;
  std::map<std::string, std::int64_t> delivered;  // sink -> last sequence that it has delivered
  std::vector<StoredFingerprint> fingerprints;    // at the first checkpoint
};

// Everything, at a start.
struct StoredState {
  std::vector<StoredPartition> partitions;
  std::vector<StoredName> names;
  std::vector<StoredOpenPane> open_panes;
  std::vector<StoredWindow> windows;
  std::vector<WindowId> forgotten_windows;
  std::vector<WindowId> panes;  // complete ones; their summaries are loaded one at a time
  std::vector<StoredMonitor> monitors;
  std::vector<StoredJoin> joins;
  std::vector<StoredFingerprint> fingerprints;
};

}  // namespace driftd
