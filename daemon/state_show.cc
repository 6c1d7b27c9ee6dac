// `driftd state show`: everything is read before anything is printed, so that what is damaged is
// never shown in part.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>
#include <set>
#include <vector>

#include "daemon/exit_codes.h"
#include "daemon/state_view.h"
#include "sinks/json_writer.h"
#include "sinks/webhook_body.h"
#include "state/database_check.h"
#include "state/join_file.h"
#include "state/join_log.h"
#include "windows/pane.h"

namespace driftd {
namespace {

struct MonitorView {
  std::string version;
  StoredMonitor stored;
  MonitorHealth health;
};

struct ModelView {
  std::string fingerprint;
  std::optional<Fingerprint> parts;
  std::vector<std::string> versions;
  std::set<std::pair<std::uint32_t, std::int64_t>> open_windows;
  std::uint64_t amendable_windows = 0;
  std::uint64_t final_windows = 0;
  JoinTally::Count join;
  std::size_t join_files = 0;
  std::uint64_t join_bytes = 0;
  std::vector<MonitorView> monitors;
};

struct OutboxView {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  TimeMs oldest = kEndOfTime;
};

struct StateView {
  std::string folder;
  std::string format;
  std::string instance_id;
  bool in_use = false;
  std::uint64_t database_bytes = 0;
  std::uint64_t log_bytes = 0;
  std::map<std::string, ModelView> models;
  std::vector<StoredPartition> partitions;
  std::map<std::string, OutboxView> outbox;

  [[nodiscard]] std::uint64_t join_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [name, model] : models) sum += model.join_bytes;
    return sum;
  }
};

[[nodiscard]] std::uint64_t bytes_of(const std::filesystem::path& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  return error ? 0 : size;
}

// --- Reading

[[nodiscard]] Result<> read_join(const StateReader& reader, const StoredJoin& join,
                                 ModelView& model, ProgressLine& progress) {
  const std::filesystem::path folder = join_folder(reader.folder(), join.model);
  for (const JoinSegment& segment : join.segments)
    model.join_bytes += bytes_of(join_file_path(folder, segment.first));
  model.join_files = join.segments.size();
  std::optional<Error> failed;
  JoinTally tally;
  std::uint64_t read = 0;
  JoinScan scan;
  scan.row = [&](const JoinRow& row) {
    tally.add(row);
    return true;
  };
  scan.problem = [&](const Error& problem) {
    failed = problem;
    return false;
  };
  scan.read = [&](std::uint64_t bytes) {
    read += bytes;
    progress.at("label join of " + join.model, read, std::max(read, model.join_bytes));
  };
  if (!scan_join(reader, join, scan) && failed) return std::unexpected(*failed);
  model.join = tally.count();
  return {};
}

// A window is open from its first pane on until it has been published.
void add_open_windows(ModelView& model, const WindowId& pane) {
  if (!model.parts || model.parts->count > 0 || model.parts->size <= 0) {
    model.open_windows.emplace(pane.version, pane.pane);
    return;
  }
  const WindowSpec spec{.size = model.parts->size, .slide = model.parts->slide};
  for (std::int64_t start = spec.first_window_of(pane.pane);
       start <= spec.last_window_of(pane.pane); start += spec.hop())
    model.open_windows.emplace(pane.version, start);
}

[[nodiscard]] Result<> read_windows(StateReader& reader, StateView& view) {
  auto read = reader.each_open_pane([&](const StoredOpenPane& pane) -> Result<> {
    add_open_windows(view.models[pane.window.model], pane.window);
    return {};
  });
  if (!read) return read;
  read = reader.each_window([&](const StoredWindow& window) -> Result<> {
    ModelView& model = view.models[window.window.model];
    const std::pair id(window.window.version, window.window.pane);
    if (window.record.empty()) {
      ++model.final_windows;
      model.open_windows.erase(id);
      return {};
    }
    const auto record = read_record(window);
    if (!record) {
      return std::unexpected(damage_error(
          reader.path(), fmt::format("the window {} of model {} is not what driftd writes",
                                     window.window.pane, window.window.model)));
    }
    // What came late for a closed one is in a pane of its own.
    if (record->is_closed) {
      ++model.amendable_windows;
      model.open_windows.erase(id);
    } else {
      model.open_windows.insert(id);
    }
    return {};
  });
  if (!read) return read;
  return reader.each_outbox_entry([&](const StoredOutboxEntry& entry) -> Result<> {
    OutboxView& sink = view.outbox[entry.sink];
    ++sink.entries;
    sink.bytes += entry.payload.size();
    sink.oldest = std::min(sink.oldest, entry.created);
    return {};
  });
}

