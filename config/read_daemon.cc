#include <fmt/format.h>

#include "config/duration.h"
#include "config/files.h"
#include "config/network.h"
#include "config/sections.h"

namespace driftd {
namespace {

// Beyond this a lane has no core of its own on any machine that driftd is built for.
constexpr std::int64_t kMostLanes = 256;
constexpr std::int64_t kLeastEventBytes = 64;
constexpr std::int64_t kMostEventBytes = 100 << 20;
constexpr std::int64_t kMostDeadLetterBytes = 1LL << 40;

// A password in a file ends where its text does; the newline that an editor adds is not part of it.
[[nodiscard]] std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

void read_password(TableReader& table, bool is_postgres, StoreConfig& store) {
  std::string password;
  std::string file;
  const bool has_text = table.text("password", password, "\"${PGPASSWORD}\"");
  const bool has_file = table.path("password_file", file, "\"postgres.password\"");
  if (!has_text && !has_file) return;
  const std::string_view key = has_file ? "password_file" : "password";
  if (!is_postgres) {
    return table.problem(key, fmt::format("`{}` belongs to a postgresql:// store", key),
                         "leave it out");
  }
  if ((has_text && has_file) || !store.password.empty()) {
    return table.problem(key, "the password is given twice", "keep `password_file` alone");
  }
  if (has_file) {
    const auto read = read_text_file(file);
    if (!read) {
      return table.problem(
          key, fmt::format("the password file {} cannot be read: {}", file, read.error()),
          "write the password into it, readable by driftd's user");
    }
    password = without_line_end(*read);
  }
  store.password = std::move(password);
}

}  // namespace

DaemonConfig read_daemon(TableReader& table) {
  DaemonConfig daemon;
  std::string listen;
  if (table.text("listen", listen, "\"127.0.0.1:9464\"")) {
    if (const auto endpoint = parse_endpoint(listen)) {
      daemon.listen_host = endpoint->host;
      daemon.listen_port = endpoint->port;
    } else {
      table.problem(
          "listen",
          fmt::format("`listen` cannot be {}: {}", table.quoted("listen"), endpoint.error()),
          "write host:port, e.g. \"127.0.0.1:9464\", \"0.0.0.0:9464\" or \"[::1]:9464\"");
    }
  }
  if (!table.path("state_dir", daemon.state_dir, "\"state\"")) {
    daemon.state_dir = resolve_path(table.context().folder, daemon.state_dir);
  }
  table.duration("checkpoint_interval", daemon.checkpoint_interval, {10, kHourMs});
  table.integer("lanes", daemon.lanes, 0, kMostLanes);
  table.integer("max_event_bytes", daemon.max_event_bytes, kLeastEventBytes, kMostEventBytes);
  table.flag("dead_letters", daemon.dead_letters);
  table.integer("dead_letters_max_bytes", daemon.dead_letters_max_bytes, 0, kMostDeadLetterBytes);
  table.choice<std::string>(
      "log_level", daemon.log_level,
      {{"debug", "debug"}, {"info", "info"}, {"warning", "warning"}, {"error", "error"}});
  table.choice<std::string>("log_format", daemon.log_format, {{"text", "text"}, {"json", "json"}});
  return daemon;
}

StoreConfig read_store(TableReader& table) {
  static constexpr std::string_view kSqlite = "sqlite:";
  StoreConfig store;
  std::string url = "sqlite:state/driftd.db";
  const bool given = table.text("url", url, "\"sqlite:state/driftd.db\"");
  const bool known =
      given || !table.given("url");  // else its error was told, and what it meant is open
  if (known && url.starts_with(kSqlite)) {
    const std::string path = url.substr(kSqlite.size());
    store.location = resolve_path(table.context().folder, path);
    if (path.empty()) {
      table.problem("url",
                    "`url` has no path behind sqlite:", "for example \"sqlite:state/driftd.db\"");
    }
    read_password(table, false, store);
    return store;
  }
  store.kind = StoreKind::postgres;
  if (auto parsed = parse_postgres_url(url)) {
    store.location = std::move(parsed->location);
    store.password = std::move(parsed->password);
  } else if (given) {
    // The text may hold a password, so it is not shown.
    table.problem("url", fmt::format("`url` names no store: {}", parsed.error()),
                  "write \"sqlite:state/driftd.db\", or \"postgresql://user@host/database\" with "
                  "`password_file`");
  }
  read_password(table, true, store);
  return store;
}

}  // namespace driftd
