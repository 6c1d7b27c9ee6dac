// `driftd state export`: all of a state as NDJSON; docs/formats/state.md has the fields.
#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "core/byte_stream.h"
#include "daemon/exit_codes.h"
#include "daemon/state_view.h"
#include "sinks/json_writer.h"
#include "state/database_check.h"

namespace driftd {
namespace {

constexpr std::size_t kBytesPerWrite = 1 << 16;

class StateExport {
 public:
  explicit StateExport(StateReader& reader, const StoredState& outline)
      : reader_(reader), outline_(outline), names_(outline), models_(fingerprints_of(outline)) {}

  [[nodiscard]] Result<> run() {
    Result<> done = export_all();
    if (done) done = reader_.check_untouched();
    if (done) done = summary();
    // What is good before damage goes out in any case.
    if (Result<> written = flush(); done) return written;
    return done;
  }

 private:
  [[nodiscard]] Result<> export_all() {
    for (const StoredPartition& p : outline_.partitions) {
      if (auto done = partition(p); !done) return done;
    }
    for (const StoredMonitor& m : outline_.monitors) {
      if (auto done = monitor(m); !done) return done;
    }
    auto done = reader_.each_open_pane([this](const auto& open) { return open_pane(open); });
    if (!done) return done;
    done = reader_.each_pane([this](const auto& complete) { return pane(complete); });
    if (!done) return done;
    done = reader_.each_window([this](const auto& stored) { return window(stored); });
    if (!done) return done;
    done = reader_.each_outbox_entry([this](const auto& entry) { return outbox_entry(entry); });
    if (!done) return done;
    reader_.end_reading_tables();
    for (const StoredJoin& join : outline_.joins) {
      if (done = join_rows(join); !done) return done;
    }
    return done;
  }

  // One line: an object whose first field is its type.
  template <typename Fields>
  [[nodiscard]] Result<> line(const char* type, const Fields& fields) {
    JsonWriter json(out_);
    json.begin_object();
    json.field("type", type);
    fields(json);
    json.end_object();
    out_ += '\n';
    ++counts_[type];
    return out_.size() < kBytesPerWrite ? Result<>{} : flush();
  }
  [[nodiscard]] Result<> flush() {
    const bool is_written =
        std::fwrite(out_.data(), 1, out_.size(), stdout) == out_.size() && std::fflush(stdout) == 0;
    out_.clear();
    if (is_written) return {};
    return fail(ErrorCode::io,
                fmt::format("standard output cannot be written: {}",
                            std::error_code(errno, std::generic_category()).message()));
  }
  [[nodiscard]] std::unexpected<Error> unreadable(const std::string& what) const {
    return std::unexpected(damage_error(reader_.path(), what + " is not what driftd writes"));
  }

  static void time(JsonWriter& json, std::string_view name, TimeMs at) {
    json.key(name);
    if (const auto known = time_or_none(at)) {
      json.value(*known);
    } else {
      json.null();
    }
  }
  void window_fields(JsonWriter& json, const WindowId& window) const {
    json.field("model", window.model);
    json.field("version", names_.version(window.model, window.version));
    json.field("pane", window.pane);
  }

  [[nodiscard]] Result<> partition(const StoredPartition& p) {
    return line("partition", [&](JsonWriter& json) {
      json.field("source", p.source);
      json.field("topic", p.topic);
      json.field("partition", p.partition);
      json.field("kind", p.kind == 0 ? "predictions" : "labels");
      json.field("next_offset", p.next_offset);
      time(json, "max_event_time", p.max_event_time);
      json.field("last_offset", p.last_offset);
    });
  }

  [[nodiscard]] Result<> monitor(const StoredMonitor& m) {
    const auto health = read_health(m);
    const std::string version = names_.version(m.model, m.version);
    if (!health)
      return unreadable(fmt::format("the health of model {}, version {}", m.model, version));
    return line("monitor", [&](JsonWriter& json) {
      json.field("model", m.model);
      json.field("version", version);
      json.field("windows", m.windows);
      json.field("predictions", m.predictions);
      json.field("health", to_string(health->state));
      time(json, "since", health->since);
      time(json, "last_window_end", health->last_window_end);
      json.key("reasons");
      json.begin_array();
      for (const std::string& reason : health->reasons) json.value(reason);
      json.end_array();
      json.key("findings");
      json.begin_object();
      for (const auto& [key, level] : health->findings) json.field(key, to_string(level));
      json.end_object();
      json.key("metrics");
      json.begin_object();
      for (const auto& [metric, judged] : health->metrics) {
        json.key(metric);
        json.begin_object();
        json.field("level", to_string(judged.level));
        time(json, "window_end", judged.window_end);
        json.end_object();
      }
      json.end_object();
    });
  }

  // Whether its summaries are whole, as far as that can be said.
  [[nodiscard]] bool are_good(const WindowId& window, const StoredSummaries& summaries) const {
    const auto model = models_.find(window.model);
    if (model == models_.end()) return counts_of_features(summaries.features).has_value();
    return are_features(summaries.features, model->second) &&
           is_performance(summaries.performance, model->second);
  }
  [[nodiscard]] std::string place(const char* kind, const WindowId& window) const {
    return fmt::format("the {} {} of model {}, version {},", kind, window.pane, window.model,
                       names_.version(window.model, window.version));
  }