[[nodiscard]] Result<StateView> read_view(StateReader& reader) {
  StateView view;
  view.folder = reader.folder();
  view.format = reader.format();
  view.instance_id = reader.instance_id();
  view.in_use = reader.in_use();
  view.database_bytes = bytes_of(reader.path());
  view.log_bytes = bytes_of(reader.path() + "-wal");
  auto outline = reader.load_outline();
  if (!outline) return std::unexpected(outline.error());
  const StoredNames names(*outline);
  for (const StoredFingerprint& stored : outline->fingerprints) {
    ModelView& model = view.models[stored.model];
    model.fingerprint = stored.fingerprint;
    model.parts = parse_fingerprint(stored.fingerprint);
  }
  for (const StoredName& name : outline->names) {
    if (name.kind == "version") view.models[name.model].versions.push_back(name.text);
  }
  for (const StoredMonitor& monitor : outline->monitors) {
    auto health = read_health(monitor);
    const std::string version = names.version(monitor.model, monitor.version);
    if (!health) {
      return std::unexpected(damage_error(
          reader.path(), fmt::format("the health of model {}, version {} is not what driftd writes",
                                     monitor.model, version)));
    }
    view.models[monitor.model].monitors.push_back({version, monitor, std::move(*health)});
  }
  if (auto read = read_windows(reader, view); !read) return std::unexpected(read.error());
  reader.end_reading_tables();
  ProgressLine progress;
  for (const StoredJoin& join : outline->joins) {
    if (auto read = read_join(reader, join, view.models[join.model], progress); !read)
      return std::unexpected(read.error());
  }
  view.partitions = std::move(outline->partitions);
  if (auto good = reader.check_untouched(); !good) return std::unexpected(good.error());
  return view;
}

// --- For people

