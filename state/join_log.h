// The rows of a label join in files: one file a segment, append-only, each row with a checksum.
//
// Rows since the last durable checkpoint are in memory too; `write` puts them into the files while
// the lanes are parked, `sync` makes them durable while the lanes run, and the state database then
// stores how many rows of each file count, in the transaction that stores the offsets. What a file
// holds beyond that number is of a checkpoint that never was, and is cut off at the next start; so
// rows and offsets always fit each other. See docs/formats/state.md for the bytes.
// Thread rule: all under the label join's mutex or with the lanes parked, but `sync`, which runs
// while lanes append. Allocation rule: none per row
// once the memory for a checkpoint's rows has grown. Failure rule: `write` and `sync` may be
// repeated until they succeed; after a failed `sync` everything since the last good one is written
// again, as the system may have thrown it away.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "windows/join_rows.h"
#include "windows/label_join.h"

namespace driftd {

class JoinLog final : public JoinRowStore {
 public:
  // A log that is empty, or that holds the stored segments, in `folder`, which is made. Files that
  // no stored segment names are removed, longer ones are cut. `row_bytes` without the checksum.
  [[nodiscard]] static Result<std::unique_ptr<JoinLog>> open(const std::filesystem::path& folder,
                                                             std::size_t row_bytes,
                                                             std::span<const JoinSegment> stored);
  ~JoinLog() override;
  JoinLog(const JoinLog&) = delete;
  JoinLog& operator=(const JoinLog&) = delete;

  // Reads the rows of one stored segment in order; `take` is false for a row that cannot be one.
  // The Error names file and row.
  using Take = std::function<bool(RowNumber, std::span<const std::byte>)>;
  [[nodiscard]] Result<> read_segment(const JoinSegment& segment, const Take& take) const;

  [[nodiscard]] RowNumber next() const override { return next_; }
  void append(std::span<const std::byte> row) override;
  [[nodiscard]] bool read(RowNumber number, std::span<std::byte> row) const override;
  void begin_segment() override;
  void drop_first_segment() override;

  // Puts every row into its file.
  [[nodiscard]] Result<> write();
  // Makes what `write` has written durable.
  [[nodiscard]] Result<> sync();
  void begin_checkpoint() override { dropped_before_ = dropped_.size(); }
  // Forgets the rows of the last good `sync` in memory, and removes the files of segments that had
  // been dropped when the checkpoint began.
  void commit() override;

  [[nodiscard]] std::string path_of(RowNumber first) const;
  // Which file, and where in it, a row is.
  [[nodiscard]] std::string place_of(RowNumber number) const;
  [[nodiscard]] std::size_t bytes_in_memory() const { return recent_.capacity(); }

 private:
  struct Segment {
    RowNumber first = 0;
    int file = -1;  // open from the first `write` on
  };

  JoinLog(std::filesystem::path folder, std::size_t row_bytes);
  [[nodiscard]] Result<> open_stored(std::span<const JoinSegment> stored);
  [[nodiscard]] Result<> remove_others() const;
  [[nodiscard]] const Segment& segment_of(RowNumber number) const;
  [[nodiscard]] Result<> create(Segment& segment);
  [[nodiscard]] Result<> sync_folder();
  [[nodiscard]] std::uint64_t checksum(RowNumber number, const std::byte* row) const;
  [[nodiscard]] std::uint64_t position_of(const Segment& segment, RowNumber number) const;
  [[nodiscard]] Error error(RowNumber first, const char* doing) const;

  const std::filesystem::path folder_;
  const std::size_t row_bytes_;
  const std::size_t stored_bytes_;  // with the checksum
  std::deque<Segment> segments_;
  RowNumber next_ = 0;
  std::vector<std::byte> recent_;   // rows with their checksums, since the last commit
  RowNumber recent_first_ = 0;      // the number of the first row in `recent_`
  RowNumber written_ = 0;           // rows before it are in their files
  std::vector<Segment> to_sync_;    // what `write` has touched since the last good sync
  RowNumber synced_ = 0;            // rows before it are durable
  bool has_new_files_ = false;      // since the folder was made durable
  bool rewrites_headers_ = false;   // a sync has failed since
  std::vector<Segment> dropped_;    // their files are open and there until the next checkpoint but
                                    // one: `sync` may be using them, and the database names them
  std::size_t dropped_before_ = 0;  // how many of them the next commit removes
  mutable std::vector<std::byte> scratch_;  // a row with its checksum
};

// Fills a join that is empty from the stored rows of its log.
[[nodiscard]] Result<> recall_rows(LabelJoin& join, const JoinLog& log,
                                   std::span<const JoinSegment> stored);

// The folder of a model's rows: its name with everything but letters, digits, `_` and `-` as %XX.
[[nodiscard]] std::filesystem::path join_folder(const std::filesystem::path& state_dir,
                                                std::string_view model);

}  // namespace driftd
