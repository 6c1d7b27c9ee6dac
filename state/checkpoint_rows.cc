#include "state/checkpoint_rows.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <system_error>

#include "state/sqlite.h"

namespace driftd {
namespace {

[[nodiscard]] bool write_partitions(SqliteConnection& db, const Checkpoint& checkpoint) {
  SqliteStatement partition =
      db.prepare("INSERT OR REPLACE INTO partitions VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  for (const StoredPartition& p : checkpoint.partitions) {
    partition.bind_text(1, p.source).bind_text(2, p.topic).bind(3, p.partition).bind(4, p.kind);
    partition.bind(5, p.next_offset).bind(6, p.max_event_time).bind(7, p.last_offset);
    // SQLite's integers are signed: the bits are kept.
    if (!partition.bind(8, std::bit_cast<std::int64_t>(p.last_fingerprint)).run()) return false;
  }
  SqliteStatement name = db.prepare("INSERT OR REPLACE INTO names VALUES(?1, ?2, ?3, ?4)");
  for (const StoredName& n : checkpoint.names) {
    if (!name.bind_text(1, n.model).bind_text(2, n.kind).bind(3, n.code).bind_text(4, n.text).run())
      return false;
  }
  SqliteStatement print = db.prepare("INSERT OR REPLACE INTO fingerprints VALUES(?1, ?2)");
  for (const StoredFingerprint& f : checkpoint.fingerprints) {
    if (!print.bind_text(1, f.model).bind_text(2, f.fingerprint).run()) return false;
  }
  return true;
}

[[nodiscard]] bool write_open_panes(SqliteConnection& db, const Checkpoint& checkpoint) {
  if (checkpoint.replaces_open_panes && !db.execute("DELETE FROM open_panes")) return false;
  SqliteStatement erase = db.prepare(
      "DELETE FROM open_panes WHERE lane = ?1 AND model = ?2 AND version = ?3 AND pane = ?4");
  for (const auto& [lane, window] : checkpoint.closed_open_panes) {
    erase.bind(1, lane).bind_text(2, window.model).bind(3, window.version).bind(4, window.pane);
    if (!erase.run()) return false;
  }
  SqliteStatement insert =
      db.prepare("INSERT OR REPLACE INTO open_panes VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
  for (const StoredOpenPane& pane : checkpoint.open_panes) {
    insert.bind(1, pane.lane)
        .bind_text(2, pane.window.model)
        .bind(3, pane.window.version)
        .bind(4, pane.window.pane);
    insert.bind_blob(5, pane.summaries.features).bind_blob(6, pane.summaries.performance);
    if (!insert.run()) return false;
  }
  return true;
}

[[nodiscard]] bool write_windows(SqliteConnection& db, const Checkpoint& checkpoint) {
  const auto run = [](SqliteStatement& statement, const WindowId& id) {
    return statement.bind_text(1, id.model).bind(2, id.version).bind(3, id.pane).run();
  };
  SqliteStatement window = db.prepare("INSERT OR REPLACE INTO windows VALUES(?1, ?2, ?3, ?4)");
  for (const StoredWindow& w : checkpoint.windows) {
    window.bind_blob(4, w.record);
    if (!run(window, w.window)) return false;
  }
  SqliteStatement forget = db.prepare("INSERT OR REPLACE INTO windows VALUES(?1, ?2, ?3, NULL)");
  for (const WindowId& w : checkpoint.forgotten_windows) {
    if (!run(forget, w)) return false;
  }
  SqliteStatement erase =
      db.prepare("DELETE FROM windows WHERE model = ?1 AND version = ?2 AND pane = ?3");
  for (const WindowId& w : checkpoint.erased_windows) {
    if (!run(erase, w)) return false;
  }
  SqliteStatement pane = db.prepare("INSERT OR REPLACE INTO panes VALUES(?1, ?2, ?3, ?4, ?5)");
  for (const StoredPane& p : checkpoint.panes) {
    pane.bind_blob(4, p.summaries.features).bind_blob(5, p.summaries.performance);
    if (!run(pane, p.pane)) return false;
  }
  SqliteStatement erase_pane =
      db.prepare("DELETE FROM panes WHERE model = ?1 AND version = ?2 AND pane = ?3");
  for (const WindowId& p : checkpoint.erased_panes) {
    if (!run(erase_pane, p)) return false;
  }
  return true;
}

[[nodiscard]] bool write_monitors(SqliteConnection& db, const Checkpoint& checkpoint) {
  SqliteStatement insert = db.prepare("INSERT OR REPLACE INTO monitors VALUES(?1, ?2, ?3, ?4, ?5)");
  for (const StoredMonitor& m : checkpoint.monitors) {
    insert.bind_text(1, m.model)
        .bind(2, m.version)
        .bind(3, m.windows)
        .bind(4, m.predictions)
        .bind_blob(5, m.health);
    if (!insert.run()) return false;
  }
  return true;
}

[[nodiscard]] bool write_joins(SqliteConnection& db, const Checkpoint& checkpoint) {
  SqliteStatement erase = db.prepare("DELETE FROM join_segments WHERE model = ?1");
  SqliteStatement expired = db.prepare("INSERT OR REPLACE INTO joins VALUES(?1, ?2, ?3)");
  SqliteStatement insert = db.prepare("INSERT INTO join_segments VALUES(?1, ?2, ?3)");
  for (const StoredJoin& join : checkpoint.joins) {
    expired.bind_text(1, join.model).bind(2, join.predictions_until).bind(3, join.until);
    if (!expired.run() || !erase.bind_text(1, join.model).run()) return false;
    for (const JoinSegment& segment : join.segments) {
      insert.bind_text(1, join.model)
          .bind(2, static_cast<std::int64_t>(segment.first))
          .bind(3, static_cast<std::int64_t>(segment.rows));
      if (!insert.run()) return false;
    }
  }
  return true;
}

[[nodiscard]] bool write_outbox(SqliteConnection& db, const Checkpoint& checkpoint) {
  SqliteStatement insert =
      db.prepare("INSERT INTO outbox(sink, id, payload, created) VALUES(?1, ?2, ?3, ?4)");
  for (const StoredOutboxEntry& entry : checkpoint.outbox) {
    insert.bind_text(1, entry.sink)
        .bind_text(2, entry.id)
        .bind_text(3, entry.payload)
        .bind(4, entry.created);
    if (!insert.run()) return false;
  }
  SqliteStatement erase = db.prepare("DELETE FROM outbox WHERE sink = ?1 AND sequence <= ?2");
  for (const auto& [sink, sequence] : checkpoint.delivered) {
    if (!erase.bind_text(1, sink).bind(2, sequence).run()) return false;
  }
  return true;
}

}  // namespace

Result<> checkpoint_fault(FaultPoint point, const std::string& path) {
  const int error = fault(point);
  if (error == 0) return {};
  return fail(
      ErrorCode::io,
      fmt::format("the state database {}: cannot write a checkpoint: {} at {}", path,
                  std::error_code(error, std::generic_category()).message(), to_string(point)));
}

Result<> write_rows(SqliteConnection& db, const std::string& path, const Checkpoint& checkpoint) {
  struct Part {
    FaultPoint point;
    bool (*write)(SqliteConnection&, const Checkpoint&);
  };
  constexpr std::array<Part, 6> kParts = {{{FaultPoint::checkpoint_partitions, write_partitions},
                                           {FaultPoint::checkpoint_panes, write_open_panes},
                                           {FaultPoint::checkpoint_windows, write_windows},
                                           {FaultPoint::checkpoint_monitors, write_monitors},
                                           {FaultPoint::checkpoint_monitors, write_joins},
                                           {FaultPoint::checkpoint_outbox, write_outbox}}};
  for (const Part& part : kParts) {
    if (auto good = checkpoint_fault(part.point, path); !good) return good;
    if (!part.write(db, checkpoint)) return std::unexpected(db.error("write a checkpoint"));
  }
  return {};
}

}  // namespace driftd
