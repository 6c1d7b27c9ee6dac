// The moments around a durable write at which a test may end the process or let a call fail, named
// in this one place.
//
// In production no hook is set and `fault` is one load; it is called a few times per checkpoint and
// once per call to the file system. Thread rule: any thread may ask; a hook is set and taken away
// while nobody asks. Allocation rule: allocates nothing. Failure rule: cannot fail itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace driftd {

enum class FaultPoint : std::uint8_t {
  join_log_write,         // before bytes are appended to the join log
  join_log_sync,          // before the join log is flushed to the disk
  join_segment_begin,     // before the join log goes on in a new file
  checkpoint_begin,       // before the transaction of a checkpoint begins
  checkpoint_partitions,  // in it, before offsets, names and fingerprints are written
  checkpoint_panes,       // in it, before open panes are written
  checkpoint_windows,     // in it, before closed windows are written
  checkpoint_monitors,    // in it, before monitors are written
  checkpoint_outbox,      // in it, before the outbox is written
  checkpoint_commit,      // everything is written, nothing is durable
  checkpoint_committed,   // it is durable, nobody has been told; an errno changes nothing here
  offsets_acknowledged,   // the sources know that it is durable
  reports_published,      // the page, the metrics and the log know it
  join_segment_removed,   // after a file of the join log that nobody needs was removed
  database_write,         // the state database, its log: instead of a write
  database_sync,          // the same: instead of a flush to the disk
  database_read,          // the same: instead of a read
};

inline constexpr std::array<std::string_view, 17> kFaultPointNames = {
    "join_log_write",        "join_log_sync",        "join_segment_begin",   "checkpoint_begin",
    "checkpoint_partitions", "checkpoint_panes",     "checkpoint_windows",   "checkpoint_monitors",
    "checkpoint_outbox",     "checkpoint_commit",    "checkpoint_committed", "offsets_acknowledged",
    "reports_published",     "join_segment_removed", "database_write",       "database_sync",
    "database_read"};
static_assert(kFaultPointNames.size() == static_cast<std::size_t>(FaultPoint::database_read) + 1);

[[nodiscard]] constexpr std::string_view to_string(FaultPoint point) {
  return kFaultPointNames[static_cast<std::size_t>(point)];
}

// What happens at a point: 0 goes on, an errno lets the call there fail with it. A hook may end the
// process.
using FaultHook = std::function<int(FaultPoint)>;

// `hook` stays the caller's and must outlive its use; null takes it away.
void set_fault_hook(const FaultHook* hook);

[[nodiscard]] int fault(FaultPoint point);

}  // namespace driftd
