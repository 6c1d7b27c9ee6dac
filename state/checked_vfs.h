// The file layer under the state database: a SQLite VFS named "driftd" on top of the system's own.
//
// It gives every page of the main file its checksum when it is written and verifies it when it is
// read, whatever part of it SQLite asked for. SQLite's log (-wal) carries checksums of its own
// (write_ahead_log.h) and passes through. There is no memory map, because what is mapped is not
// read by a call that could verify it. Every read, write and flush asks `fault` first, so that a
// test decides what the disk does. Thread rule: as SQLite's, a connection belongs to one thread at
// a time. Allocation rule: allocates nothing, but for the index of a log that is read without
// touching it. Failure rule: a damaged page is SQLITE_IOERR_DATA, and `damaged_page` says which one
// it was.
#pragma once

#include <cstdint>
#include <optional>

struct sqlite3;

namespace driftd {

struct DamagedPage {
  std::uint64_t number = 0;  // from 1, as SQLite counts
  bool missing = false;      // the file ends before it; otherwise the checksum is another one
};

// The name to open a connection with; registers the VFS at the first call.
[[nodiscard]] const char* checked_vfs();

// The same for a read-only connection to a database that nobody has open: the index of its log
// (-shm) is in this process's memory, and a log that is not there is read as an empty one, so that
// no file is made or changed.
[[nodiscard]] const char* untouching_vfs();

// To be called on a new connection: a database that it creates leaves room for the checksums.
void reserve_checksum_bytes(sqlite3* connection);

// The page that the connection's last SQLITE_IOERR_DATA was about.
[[nodiscard]] std::optional<DamagedPage> damaged_page(sqlite3* connection);

}  // namespace driftd
