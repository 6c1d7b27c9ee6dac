#include "state/checked_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "core/check.h"
#include "state/fault_points.h"
#include "state/page_checksum.h"

namespace driftd {
namespace {

// The index of a log, in pieces as SQLite asks for them; of one connection alone.
struct OwnIndex {
  std::vector<std::unique_ptr<std::byte[]>> pieces;
};

// What SQLite allocates for an open file: this, and behind it the file of the VFS below. It is
// zeroed and never constructed or destroyed, hence plain.
struct CheckedFile {
  sqlite3_file base;
  bool is_database;  // the main file, not a log
  DamagedPage damage;
  OwnIndex* index;  // of a database that is not touched; owned
};

[[nodiscard]] CheckedFile* checked(sqlite3_file* file) {
  return reinterpret_cast<CheckedFile*>(file);
}
[[nodiscard]] sqlite3_file* below(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(checked(file) + 1);
}
[[nodiscard]] sqlite3_vfs* below(sqlite3_vfs* vfs) {
  return static_cast<sqlite3_vfs*>(vfs->pAppData);
}

// What SQLite is told where a test lets a call fail.
[[nodiscard]] int injected(FaultPoint point, int code) {
  const int error = fault(point);
  if (error == 0) return SQLITE_OK;
  errno = error;
  return error == ENOSPC ? SQLITE_FULL : code;
}

// SQLite's header on page 1. Its first read, before a transaction, may find a page that is newer in
// the log or torn by a power failure while the log was copied; what it takes from it, the format
// fixes. All else it reads again as a whole page.
constexpr std::size_t kHeaderBytes = 100;
constexpr std::size_t kPageSizeAt = 16;

void fix_header(std::byte* header, int amount) {
  const auto size = static_cast<std::size_t>(amount);
  if (size <= kReservedBytesAt) return;
  header[kPageSizeAt] = static_cast<std::byte>(kPageSize >> 8);
  header[kPageSizeAt + 1] = static_cast<std::byte>(kPageSize & 0xFF);
  header[kReservedBytesAt] = static_cast<std::byte>(kPageChecksumBytes);
}

// Reads page `number` (from 1) into `page` and verifies it.
[[nodiscard]] int read_page(sqlite3_file* file, std::span<std::byte, kPageSize> page,
                            std::uint64_t number) {
  sqlite3_file* real = below(file);
  const int code = real->pMethods->xRead(
      real, page.data(), static_cast<int>(kPageSize),
      (static_cast<sqlite3_int64>(number) - 1) * static_cast<sqlite3_int64>(kPageSize));
  const bool missing = code == SQLITE_IOERR_SHORT_READ;
  if (code != SQLITE_OK && !missing) return code;
  // SQLite takes what lies behind the end for zeros; it asks for no such page of a whole database.
  if (missing || !is_page_whole(page, number)) {
    checked(file)->damage = {number, missing};
    return SQLITE_IOERR_DATA;
  }
  return SQLITE_OK;
}

[[nodiscard]] int read_bytes(sqlite3_file* file, void* to, int amount, sqlite3_int64 from) {
  if (const int code = injected(FaultPoint::database_read, SQLITE_IOERR_READ)) return code;
  sqlite3_file* real = below(file);
  auto* out = static_cast<std::byte*>(to);
  const auto begin = static_cast<std::uint64_t>(from);
  const std::uint64_t end = begin + static_cast<std::uint64_t>(amount);
  if (!checked(file)->is_database) return real->pMethods->xRead(real, to, amount, from);
  if (end <= kHeaderBytes) {
    const int code = real->pMethods->xRead(real, to, amount, from);
    if (code == SQLITE_OK && begin == 0) fix_header(out, amount);
    return code;
  }
  if (amount == static_cast<int>(kPageSize) && begin % kPageSize == 0)
    return read_page(file, std::span<std::byte, kPageSize>(out, kPageSize), begin / kPageSize + 1);
  // Part of a page, or of several: each is verified as a whole.
  std::array<std::byte, kPageSize> page;
  for (std::uint64_t at = begin; at < end;) {
    const std::uint64_t number = at / kPageSize + 1;
    if (const int code = read_page(file, page, number)) return code;
    const std::uint64_t upto = std::min(end, number * kPageSize);
    std::memcpy(out + (at - begin), page.data() + at % kPageSize, upto - at);
    at = upto;
  }
  return SQLITE_OK;
}

[[nodiscard]] int write_bytes(sqlite3_file* file, const void* bytes, int amount, sqlite3_int64 to) {
  if (const int code = injected(FaultPoint::database_write, SQLITE_IOERR_WRITE)) return code;
  sqlite3_file* real = below(file);
  if (!checked(file)->is_database) return real->pMethods->xWrite(real, bytes, amount, to);
  // SQLite writes whole pages only; anything else would leave a page without its checksum.
  const auto begin = static_cast<std::uint64_t>(to);
  if (amount != static_cast<int>(kPageSize) || begin % kPageSize != 0) return SQLITE_IOERR_WRITE;
  std::array<std::byte, kPageSize> page;
  std::memcpy(page.data(), bytes, page.size());
  write_page_checksum(page, begin / kPageSize + 1);
  return real->pMethods->xWrite(real, page.data(), amount, to);
}

[[nodiscard]] int sync_file(sqlite3_file* file, int flags) {
  if (const int code = injected(FaultPoint::database_sync, SQLITE_IOERR_FSYNC)) return code;
  return below(file)->pMethods->xSync(below(file), flags);
}

[[nodiscard]] int device_characteristics(sqlite3_file* file) {
  int characteristics = below(file)->pMethods->xDeviceCharacteristics(below(file));
#ifdef SQLITE_IOCAP_SUBPAGE_READ
  // A part of a page costs as much as the whole one here.
  characteristics &= ~SQLITE_IOCAP_SUBPAGE_READ;
#endif
  return characteristics;
}

// The rest is handed on. Version 2 has shared memory for the log, and no memory map.
const sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = [](sqlite3_file* f) { return below(f)->pMethods->xClose(below(f)); },
    .xRead = read_bytes,
    .xWrite = write_bytes,
    .xTruncate = [](sqlite3_file* f,
                    sqlite3_int64 size) { return below(f)->pMethods->xTruncate(below(f), size); },
    .xSync = sync_file,
    .xFileSize = [](sqlite3_file* f,
                    sqlite3_int64* size) { return below(f)->pMethods->xFileSize(below(f), size); },
    .xLock = [](sqlite3_file* f, int level) { return below(f)->pMethods->xLock(below(f), level); },
    .xUnlock = [](sqlite3_file* f,
                  int level) { return below(f)->pMethods->xUnlock(below(f), level); },
    .xCheckReservedLock =
        [](sqlite3_file* f, int* out) {
          return below(f)->pMethods->xCheckReservedLock(below(f), out);
        },
    .xFileControl =
        [](sqlite3_file* f, int op, void* argument) {
          return below(f)->pMethods->xFileControl(below(f), op, argument);
        },
    .xSectorSize = [](sqlite3_file* f) { return below(f)->pMethods->xSectorSize(below(f)); },
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap =
        [](sqlite3_file* f, int region, int size, int extend, void volatile** out) {
          return below(f)->pMethods->xShmMap(below(f), region, size, extend, out);
        },
    .xShmLock = [](sqlite3_file* f, int offset, int n,
                   int flags) { return below(f)->pMethods->xShmLock(below(f), offset, n, flags); },
    .xShmBarrier = [](sqlite3_file* f) { below(f)->pMethods->xShmBarrier(below(f)); },
    .xShmUnmap = [](sqlite3_file* f,
                    int erase) { return below(f)->pMethods->xShmUnmap(below(f), erase); },
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

[[nodiscard]] int map_own_index(sqlite3_file* file, int piece, int size, int extend,
                                void volatile** out) {
  OwnIndex*& index = checked(file)->index;
  if (index == nullptr) index = new OwnIndex;
  const auto wanted = static_cast<std::size_t>(piece);
  *out = nullptr;
  while (index->pieces.size() <= wanted) {
    if (extend == 0) return SQLITE_OK;
    index->pieces.push_back(std::make_unique<std::byte[]>(static_cast<std::size_t>(size)));
  }
  *out = index->pieces[wanted].get();
  return SQLITE_OK;
}

[[nodiscard]] int unmap_own_index(sqlite3_file* file, int) {
  delete checked(file)->index;
  checked(file)->index = nullptr;
  return SQLITE_OK;
}

[[nodiscard]] sqlite3_io_methods make_untouching_methods() {
  sqlite3_io_methods methods = kMethods;
  methods.xShmMap = map_own_index;
  // Nobody else sees the index, so there is nobody to keep out.
  methods.xShmLock = [](sqlite3_file*, int, int, int) { return SQLITE_OK; };
  methods.xShmBarrier = [](sqlite3_file*) {};
  methods.xShmUnmap = unmap_own_index;
  return methods;
}
const sqlite3_io_methods kUntouchingMethods = make_untouching_methods();

[[nodiscard]] int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                            int* out_flags) {
  constexpr int kOurs = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
  // Files of a sort that ends with its statement are none of ours: they live where ours would.
  if ((flags & kOurs) == 0) return below(vfs)->xOpen(below(vfs), name, file, flags, out_flags);
  *checked(file) = {};
  const int code = below(vfs)->xOpen(below(vfs), name, below(file), flags, out_flags);
  if (code != SQLITE_OK) return code;
  checked(file)->is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  file->pMethods = &kMethods;
  return SQLITE_OK;
}

// SQLite asks for the log of a read-only database as if to write to it, and to make it where it is
// not there.
[[nodiscard]] int open_untouched(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                                 int* out_flags) {
  if ((flags & SQLITE_OPEN_WAL) != 0) {
    flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    flags |= SQLITE_OPEN_READONLY;
    int exists = 0;
    const int code = below(vfs)->xAccess(below(vfs), name, SQLITE_ACCESS_EXISTS, &exists);
    if (code != SQLITE_OK) return code;
    if (exists == 0) name = "/dev/null\0";  // SQLite ends a name with two zeros
  }
  const int code = open_file(vfs, name, file, flags, out_flags);
  if (code == SQLITE_OK && file->pMethods == &kMethods) file->pMethods = &kUntouchingMethods;
  return code;
}

using OpenFile = int (*)(sqlite3_vfs*, const char*, sqlite3_file*, int, int*);

// Made from the system's, for all that does not concern an open file.
[[nodiscard]] sqlite3_vfs make_vfs(const char* vfs_name, OpenFile open) {
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  DRIFTD_CHECK(system != nullptr);
  sqlite3_vfs made = {};
  made.iVersion = 2;
  made.szOsFile = static_cast<int>(sizeof(CheckedFile)) + system->szOsFile;
  made.mxPathname = system->mxPathname;
  made.zName = vfs_name;
  made.pAppData = system;
  made.xOpen = open;
  made.xDelete = [](sqlite3_vfs* v, const char* name, int sync) {
    return below(v)->xDelete(below(v), name, sync);
  };
  made.xAccess = [](sqlite3_vfs* v, const char* name, int flags, int* out) {
    return below(v)->xAccess(below(v), name, flags, out);
  };
  made.xFullPathname = [](sqlite3_vfs* v, const char* name, int size, char* out) {
    return below(v)->xFullPathname(below(v), name, size, out);
  };
  made.xDlOpen = [](sqlite3_vfs* v, const char* name) { return below(v)->xDlOpen(below(v), name); };
  made.xDlError = [](sqlite3_vfs* v, int size, char* out) {
    below(v)->xDlError(below(v), size, out);
  };
  made.xDlSym = [](sqlite3_vfs* v, void* library, const char* name) {
    return below(v)->xDlSym(below(v), library, name);
  };
  made.xDlClose = [](sqlite3_vfs* v, void* library) { below(v)->xDlClose(below(v), library); };
  made.xRandomness = [](sqlite3_vfs* v, int size, char* out) {
    return below(v)->xRandomness(below(v), size, out);
  };
  made.xSleep = [](sqlite3_vfs* v, int microseconds) {
    return below(v)->xSleep(below(v), microseconds);
  };
  made.xCurrentTime = [](sqlite3_vfs* v, double* out) {
    return below(v)->xCurrentTime(below(v), out);
  };
  made.xGetLastError = [](sqlite3_vfs* v, int size, char* out) {
    return below(v)->xGetLastError(below(v), size, out);
  };
  made.xCurrentTimeInt64 = [](sqlite3_vfs* v, sqlite3_int64* out) {
    return below(v)->xCurrentTimeInt64(below(v), out);
  };
  return made;
}

}  // namespace

