// Reads the files of a label join without its configuration, for those who only look: every row
// that counts, and everything that is wrong with the files.
//
// Nothing is changed: what stands behind the rows that count (of a checkpoint that never was) is
// passed over. Thread rule: pure. Allocation rule: a buffer of about a megabyte. Failure rule: each
// problem is handed to `problem` with the file, the rows, the bytes and what to do; of one file at
// most kMaxJoinProblems are, the last of which says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

#include "core/result.h"
#include "windows/join_rows.h"
#include "windows/label_join.h"

namespace driftd {

inline constexpr std::size_t kMaxJoinProblems = 1'000;

struct JoinRow {
  RowNumber number = 0;
  LabelJoin::Row row;
  std::span<const std::byte> scores;  // eight bytes for each scored class
};

struct JoinScan {
  std::function<bool(const JoinRow&)> row;        // false ends the scan
  std::function<bool(const Error&)> problem;      // false ends the scan
  std::function<void(std::uint64_t bytes)> read;  // so many more bytes have been; may be empty
};

// `folder` is the model's (`join_folder`). False where it was ended.
bool scan_join_segment(const std::filesystem::path& folder, const JoinSegment& segment,
                       const JoinScan& to);

// What of a join still waits, by its rows in order; no memory grows with them. A row that has
// expired counts until its segment goes.
class JoinTally {
 public:
  void add(const JoinRow& row);

  struct Count {
    std::uint64_t rows = 0;         // versions of a row, all that the files hold
    std::uint64_t predictions = 0;  // wait for their label
    std::uint64_t labels = 0;       // wait for their prediction
    std::uint64_t joined = 0;       // have both, and are kept to know a repetition
  };
  [[nodiscard]] const Count& count() const { return count_; }

 private:
  RowNumber first_ = 0;  // of the first row added
  Count count_;
};

}  // namespace driftd
