#include "bench/join_store_faults.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace driftd {
namespace {

std::atomic<DiskFault> current_fault{DiskFault::none};

bool fails(int descriptor, DiskFault fault) {
  if (current_fault.load() != fault) return false;
  struct stat status{};
  // What is printed goes to terminals and pipes.
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  errno = EIO;
  return true;
}

}  // namespace

void set_disk_fault(DiskFault fault) { current_fault = fault; }

}  // namespace driftd

using driftd::DiskFault;
using driftd::fails;

// The dynamic linker takes these before the C library's for all that the program is made of.
extern "C" {

ssize_t write(int descriptor, const void* data, size_t size) {
  return fails(descriptor, DiskFault::write) ? -1 : syscall(SYS_write, descriptor, data, size);
}
ssize_t pwrite64(int descriptor, const void* data, size_t size, off64_t offset) {
  return fails(descriptor, DiskFault::write)
             ? -1
             : syscall(SYS_pwrite64, descriptor, data, size, offset);
}
ssize_t pwrite(int descriptor, const void* data, size_t size, off_t offset) {
  return pwrite64(descriptor, data, size, offset);
}
ssize_t writev(int descriptor, const iovec* parts, int count) {
  return fails(descriptor, DiskFault::write) ? -1 : syscall(SYS_writev, descriptor, parts, count);
}
ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t offset) {
  // The kernel takes the offset in two words, of which the second is for 32-bit machines.
  return fails(descriptor, DiskFault::write)
             ? -1
             : syscall(SYS_pwritev, descriptor, parts, count, offset, 0);
}
int fsync(int descriptor) {
  return fails(descriptor, DiskFault::sync) ? -1 : static_cast<int>(syscall(SYS_fsync, descriptor));
}
int fdatasync(int descriptor) {
  return fails(descriptor, DiskFault::sync) ? -1
                                            : static_cast<int>(syscall(SYS_fdatasync, descriptor));
}

}  // extern "C"