const char* checked_vfs() {
  // SQLite keeps the address; registered once, by whichever thread comes first.
  static sqlite3_vfs vfs = make_vfs("driftd", open_file);
  static const int kRegistered = sqlite3_vfs_register(&vfs, 0);
  DRIFTD_CHECK(kRegistered == SQLITE_OK);
  return vfs.zName;
}

const char* untouching_vfs() {
  static sqlite3_vfs vfs = make_vfs("driftd-untouching", open_untouched);
  static const int kRegistered = sqlite3_vfs_register(&vfs, 0);
  DRIFTD_CHECK(kRegistered == SQLITE_OK);
  return vfs.zName;
}

void reserve_checksum_bytes(sqlite3* connection) {
  int bytes = static_cast<int>(kPageChecksumBytes);
  sqlite3_file_control(connection, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

std::optional<DamagedPage> damaged_page(sqlite3* connection) {
  sqlite3_file* file = nullptr;
  if (sqlite3_extended_errcode(connection) != SQLITE_IOERR_DATA ||
      sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER,
                           static_cast<void*>(&file)) != SQLITE_OK ||
      file == nullptr || (file->pMethods != &kMethods && file->pMethods != &kUntouchingMethods) ||
      checked(file)->damage.number == 0)
    return std::nullopt;
  return checked(file)->damage;
}

}  // namespace driftd
