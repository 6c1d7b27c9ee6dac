#include "state/outbox_reader.h"

#include "state/sqlite.h"

namespace driftd {

struct OutboxReader::Database {
  std::unique_ptr<SqliteConnection> connection;
};

OutboxReader::~OutboxReader() = default;

Result<std::unique_ptr<OutboxReader>> OutboxReader::open(const std::string& database_path) {
  auto connection = SqliteConnection::open(database_path);
  if (!connection) return std::unexpected(connection.error());
  std::unique_ptr<OutboxReader> reader(new OutboxReader);
  reader->database_ = std::make_unique<Database>();
  reader->database_->connection = std::move(*connection);
  return reader;
}

Result<std::vector<StoredOutboxEntry>> OutboxReader::read(const std::string& sink,
                                                          std::int64_t after, std::size_t limit) {
  SqliteConnection& db = *database_->connection;
  SqliteStatement query = db.prepare(
      "SELECT sequence, id, payload, created FROM outbox WHERE sink = ?1 AND sequence > ?2 ORDER "
      "BY sequence LIMIT ?3");
  query.bind_text(1, sink).bind(2, after).bind(3, static_cast<std::int64_t>(limit));
  std::vector<StoredOutboxEntry> entries;
  while (query.step())
    entries.push_back({query.integer(0), sink, query.text(1), query.text(2), query.integer(3)});
  if (db.failed()) return std::unexpected(db.error("read the outbox"));
  return entries;
}

}  // namespace driftd