[[nodiscard]] std::string duration_text(DurationMs duration) {
  struct Unit {
    DurationMs size;
    const char* name;
  };
  constexpr Unit kUnits[] = {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "min"}, {1'000, "s"}};
  for (const Unit& unit : kUnits) {
    if (duration < unit.size) continue;
    return duration % unit.size == 0
               ? fmt::format("{} {}", duration / unit.size, unit.name)
               : fmt::format("{:.1f} {}",
                             static_cast<double>(duration) / static_cast<double>(unit.size),
                             unit.name);
  }
  return fmt::format("{} ms", duration);
}

[[nodiscard]] std::string plural(std::uint64_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

[[nodiscard]] std::string window_text(const Fingerprint& parts) {
  if (parts.count > 0) return plural(static_cast<std::uint64_t>(parts.count), "prediction");
  std::string text = duration_text(parts.size);
  if (parts.slide > 0 && parts.slide != parts.size) text += " every " + duration_text(parts.slide);
  return text;
}

void print_model(const std::string& name, const ModelView& model) {
  fmt::print("\nmodel {}\n", name);
  if (model.parts) {
    const Fingerprint& parts = *model.parts;
    fmt::print("  made for    {}, windows of {}, {} series\n", to_string(parts.task),
               window_text(parts), parts.series.size());
    fmt::print("  reference   {}\n", parts.reference);
  }
  fmt::print("  versions    {}\n", fmt::join(model.versions, ", "));
  fmt::print("  windows     {} open, {} closed that may still be amended, {} final\n",
             model.open_windows.size(), model.amendable_windows, model.final_windows);
  if (model.join_files > 0) {
    fmt::print("  label join  {} without a label yet, {} without a prediction, {} joined\n",
               plural(model.join.predictions, "prediction"), plural(model.join.labels, "label"),
               model.join.joined);
    fmt::print("              {} in {}, {}\n", plural(model.join.rows, "row"),
               plural(model.join_files, "file"), size_text(model.join_bytes));
  }
  for (const MonitorView& monitor : model.monitors) {
    std::string health(to_string(monitor.health.state));
    if (monitor.health.since != kNoTime) health += " since " + rfc3339(monitor.health.since);
    if (!monitor.health.reasons.empty())
      health += fmt::format(" because of {}", fmt::join(monitor.health.reasons, ", "));
    fmt::print("  monitor     {}: {}; {} closed so far\n", monitor.version, health,
               plural(static_cast<std::uint64_t>(monitor.stored.windows), "window"));
  }
}

void print_for_people(const StateView& view) {
  fmt::print("state {}\n", view.folder);
  fmt::print("  format {}, instance {}, {}\n", view.format, view.instance_id,
             view.in_use ? "in use by a driftd now" : "no driftd runs on it");
  fmt::print("  on disk: {} database, {} its log, {} label join\n", size_text(view.database_bytes),
             size_text(view.log_bytes), size_text(view.join_bytes()));
  for (const auto& [name, model] : view.models) print_model(name, model);
  fmt::print("\npartitions{}\n", view.partitions.empty() ? ": none yet" : "");
  for (const StoredPartition& p : view.partitions) {
    fmt::print("  {} {}[{}], {}: next offset {}{}\n", p.source, p.topic, p.partition,
               p.kind == 0 ? "predictions" : "labels", p.next_offset,
               p.max_event_time == kNoTime ? std::string()
                                           : ", event time up to " + rfc3339(p.max_event_time));
  }
  fmt::print("\noutbox{}\n", view.outbox.empty() ? ": empty" : "");
  const TimeMs now = SystemClock().now();
  for (const auto& [name, sink] : view.outbox) {
    fmt::print("  {}: {}, {}, the oldest has waited for {}\n", name,
               sink.entries == 1 ? "1 entry" : fmt::format("{} entries", sink.entries),
               size_text(sink.bytes), duration_text(std::max<DurationMs>(0, now - sink.oldest)));
  }
}

// --- For programs

void optional_time(JsonWriter& json, std::string_view name, TimeMs time) {
  json.key(name);
  if (time == kNoTime) {
    json.null();
  } else {
    json.value(time);
  }
}

template <typename Texts>
void texts(JsonWriter& json, std::string_view name, const Texts& all) {
  json.key(name);
  json.begin_array();
  for (const std::string& text : all) json.value(text);
  json.end_array();
}

void write_model(JsonWriter& json, const std::string& name, const ModelView& model) {
  json.begin_object();
  json.field("model", name);
  json.field("fingerprint", model.fingerprint);
  if (model.parts) {
    json.field("task", to_string(model.parts->task));
    json.field("reference", model.parts->reference);
    json.field("window_size_ms", model.parts->size);
    json.field("window_slide_ms", model.parts->slide);
    json.field("window_count", model.parts->count);
  }
  texts(json, "versions", model.versions);
  json.field("open_windows", model.open_windows.size());
  json.field("amendable_windows", model.amendable_windows);
  json.field("final_windows", model.final_windows);
  json.key("join");
  json.begin_object();
  json.field("predictions_without_label", model.join.predictions);
  json.field("labels_without_prediction", model.join.labels);
  json.field("joined", model.join.joined);
  json.field("rows", model.join.rows);
  json.field("files", model.join_files);
  json.field("bytes", model.join_bytes);
  json.end_object();
  json.key("monitors");
  json.begin_array();
  for (const MonitorView& monitor : model.monitors) {
    json.begin_object();
    json.field("version", monitor.version);
    json.field("health", to_string(monitor.health.state));
    optional_time(json, "since", monitor.health.since);
    texts(json, "reasons", monitor.health.reasons);
    json.field("windows", monitor.stored.windows);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

[[nodiscard]] std::string json_of(const StateView& view) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("state_dir", view.folder);
  json.field("format", view.format);
  json.field("instance_id", view.instance_id);
  json.field("in_use", view.in_use);
  json.field("database_bytes", view.database_bytes);
  json.field("log_bytes", view.log_bytes);
  json.field("join_bytes", view.join_bytes());
  json.key("models");
  json.begin_array();
  for (const auto& [name, model] : view.models) write_model(json, name, model);
  json.end_array();
  json.key("partitions");
  json.begin_array();
  for (const StoredPartition& p : view.partitions) {
    json.begin_object();
    json.field("source", p.source);
    json.field("topic", p.topic);
    json.field("partition", p.partition);
    json.field("kind", p.kind == 0 ? "predictions" : "labels");
    json.field("next_offset", p.next_offset);
    optional_time(json, "max_event_time", p.max_event_time);
    json.end_object();
  }
  json.end_array();
  json.key("outbox");
  json.begin_array();
  for (const auto& [name, sink] : view.outbox) {
    json.begin_object();
    json.field("sink", name);
    json.field("entries", sink.entries);
    json.field("bytes", sink.bytes);
    json.field("oldest", sink.oldest);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace

int show_state(const std::string& folder, bool json) {
  const auto reader = StateReader::open(folder);
  if (!reader) return fail_with(reader.error());
  const auto view = read_view(**reader);
  if (!view) return fail_with(view.error());
  if (json) {
    fmt::print("{}", json_of(*view));
  } else {
    print_for_people(*view);
  }
  return kExitOk;
}

}  // namespace driftd
