// A disk that fails on demand, for the stores of this program and the libraries they use: the
// program's own write, pwrite, pwrite64, writev, pwritev, fsync and fdatasync stand in front of the
// C library's.
//
// Thread rule: any thread. Allocation rule: none. Cannot fail.
#pragma once

#include <cstdint>

namespace driftd {

enum class DiskFault : std::uint8_t {
  none,
  write,  // every write fails with EIO
  sync,   // every fsync and fdatasync fails with EIO; writes reach the page cache
};

// From now on, for regular files and in all threads.
void set_disk_fault(DiskFault fault);

}  // namespace driftd
