#include "windows/join_rows.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace driftd {

void MemoryJoinRows::append(std::span<const std::byte> row) {
  DRIFTD_CHECK(row.size() == row_bytes_ && !segments_.empty());
  std::vector<std::byte>& bytes = segments_.back().bytes;
  bytes.insert(bytes.end(), row.begin(), row.end());
  ++next_;
}

void MemoryJoinRows::begin_segment() { segments_.push_back({next_, std::exchange(spare_, {})}); }

void MemoryJoinRows::drop_first_segment() {
  spare_ = std::move(segments_.front().bytes);
  spare_.clear();
  segments_.pop_front();
}

bool MemoryJoinRows::read(RowNumber number, std::span<std::byte> row) const {
  const auto after = std::upper_bound(
      segments_.begin(), segments_.end(), number,
      [](RowNumber wanted, const Segment& segment) { return wanted < segment.first; });
  if (after == segments_.begin() || number >= next_) return false;
  const Segment& segment = *std::prev(after);
  const auto from =
      segment.bytes.begin() + static_cast<std::ptrdiff_t>((number - segment.first) * row_bytes_);
  std::copy_n(from, row_bytes_, row.begin());
  return true;
}

}  // namespace driftd