  [[nodiscard]] Result<> open_pane(const StoredOpenPane& open) {
    return pane_line("open_pane", open.window, open.summaries, open.lane);
  }
  [[nodiscard]] Result<> pane(const StoredPane& complete) {
    return pane_line("pane", complete.pane, complete.summaries, std::nullopt);
  }
  [[nodiscard]] Result<> pane_line(const char* type, const WindowId& id,
                                   const StoredSummaries& summaries, std::optional<unsigned> lane) {
    const auto counts = counts_of_features(summaries.features);
    if (!counts || !are_good(id, summaries))
      return unreadable(place(lane ? "open pane" : "complete pane", id));
    const auto model = models_.find(id.model);
    return line(type, [&](JsonWriter& json) {
      window_fields(json, id);
      if (lane) json.field("lane", *lane);
      json.field("predictions", counts->predictions);
      json.key("labelled");
      if (model == models_.end()) {
        json.null();
      } else {
        json.value(labelled_of_performance(summaries.performance, model->second).value_or(0));
      }
      json.field("duplicates", counts->duplicates);
      time(json, "first_event_time", counts->first_time);
      time(json, "last_event_time", counts->last_time);
    });
  }

  [[nodiscard]] Result<> window(const StoredWindow& stored) {
    if (stored.record.empty()) {
      return line("closed_window", [&](JsonWriter& json) {
        window_fields(json, stored.window);
        json.field("final", true);
      });
    }
    const auto record = read_record(stored);
    if (!record) return unreadable(place("window", stored.window));
    return line(record->is_closed ? "closed_window" : "open_window", [&](JsonWriter& json) {
      window_fields(json, stored.window);
      json.field("final", false);
      json.field("index", record->index);
      json.field("revision", record->revision);
      time(json, "start", record->start);
      time(json, "end", record->end);
      json.field("predictions", record->predictions);
      json.field("labelled", record->labelled);
      json.field("published_labelled", record->published_labelled);
      time(json, "published_at", record->published_at);
      time(json, "published_time", record->published_time);
      json.field("features_pending", record->features_pending);
      json.field("performance_pending", record->performance_pending);
      json.field("verdict_pending", record->verdict_pending);
      json.field("matured", record->matured);
    });
  }

  [[nodiscard]] Result<> join_rows(const StoredJoin& join) {
    Result<> done;
    JoinScan scan;
    scan.row = [&](const JoinRow& row) {
      done = join_row(join.model, row);
      return done.has_value();
    };
    scan.problem = [&](const Error& problem) {
      done = std::unexpected(problem);
      return false;
    };
    scan_join(reader_, join, scan);
    return done;
  }

  void class_field(JsonWriter& json, const char* name, const std::string& model,
                   std::uint16_t code) const {
    json.key(name);
    if (code == LabelJoin::kNoStoredClass) {
      json.null();
    } else {
      json.value(names_.class_name(model, code));
    }
  }

  [[nodiscard]] Result<> join_row(const std::string& model, const JoinRow& stored) {
    const LabelJoin::Row& row = stored.row;
    const bool is_predicted = row.predicted_at != kNoTime;
    const bool is_value =
        row.labelled_at != kNoTime && row.actual_class == LabelJoin::kNoStoredClass;
    return line("join_row", [&](JsonWriter& json) {
      json.field("model", model);
      json.field("row", stored.number);
      json.field("id_hash", fmt::format("{:016x}{:016x}", row.id.high, row.id.low));
      json.key("replaces");
      if (row.previous == kNoRow) {
        json.null();
      } else {
        json.value(row.previous);
      }
      time(json, "prediction_time", row.predicted_at);
      time(json, "label_time", row.labelled_at);
      json.key("version");
      if (is_predicted) {
        json.value(names_.version(model, row.version));
      } else {
        json.null();
      }
      json.key("pane");
      if (is_predicted) {
        json.value(row.pane);
      } else {
        json.null();
      }
      json.field("score", is_predicted ? row.score : std::nan(""));
      class_field(json, "predicted_class", model, row.predicted_class);
      class_field(json, "actual_class", model, row.actual_class);
      json.field("actual_value", is_value ? row.actual_value : std::nan(""));
      json.key("scores");
      json.begin_array();
      for (std::size_t at = 0; at < stored.scores.size(); at += sizeof(double)) {
        double score = 0;
        std::memcpy(&score, stored.scores.data() + at, sizeof(score));
        json.value(score);
      }
      json.end_array();
    });
  }

  [[nodiscard]] Result<> outbox_entry(const StoredOutboxEntry& entry) {
    return line("outbox", [&](JsonWriter& json) {
      json.field("sequence", entry.sequence);
      json.field("sink", entry.sink);
      json.field("id", entry.id);
      time(json, "created", entry.created);
      json.field("payload", entry.payload);
    });
  }

  [[nodiscard]] Result<> summary() {
    const auto counts = counts_;
    return line("summary", [&](JsonWriter& json) {
      json.field("state_dir", reader_.folder());
      json.field("format", reader_.format());
      json.field("instance_id", reader_.instance_id());
      json.field("in_use", reader_.in_use());
      json.key("counts");
      json.begin_object();
      for (const char* type : {"partition", "monitor", "open_pane", "pane", "open_window",
                               "closed_window", "outbox", "join_row"}) {
        const auto found = counts.find(type);
        json.field(type, found == counts.end() ? std::uint64_t{0} : found->second);
      }
      json.end_object();
    });
  }

  StateReader& reader_;
  const StoredState& outline_;
  const StoredNames names_;
  const std::map<std::string, Fingerprint> models_;
  std::string out_;
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

}  // namespace

int export_state(const std::string& folder) {
  const auto reader = StateReader::open(folder);
  if (!reader) return fail_with(reader.error());
  const auto outline = (*reader)->load_outline();
  if (!outline) return fail_with(outline.error());
  if (const Result<> done = StateExport(**reader, *outline).run(); !done) {
    const int code = fail_with(done.error());
    fmt::print(stderr, "the export ends there: it is not whole\n");
    return code;
  }
  return kExitOk;
}

}  // namespace driftd
