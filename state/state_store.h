// The daemon's memory across restarts: one SQLite database, written in one transaction per
// checkpoint.
//
// A checkpoint holds open panes, closed windows, join rows, monitors, names, the outbox and the
// next offset of every partition together, so that after a crash the numbers and the positions
// always fit each other. The tables and the bytes in them are described in docs/formats/state.md.
// Thread rule: `write` and `load` by the coordinator. Allocation rule: may allocate. Failure rule:
// a failed `write` leaves the database as it was and may be repeated.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "state/stored.h"

namespace driftd {

class SqliteConnection;

inline constexpr int kStateFormatVersion = 5;

// All of a state but its panes and windows, by whatever connection.
[[nodiscard]] Result<StoredState> load_state_outline(SqliteConnection& db);

class StateStore {
 public:
  // Opens or makes `state_dir`, takes its lock (a second daemon is refused) and checks the format's
  // version.
  [[nodiscard]] static Result<std::unique_ptr<StateStore>> open(const std::string& state_dir);
  ~StateStore();
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;

  [[nodiscard]] Result<StoredState> load();
  [[nodiscard]] Result<> write(const Checkpoint& checkpoint);
  // Keeps a copy of the database, and the join's files of these models, in a new folder below
  // `folder()`/set-aside, and forgets all that is stored of these models but the offsets. Returns
  // that folder. Before anything else has been read of the state.
  [[nodiscard]] Result<std::string> set_aside(std::span<const std::string> models,
                                              std::string_view name);
  [[nodiscard]] Result<StoredSummaries> load_summaries(const WindowId& window);
  [[nodiscard]] Result<std::map<std::string, std::uint64_t>> outbox_sizes();

  // A text that belongs to this state directory and never changes: made at the first start
  // (group.instance.id).
  [[nodiscard]] const std::string& instance_id() const { return instance_id_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  struct Database;
  StateStore() = default;
  // Makes an empty database under another name and puts it in its place when it is whole, so that
  // a process that is killed meanwhile leaves nothing that looks damaged.
  [[nodiscard]] static Result<> make_database(const std::string& state_dir,
                                              const std::string& path);
  std::unique_ptr<Database> database_;
  std::string folder_;
  std::string path_;
  std::string instance_id_;
  int lock_ = -1;
};

}  // namespace driftd
