// Where a label join keeps its rows: an append-only sequence of rows of one size, in segments.
//
// A row is never changed in place: whoever changes one appends it again. Rows are numbered from the
// first ever appended; segments are dropped whole and only from the front, which is why expiry
// costs nothing per row. Two implementations: memory (a replay) and files (state/join_log.h).
// Thread rule: the label join's mutex guards every call but those that an implementation says.
// Allocation rule: none per row in steady state. Failure rule: `append` cannot fail (what cannot be
// written now is kept and written with the next checkpoint); a row that cannot be read, or whose
// bytes are not those that were written, is false.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

namespace driftd {

using RowNumber = std::uint64_t;
inline constexpr RowNumber kNoRow = ~RowNumber{0};

// One segment as far as it has been written.
struct JoinSegment {
  RowNumber first = 0;
  std::uint64_t rows = 0;
};

class JoinRowStore {
 public:
  virtual ~JoinRowStore() = default;

  // The number of the row that is appended next.
  [[nodiscard]] virtual RowNumber next() const = 0;
  virtual void append(std::span<const std::byte> row) = 0;
  [[nodiscard]] virtual bool read(RowNumber number, std::span<std::byte> row) const = 0;
  // Rows from `next` on belong to a new segment.
  virtual void begin_segment() = 0;
  // Drops the first segment; it is not the last one.
  virtual void drop_first_segment() = 0;
  // A checkpoint is taken of the segments as they are now ...
  virtual void begin_checkpoint() {}
  // ... and it is durable.
  virtual void commit() {}
};

// Rows in memory; nothing of it outlives the process.
class MemoryJoinRows final : public JoinRowStore {
 public:
  explicit MemoryJoinRows(std::size_t row_bytes) : row_bytes_(row_bytes) {}

  [[nodiscard]] RowNumber next() const override { return next_; }
  void append(std::span<const std::byte> row) override;
  [[nodiscard]] bool read(RowNumber number, std::span<std::byte> row) const override;
  void begin_segment() override;
  void drop_first_segment() override;

 private:
  struct Segment {
    RowNumber first = 0;
    std::vector<std::byte> bytes;
  };
  const std::size_t row_bytes_;
  RowNumber next_ = 0;
  std::deque<Segment> segments_;
  std::vector<std::byte> spare_;  // of a dropped segment, for its capacity
};

}  // namespace driftd
