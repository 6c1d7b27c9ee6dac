// A state directory for those who only look: nothing in it is made, changed or locked, and a driftd
// that runs on it is not disturbed.
//
// Where one runs, its database is read as by any reader of SQLite, in one transaction, so that all
// answers are of one checkpoint. Where none does, no file is touched, not even the log that a crash
// left. Thread rule: one thread. Allocation rule: the tables that grow with traffic are handed on a
// row at a time. Failure rule: `unavailable` where there is nothing to read; `corrupted` where a
// page or the log is damaged: what was handed on before it is good.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "state/database_check.h"
#include "state/stored.h"

namespace driftd {

// Whether a driftd holds the lock of the directory; an Error where there is no state in it, or none
// that may be read. A driftd that starts at this very moment waits for the answer.
[[nodiscard]] Result<bool> is_state_in_use(const std::string& state_dir);

// `verify_database_file`, also while a driftd writes: what looks damaged then may have been half
// written, and is damaged only if it still is when it is looked at again.
[[nodiscard]] Result<DatabaseFileCheck> verify_state_database(const std::string& state_dir,
                                                              bool in_use,
                                                              const CheckProgress& progress = {});

class StateReader {
 public:
  [[nodiscard]] static Result<std::unique_ptr<StateReader>> open(const std::string& state_dir);
  ~StateReader();
  StateReader(const StateReader&) = delete;
  StateReader& operator=(const StateReader&) = delete;

  [[nodiscard]] bool in_use() const { return in_use_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& format() const { return format_; }
  [[nodiscard]] const std::string& instance_id() const { return instance_id_; }

  // Everything but panes, windows and the outbox.
  [[nodiscard]] Result<StoredState> load_outline();

  // Each in the order of its key, until `take` is an Error, which is then the result. A window that
  // is final has no record.
  template <typename Row>
  using Take = std::function<Result<>(const Row&)>;
  [[nodiscard]] Result<> each_open_pane(const Take<StoredOpenPane>& take);
  [[nodiscard]] Result<> each_window(const Take<StoredWindow>& take);
  [[nodiscard]] Result<> each_pane(const Take<StoredPane>& take);
  [[nodiscard]] Result<> each_outbox_entry(const Take<StoredOutboxEntry>& take);

  // To be called when the tables have been read, before the files of a join are, as that may take
  // long: as long as somebody reads, the log of a driftd that runs cannot begin anew, and grows.
  void end_reading_tables();

  // Whether the newest checkpoint still names a file of a join. A driftd that runs removes files
  // that an older one names.
  [[nodiscard]] Result<bool> names_segment(const std::string& model, RowNumber first) const;

  // To be asked at the end: an Error where a driftd was started meanwhile and wrote to what was
  // read as if nobody did.
  [[nodiscard]] Result<> check_untouched() const;

 private:
  struct Database;
  struct FileStamp;
  StateReader();
  [[nodiscard]] Result<> begin();

  std::unique_ptr<Database> database_;
  std::unique_ptr<FileStamp> stamp_;
  std::string folder_;
  std::string path_;
  std::string format_;
  std::string instance_id_;
  bool in_use_ = false;
};

}  // namespace driftd
