#include "daemon/coordinator.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <unordered_map>

#include "daemon/fingerprint.h"
#include "state/fault_points.h"

namespace driftd {
namespace {

// At a stop the last checkpoint is tried for this long; the state of the one before it stays valid.
constexpr int kLastTries = 5;

constexpr DurationMs kLookAtDiskEvery = 1'000;

// How many windows of each monitor a restart shows again; older ones are in the store.
constexpr std::size_t kRecalledWindows = 24;

// A topic created anew may be read from the very offset at which its predecessor ended.
[[nodiscard]] bool is_at_same_place(const PartitionProgress& a, const PartitionProgress& b) {
  return a.next_offset == b.next_offset && a.last_offset == b.last_offset &&
         a.last_fingerprint == b.last_fingerprint;
}

}  // namespace

struct Coordinator::Snapshot {
  PartitionStates progress;
  Checkpoint checkpoint;
  std::map<MonitorId, std::int64_t> predictions;  // windows by count: how many each monitor has had
};

Coordinator::Coordinator(const Config& config, ModelSetup& models, StateStore& store,
                         Source& source, OutboxComposer& outbox, CheckpointObserver& observer,
                         const Clock& clock, unsigned lanes, DurationMs retry_pause)
    : config_(config),
      models_(models),
      store_(store),
      source_(source),
      outbox_(outbox),
      observer_(observer),
      clock_(clock),
      archive_([this](const PaneKey& key) -> Result<WindowSummaries> {
        Result<StoredSummaries> stored = store_.load_summaries(window_id(key));
        if (!stored) return std::unexpected(stored.error());
        return WindowSummaries{std::move(stored->features), std::move(stored->performance)};
      }),
      evaluator_(models.evaluated(), clock, archive_),
      times_(config, models.monitored()),
      join_memory_(config.state.memory),
      lane_count_(lanes),
      retry_pause_(retry_pause) {}

Coordinator::~Coordinator() = default;

Result<> Coordinator::open_joins(const StoredState& state) {
  join_logs_.reserve(models_.schemas().size());
  for (const ModelSchema* schema : models_.schemas()) {
    joins_.emplace_back();
    join_logs_.push_back(nullptr);
    if (!needs_labels(config_)) continue;
    const auto stored = std::ranges::find(state.joins, schema->name, &StoredJoin::model);
    const std::span<const JoinSegment> segments =
        stored == state.joins.end() ? std::span<const JoinSegment>() : stored->segments;
    auto log = JoinLog::open(join_folder(store_.folder(), schema->name),
                             LabelJoin::row_bytes(*schema), segments);
    if (!log) return std::unexpected(log.error());
    join_logs_.back() = log->get();
    joins_.back() = std::make_unique<LabelJoin>(*schema, join_memory_, std::move(*log));
    if (stored != state.joins.end())
      joins_.back()->recall_expired({stored->predictions_until, stored->until});
    if (auto done = recall_rows(*joins_.back(), *join_logs_.back(), segments); !done) return done;
    if (const std::uint64_t rows = joins_.back()->counts().rows; rows > 0)
      spdlog::info("model {}: {} predictions and labels are waiting", schema->name, rows);
  }
  return {};
}

void Coordinator::make_lanes() {
  std::vector<LabelJoin*> joins;
  joins.reserve(joins_.size());
  for (const auto& join : joins_) joins.push_back(join.get());
  // Windows by count hold every N predictions in order of arrival, and only one lane has an order.
  const bool by_count =
      std::any_of(config_.models.begin(), config_.models.end(),
                  [](const ModelConfig& model) { return model.window.count > 0; });
  const unsigned lanes = by_count ? 1 : lane_count_;
  std::vector<LaneWindows*> windows;
  for (unsigned lane = 0; lane < lanes; ++lane) {
    windows_.push_back(std::make_unique<LaneWindows>(models_.monitored(), joins, false));
    windows.push_back(windows_.back().get());
  }
  lanes_ = std::make_unique<Lanes>(source_, std::move(windows), models_.schemas());
}

WindowId Coordinator::window_id(const PaneKey& key) const {
  return {models_.schemas()[position(key.monitor.model)]->name,
          static_cast<std::uint32_t>(position(key.monitor.version)), key.pane};
}

Result<PaneKey> Coordinator::pane_key(const WindowId& id) const {
  for (const ModelSchema* schema : models_.schemas()) {
    if (schema->name == id.model)
      return PaneKey{{schema->index, static_cast<VersionIndex>(id.version)}, id.pane};
  }
  return fail(ErrorCode::not_found, id.model);
}

Result<> Coordinator::start() {
  Result<StoredState> state = store_.load();
  if (!state) return std::unexpected(state.error());
  if (auto fits = check_fingerprints(*state); !fits) return fits;
  if (auto opened = open_joins(*state); !opened) return opened;
  make_lanes();
  if (auto restored = restore(*state); !restored) return restored;
  observer_.recalled(evaluator_.recall(kRecalledWindows));
  if (auto begun = source_.start(*this, static_cast<unsigned>(windows_.size())); !begun)
    return begun;
  lanes_->start();
  last_checkpoint_ = clock_.steady();
  started_ = true;
  return {};
}

Result<> Coordinator::check_fingerprints(StoredState& state) {
  std::vector<std::string> changed;
  std::string what;
  for (const StoredFingerprint& stored : state.fingerprints) {
    for (const ModelSchema* schema : models_.schemas()) {
      const std::string now = models_.fingerprint(schema->index);
      if (schema->name != stored.model || now == stored.fingerprint) continue;
      changed.push_back(stored.model);
      what += fmt::format("{}model `{}` has changed in {}", what.empty() ? "" : "; ", stored.model,
                          what_changed(stored.fingerprint, now));
    }
  }
  if (changed.empty()) return {};
  if (config_.state.on_change == OnChange::refuse) {
    return fail(ErrorCode::incompatible,
                fmt::format("the state in {} does not fit the configuration: {}. Put the old "
                            "configuration back; or set [state] on_change = \"set_aside\", which "
                            "keeps a copy and begins these models anew at the stored offsets; or "
                            "give [daemon] state_dir a new folder to begin all anew. Nothing has "
                            "been changed",
                            store_.path(), what));
  }
  const std::string stamp = fmt::format("{:%Y%m%dT%H%M%S}.{:03}Z",
                                        fmt::gmtime(clock_.now() / 1'000), clock_.now() % 1'000);
  const Result<std::string> copy = store_.set_aside(changed, stamp);
  if (!copy) return std::unexpected(copy.error());
  spdlog::warn(
      "{}: what was stored of it is set aside in {}, and it begins anew at the stored "
      "offsets",
      what, *copy);
  Result<StoredState> rest = store_.load();
  if (!rest) return std::unexpected(rest.error());
  state = std::move(*rest);
  return {};
}

Result<> Coordinator::restore(StoredState& state) {
  for (const StoredPartition& p : state.partitions) {
    PartitionState& partition = stored_[{p.source, p.topic, p.partition}];
    partition.kind = static_cast<MessageKind>(p.kind);
    partition.progress.next_offset = p.next_offset;
    partition.progress.max_event_time = p.max_event_time;
    partition.progress.last_offset = p.last_offset;
    partition.progress.last_fingerprint = p.last_fingerprint;
  }
  for (const StoredName& name : state.names) {
    for (const ModelSchema* schema : models_.schemas()) {
      if (schema->name != name.model) continue;
      Names& names = name.kind == "version" ? *schema->versions : *schema->classes;
      if (names.code(name.text) != name.code) {
        return fail(
            ErrorCode::incompatible,
            fmt::format("the state in {} numbers the {} names of model `{}` otherwise than its "
                        "reference does: give "
                        "[daemon] state_dir a new folder to begin anew",
                        store_.path(), name.kind, name.model));
      }
      names_written_[name.model + "/" + name.kind] = name.code + 1;
    }
  }
  return restore_windows(state);
}

Result<> Coordinator::restore_windows(StoredState& state) {
  const auto damaged = [this](const char* what) {
    return fail(ErrorCode::corrupted, fmt::format("the state database {} holds a {} that cannot be "
                                                  "read: put a copy back, or give [daemon] "
                                                  "state_dir a new folder to begin anew",
                                                  store_.path(), what));
  };
  for (const StoredOpenPane& stored : state.open_panes) {
    const Result<PaneKey> key = pane_key(stored.window);
    if (!key) continue;  // of a model that is not configured any more
    const MonitoredModel& model = models_.monitored()[position(key->monitor.model)];
    auto pane = std::make_unique<Pane>(model);
    if (!pane->read_features(stored.summaries.features, model) ||
        !pane->read_performance(stored.summaries.performance, model)) {
      return damaged("window");
    }
    pane->features_changed = pane->performance_changed = true;
    windows_[0]->restore(*key, std::move(pane));
  }
  for (const StoredWindow& stored : state.windows) {
    const Result<PaneKey> key = pane_key(stored.window);
    if (!key) continue;
    ByteReader in(stored.record);
    WindowRecord window;
    if (!WindowRecord::read(in, window)) return damaged("closed window");
    archive_.restore(*key, window);
  }
  for (const WindowId& id : state.forgotten_windows) {
    if (const Result<PaneKey> key = pane_key(id)) archive_.restore_forgotten(*key);
  }
  for (const WindowId& id : state.panes) {
    if (const Result<PaneKey> key = pane_key(id)) archive_.restore_pane(*key);
  }
  for (const StoredMonitor& stored : state.monitors) {
    const Result<PaneKey> key = pane_key({stored.model, stored.version, 0});
    if (!key) continue;
    MonitorState& monitor = evaluator_.monitors()[key->monitor];
    monitor.windows = stored.windows;
    ByteReader in(stored.health);
    const bool is_whole = MonitorHealth::read(in, monitor.health) &&
                          SequentialWatches::read(in, monitor.sequential) &&
                          ClassDelays::read(in, monitor.label_delays) &&
                          evaluator_.read_budget(in, key->monitor);
    if (!is_whole) return damaged("monitor");
    for (auto& windows : windows_) {
      windows->assigner(key->monitor.model)
          .restore_number(key->monitor.version, stored.predictions);
    }
    observer_.monitor_changed(evaluator_.name_of(key->monitor), monitor);
  }
  return {};
}

void Coordinator::step() {
  source_.control();
  source_ready_ = source_.ready();
  watch_disk();
  if (clock_.steady() - last_checkpoint_ >= config_.daemon.checkpoint_interval) checkpoint(false);
}

// Stops intake before the disk is full: what has been read is then made durable while there is room
// for it.
void Coordinator::watch_disk() {
  if (clock_.steady() < next_look_at_disk_ || gave_up_) return;
  next_look_at_disk_ = clock_.steady() + kLookAtDiskEvery;
  const std::string reason = why_full(store_.folder(), config_.state.min_free, disk_is_full_);
  const bool was_full = std::exchange(disk_is_full_, !reason.empty());
  if (disk_is_full_) {
    if (!was_full) spdlog::error("{}", reason);
    lanes_->park();
    set_trouble(reason);
  } else if (was_full) {
    spdlog::info("there is room on the disk again, intake goes on");
    set_trouble("");
    resume_lanes();
  }
}

void Coordinator::resume_lanes() {
  if (!disk_is_full_ && !gave_up_ && !writing_failed_) lanes_->resume();
}

void Coordinator::set_trouble(std::string trouble) {
  const std::scoped_lock lock(mutex_);
  trouble_ = std::move(trouble);
}

// A row of a label join that cannot be read must not become a number, so nothing after the last
// good checkpoint is kept; that one stays valid.
bool Coordinator::found_damage() {
  for (std::size_t i = 0; i < joins_.size(); ++i) {
    if (joins_[i] == nullptr) continue;
    const std::optional<RowNumber> row = joins_[i]->damage();
    if (!row) continue;
    gave_up_ = true;
    set_trouble(fmt::format(
        "the label join's file {} cannot be read or is damaged, intake is stopped: put a copy of "
        "the state directory back, or give [daemon] state_dir a new folder to begin anew",
        join_logs_[i]->place_of(*row)));
    spdlog::error("{}", trouble_);
    return true;
  }
  return false;
}

Result<> Coordinator::write_join_rows() {
  for (JoinLog* log : join_logs_) {
    if (log == nullptr) continue;
    if (auto done = log->write(); !done) return done;
  }
  join_rows_written_ = true;
  return {};
}

// Rows first, then the transaction that says how many of them count.
Result<> Coordinator::write_once(const Checkpoint& checkpoint) {
  if (!join_rows_written_) {
    if (auto done = write_join_rows(); !done) return done;
  }
  for (JoinLog* log : join_logs_) {
    if (log == nullptr) continue;
    if (auto done = log->sync(); !done) {
      join_rows_written_ = false;
      return done;
    }
  }
  return store_.write(checkpoint);
}

void Coordinator::take_panes(Snapshot& snapshot) {
  std::unordered_map<PaneKey, std::uint64_t> predictions;
  for (const auto& windows : windows_) {
    for (const auto& [key, pane] : windows->panes()) predictions[key] += pane->predictions;
  }
  for (unsigned lane = 0; lane < windows_.size(); ++lane) {
    auto& panes = windows_[lane]->panes();
    for (auto entry = panes.begin(); entry != panes.end();) {
      const PaneKey key = entry->first;
      Pane& pane = *entry->second;
      if (evaluator_.was_complete(key) || times_.is_complete(key, predictions[key])) {
        if (open_in_store_.erase({lane, key}) > 0) {
          snapshot.checkpoint.closed_open_panes.emplace_back(lane, window_id(key));
        }
        evaluator_.absorb(key, std::move(entry->second));
        entry = panes.erase(entry);
        continue;
      }
      if (pane.features_changed || pane.performance_changed) {
        StoredOpenPane& stored = snapshot.checkpoint.open_panes.emplace_back();
        stored.lane = lane;
        stored.window = window_id(key);
        pane.write_features(stored.summaries.features);
        pane.write_performance(stored.summaries.performance);
        pane.features_changed = pane.performance_changed = false;
        open_in_store_.insert({lane, key});
      }
      ++entry;
    }
  }
}

void Coordinator::take_snapshot(Snapshot& snapshot) {
  snapshot.progress = source_.progress();
  Checkpoint& checkpoint = snapshot.checkpoint;
  for (const auto& [id, state] : snapshot.progress) {
    const PartitionProgress& progress = state.progress;
    const auto before = stored_.find(id);
    if (before != stored_.end() && is_at_same_place(before->second.progress, progress)) continue;
    checkpoint.partitions.push_back(
        {id.source, id.topic, id.partition, static_cast<int>(state.kind), progress.next_offset,
         progress.max_event_time, progress.last_offset, progress.last_fingerprint});
  }
  times_.update(snapshot.progress, clock_.now(), clock_.steady());
  for (const ModelSchema* schema : models_.schemas()) {
    observer_.watermark(schema->name, times_.watermark(schema->index));
    if (const TimeMs latest = times_.latest(schema->index); latest != kNoTime)
      evaluator_.set_event_time(schema->index, latest);
  }
  checkpoint.replaces_open_panes = first_checkpoint_;
  take_panes(snapshot);
  for (std::size_t i = 0; i < joins_.size(); ++i) {
    if (joins_[i] == nullptr) continue;
    const ModelIndex model = models_.schemas()[i]->index;
    joins_[i]->expire(times_.watermark(model), times_.labels_until(model));
    const LabelJoin::Expired expired = joins_[i]->expired();
    checkpoint.joins.push_back({models_.schemas()[i]->name, joins_[i]->begin_checkpoint(),
                                expired.predictions_until, expired.until});
  }
  refresh_totals();
}

void Coordinator::refresh_totals() {
  PipelineTotals totals;
  for (const auto& windows : windows_) {
    const LaneTotals& lane = windows->totals();
    totals.predictions += lane.predictions;
    totals.labels += lane.labels;
    totals.joined += lane.joined;
    totals.discarded.merge(lane.discarded);
  }
  totals.windows = evaluator_.windows_closed();
  totals.alerts = evaluator_.alerts();
  totals.too_late = evaluator_.too_late();
  totals.damaged_windows = evaluator_.damaged_windows();
  for (std::size_t i = 0; i < joins_.size(); ++i) {
    if (!joins_[i]) continue;
    JoinTotals& join = totals.joins[models_.schemas()[i]->name];
    join.counts = joins_[i]->counts();
    for (const auto& windows : windows_) join.delays.merge(windows->totals().label_delays[i]);
  }
  const std::scoped_lock lock(mutex_);
  totals_ = totals;
}

void Coordinator::take_names(Checkpoint& checkpoint) {
  for (const ModelSchema* schema : models_.schemas()) {
    for (const char* kind : {"version", "class"}) {
      const Names& names =
          kind == std::string_view("version") ? *schema->versions : *schema->classes;
      std::uint32_t& written = names_written_[schema->name + "/" + kind];
      for (; written < names.size(); ++written) {
        checkpoint.names.push_back({schema->name, kind, written, names.text(written)});
      }
    }
  }
}

void Coordinator::take_windows(Checkpoint& checkpoint) {
  const WindowArchive::Changes& changes = archive_.changes();
  for (const PaneKey& key : changes.windows) {
    StoredWindow& stored = checkpoint.windows.emplace_back();
    stored.window = window_id(key);
    ByteWriter out(stored.record);
    archive_.windows().at(key).write(out);
  }
  for (const PaneKey& key : changes.panes) {
    const WindowSummaries& summaries = archive_.changed_summaries(key);
    checkpoint.panes.push_back({window_id(key), {summaries.features, summaries.performance}});
  }
  const auto list = [&](const std::set<PaneKey>& keys, std::vector<WindowId>& ids) {
    for (const PaneKey& key : keys) ids.push_back(window_id(key));
  };
  list(changes.forgotten, checkpoint.forgotten_windows);
  list(changes.no_longer_remembered, checkpoint.erased_windows);
  list(changes.erased_panes, checkpoint.erased_panes);
}

void Coordinator::take_numbers(Snapshot& snapshot) {
  for (const ModelSchema* schema : models_.schemas()) {
    for (auto& windows : windows_) {
      const std::vector<std::int64_t>& numbers = windows->assigner(schema->index).numbers();
      for (std::size_t version = 0; version < numbers.size(); ++version) {
        std::int64_t& number =
            snapshot.predictions[{schema->index, static_cast<VersionIndex>(version)}];
        number = std::max(number, numbers[version]);
      }
    }
  }
}

void Coordinator::store_monitors(Snapshot& snapshot) {
  for (const auto& [id, predictions] : snapshot.predictions)
    evaluator_.monitors()[id].changed |= predictions > 0;
  for (const auto& [id, monitor] : evaluator_.monitors()) {
    if (!monitor.changed) continue;
    StoredMonitor& stored = snapshot.checkpoint.monitors.emplace_back();
    stored.model = models_.schemas()[position(id.model)]->name;
    stored.version = static_cast<std::uint32_t>(position(id.version));
    stored.windows = monitor.windows;
    stored.predictions = snapshot.predictions[id];
    ByteWriter out(stored.health);
    monitor.health.write(out);
    monitor.sequential.write(out);
    monitor.label_delays.write(out);
    evaluator_.write_budget(id, out);
  }
}

void Coordinator::checkpoint(bool last) {
  // What a checkpoint that was given up held is not in the store, so none after it may be written.
  if (gave_up_) return;
  const TimeMs begun = clock_.steady();
  const std::int64_t cpu_begun = thread_cpu_us();
  Snapshot snapshot;
  Checkpoint& checkpoint = snapshot.checkpoint;
  lanes_->park();
  take_snapshot(snapshot);
  take_names(checkpoint);
  take_numbers(snapshot);
  if (found_damage()) return;
  join_rows_written_ = false;
  // Where they cannot be written, `write_until_done` says so and tries again, and the lanes stand.
  writing_failed_ = !write_join_rows();
  if (!last) resume_lanes();

  const std::int64_t evaluation_begun = thread_cpu_us();
  evaluator_.evaluate([this](const PaneKey& window) {
    const WindowSpec& spec = models_.monitored()[position(window.monitor.model)].window;
    return spec.by_count() || times_.has_passed(window.monitor.model, window.pane + spec.size);
  });
  for (const ModelSchema* schema : models_.schemas()) {
    evaluator_.mature(schema->index, times_.watermark(schema->index),
                      times_.labels_until(schema->index));
  }
  evaluator_.amend(last);
  const std::int64_t evaluation_us = thread_cpu_us() - evaluation_begun;
  const std::vector<Report> reports = evaluator_.take_reports();
  take_windows(checkpoint);
  store_monitors(snapshot);
  checkpoint.outbox = outbox_.compose(reports);
  for (const auto& [sink, sequence] : outbox_.delivered()) {
    if (delivered_written_[sink] != sequence) checkpoint.delivered[sink] = sequence;
  }
  if (first_checkpoint_) {
    for (const ModelSchema* schema : models_.schemas()) {
      checkpoint.fingerprints.push_back({schema->name, models_.fingerprint(schema->index)});
    }
  }
  if (!write_until_done(checkpoint)) return;

  for (const auto& join : joins_) {
    if (join) join->commit();
  }
  archive_.committed();
  first_checkpoint_ = false;
  for (const auto& [sink, sequence] : checkpoint.delivered) delivered_written_[sink] = sequence;
  for (const auto& [id, state] : snapshot.progress) stored_[id] = state;
  source_.acknowledge(snapshot.progress);
  [[maybe_unused]] int nothing_to_fail = fault(FaultPoint::offsets_acknowledged);
  observer_.published(reports);
  nothing_to_fail = fault(FaultPoint::reports_published);
  for (auto& [id, monitor] : evaluator_.monitors()) {
    if (!std::exchange(monitor.changed, false)) continue;
    observer_.monitor_changed(evaluator_.name_of(id), monitor);
  }
  observer_.totals(totals());
  last_checkpoint_ = clock_.steady();
  observer_.checkpoint_written(
      {last_checkpoint_ - begun, thread_cpu_us() - cpu_begun - evaluation_us});
}

bool Coordinator::write_until_done(const Checkpoint& checkpoint) {
  for (int tries = 1;; ++tries) {
    const Result<> written = write_once(checkpoint);
    if (written) break;
    spdlog::error("a checkpoint cannot be written, intake is stopped: {}", written.error().message);
    set_trouble(written.error().message);
    // Nothing more is read until what has been read is safe.
    lanes_->park();
    writing_failed_ = true;
    if (stop_requested_ && tries >= kLastTries) {
      spdlog::error(
          "stopping without the last checkpoint: what came after the one before it is read again "
          "at the next "
          "start");
      gave_up_ = true;
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(retry_pause_));
  }
  if (std::exchange(writing_failed_, false)) {
    spdlog::info("checkpoints are written again");
    resume_lanes();
  }
  if (!disk_is_full_) set_trouble("");
  return true;
}

void Coordinator::stop() {
  if (!started_) return;
  stop_requested_ = true;
  lanes_->stop();
  checkpoint(true);
  source_.stop();
}

Readiness Coordinator::readiness() const {
  Readiness readiness;
  if (stop_requested_) readiness.reasons.emplace_back("stopping");
  if (!started_) readiness.reasons.emplace_back("starting: references and state are being loaded");
  if (started_ && !source_ready_)
    readiness.reasons.emplace_back("waiting for the source's partitions");
  const std::scoped_lock lock(mutex_);
  if (!trouble_.empty()) readiness.reasons.push_back(trouble_);
  readiness.ready = readiness.reasons.empty();
  return readiness;
}

PipelineTotals Coordinator::totals() const {
  const std::scoped_lock lock(mutex_);
  return totals_;
}

}  // namespace driftd
