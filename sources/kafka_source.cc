#include "sources/kafka_source.h"

#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <vector>

#include "core/check.h"
#include "sources/kafka_errors.h"
#include "sources/kafka_group.h"
#include "sources/kafka_lane.h"
#include "sources/kafka_partitions.h"
#include "sources/kafka_position.h"
#include "sources/kafka_starts.h"

namespace driftd {
namespace {

constexpr int kStartTimeoutMs = 10'000;  // for the first word of a broker
constexpr int kQueryTimeoutMs = 5'000;   // for offsets, during a rebalance
constexpr int kRetryTimeoutMs =
    500;  // for questions asked from `control`, which must come back soon
constexpr DurationMs kRetryInterval = 1'000;
// How soon a second instance is noticed, and that it has gone.
constexpr DurationMs kGroupInterval = 2'000;
constexpr int kGroupTimeoutMs = 5'000;
// While partitions are handed over there is a moment in which nobody has them.
constexpr int kMissedViews = 2;
constexpr int kCommitTimeoutMs = 3'000;
constexpr int kCloseTurnMs = 50;  // leaving the group is waited for in turns,
constexpr int kCloseTurns = 100;  // 5 s in all

[[nodiscard]] std::vector<std::string> all_topics(const KafkaSourceConfig& config) {
  std::vector<std::string> topics = config.predictions;
  topics.insert(topics.end(), config.labels.begin(), config.labels.end());
  return topics;
}

class KafkaConsumer final : public KafkaSource {
 public:
  KafkaConsumer(const KafkaSourceConfig& config, std::span<const ModelSchema* const> models,
                const Clock& clock, DiscardedMessages& discarded, const DecoderOptions& options,
                std::string instance_id)
      : config_(config),
        models_(models.begin(), models.end()),
        clock_(clock),
        discarded_(discarded),
        options_(options),
        instance_id_(std::move(instance_id)),
        topics_(all_topics(config_)),
        errors_(config.name, clock) {}
  ~KafkaConsumer() override { stop(); }

  Result<void> start(SourceHost& host, unsigned lanes) override;
  void control() override;
  bool ready() const override { return not_ready().empty(); }
  bool poll(unsigned lane, LaneBatch& batch, std::uint32_t max_rows, DurationMs timeout) override;
  PartitionStates progress() const override;
  void acknowledge(const PartitionStates& durable) override;
  void stop() override;

  std::string not_ready() const override;
  KafkaCounters counters() const override;
  std::map<PartitionId, std::int64_t> lag() const override;

 private:
  // Why a partition is not read: for good, or until a broker has said which messages it holds.
  struct Hold {
    std::string why;
    bool for_good = false;
  };

  void rebalance(rd_kafka_resp_err_t event, rd_kafka_topic_partition_list_t* partitions);
  void assign(const rd_kafka_topic_partition_list_t& partitions);
  void revoke(const rd_kafka_topic_partition_list_t& partitions);
  void resolve(int timeout_ms);
  void begin(PartitionReader& reader, const Start& start, rd_kafka_topic_partition_list_t& fetch);
  void recover();
  void expect_stored();
  [[nodiscard]] bool has_stored(const std::string& topic) const;
  void watch_group();
  void note_group(const GroupView& view);
  [[nodiscard]] bool knows_topics(int timeout_ms);
  [[nodiscard]] bool note_topics(std::string problem);
  void check_connection();
  [[nodiscard]] PartitionList take_durable(bool unsent_only);
  void commit_now();
  void check_commit(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t* partitions);
  void close();

  [[nodiscard]] MessageKind kind_of(const std::string& topic) const {
    return std::ranges::find(config_.labels, topic) != config_.labels.end()
               ? MessageKind::label
               : MessageKind::prediction;
  }
  [[nodiscard]] PartitionId id_of(const rd_kafka_topic_partition_t& partition) const {
    return {config_.name, partition.topic, partition.partition};
  }

  const KafkaSourceConfig config_;
  const std::vector<const ModelSchema*> models_;
  const Clock& clock_;
  DiscardedMessages& discarded_;
  const DecoderOptions options_;
  const std::string instance_id_;
  const std::string metadata_ = commit_metadata(instance_id_);
  const std::vector<std::string> topics_;

  SourceHost* host_ = nullptr;
  KafkaHandle client_;
  PartitionTable table_;
  KafkaErrors errors_;
  std::vector<std::unique_ptr<KafkaLane>> lanes_;
  std::unique_ptr<KafkaGroup> group_;
  std::unique_ptr<KafkaStarts> starts_;

  bool stopping_ = false;
  bool topics_known_ = false;
  TimeMs next_retry_ = 0;
  bool disconnected_ = false;
  TimeMs connected_since_ =
      0;  // on the steady clock: partitions are idle from then at the earliest
  std::atomic<bool> assigned_once_{false};
  bool has_had_partitions_ = false;
  bool group_is_known_ = true;  // until the brokers say that they cannot be asked
  TimeMs next_group_view_ = 0;

  std::atomic<std::uint64_t> rebalances_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::string topic_problem_ = "not started";
  std::map<PartitionId, Hold> held_;  // assigned, but not read
  ForeignPartitions foreign_;
};

Result<void> KafkaConsumer::start(SourceHost& host, unsigned lanes) {
  host_ = &host;
  const std::string member = instance_id_ + "-" + config_.name;
  auto conf = make_kafka_conf(config_, member);
  if (!conf) return std::unexpected(conf.error());
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_rebalance_cb(
      conf->get(),
      [](rd_kafka_t*, rd_kafka_resp_err_t event, rd_kafka_topic_partition_list_t* partitions,
         void* opaque) { static_cast<KafkaConsumer*>(opaque)->rebalance(event, partitions); });
  rd_kafka_conf_set_error_cb(conf->get(),
                             [](rd_kafka_t*, int error, const char* reason, void* opaque) {
                               auto& self = *static_cast<KafkaConsumer*>(opaque);
                               if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
                                 self.disconnected_ = true;
                               self.errors_.note(error, reason);
                             });
  rd_kafka_conf_set_offset_commit_cb(
      conf->get(),
      [](rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
         void* opaque) { static_cast<KafkaConsumer*>(opaque)->check_commit(error, partitions); });
  auto client = make_kafka_consumer(config_, std::move(*conf));
  if (!client) return std::unexpected(client.error());
  client_ = std::move(*client);
  rd_kafka_poll_set_consumer(client_.get());
  group_ = std::make_unique<KafkaGroup>(client_.get(), config_.group_id, instance_id_ + "-");
  starts_ = std::make_unique<KafkaStarts>(client_.get(), config_, instance_id_, *group_, errors_);
  const KafkaLaneContext context{config_.name, clock_, table_, discarded_, errors_};
  for (unsigned i = 0; i < lanes; ++i) {
    lanes_.push_back(
        std::make_unique<KafkaLane>(client_.get(), context, make_json_decoder(models_, options_)));
  }
  connected_since_ = clock_.steady();
  topics_known_ = knows_topics(kStartTimeoutMs);

  PartitionList topics(rd_kafka_topic_partition_list_new(4));
  for (const auto* names : {&config_.predictions, &config_.labels}) {
    for (const std::string& name : *names) {
      rd_kafka_topic_partition_list_add(topics.get(), name.c_str(), RD_KAFKA_PARTITION_UA);
    }
  }
  if (const auto error = rd_kafka_subscribe(client_.get(), topics.get());
      error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(ErrorCode::invalid_config,
                config_.name + ": cannot subscribe: " + rd_kafka_err2str(error));
  }
  return {};
}

bool KafkaConsumer::poll(unsigned lane, LaneBatch& batch, std::uint32_t max_rows,
                         DurationMs timeout) {
  lanes_[lane]->poll(batch, max_rows, timeout);
  return true;
}

void KafkaConsumer::control() {
  while (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_.get(), 0)) {
    // Messages go to the lanes' queues; here come the errors of the consumer as a whole.
    DRIFTD_CHECK(message->err != RD_KAFKA_RESP_ERR_NO_ERROR);
    errors_.note(message->err, rd_kafka_message_errstr(message));
    rd_kafka_message_destroy(message);
  }
  recover();
  watch_group();
  const TimeMs now = clock_.steady();
  if (now < next_retry_) return;
  next_retry_ = now + kRetryInterval;
  if (disconnected_) check_connection();
  if (!topics_known_) topics_known_ = knows_topics(kRetryTimeoutMs);
  resolve(kRetryTimeoutMs);
}

// A partition's idle clock stops while no broker can be reached, and begins anew once one can.
void KafkaConsumer::check_connection() {
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(client_.get(), 0, nullptr, &metadata, kRetryTimeoutMs) !=
      RD_KAFKA_RESP_ERR_NO_ERROR)
    return;
  rd_kafka_metadata_destroy(metadata);
  disconnected_ = false;
  connected_since_ = clock_.steady();
  spdlog::info("{}: a broker answers again", config_.name);
}

bool KafkaConsumer::knows_topics(int timeout_ms) {
  std::string problem;
  for (const auto* names : {&config_.predictions, &config_.labels}) {
    for (const std::string& name : *names) {
      const auto count = count_partitions(client_.get(), config_.brokers, name, timeout_ms);
      if (!count && problem.empty()) problem = count.error().message;
      // Without a broker the next topic would only take the same time once more.
      if (!count && count.error().code == ErrorCode::unavailable)
        return note_topics(std::move(problem));
    }
  }
  return note_topics(std::move(problem));
}

bool KafkaConsumer::note_topics(std::string problem) {
  const std::scoped_lock lock(mutex_);
  if (!problem.empty() && problem != topic_problem_)
    spdlog::error("{}: {}; trying again", config_.name, problem);
  topic_problem_ = std::move(problem);
  return topic_problem_.empty();
}

std::string KafkaConsumer::not_ready() const {
  const std::scoped_lock lock(mutex_);
  if (!topic_problem_.empty()) return config_.name + ": " + topic_problem_;
  std::string why;
  if (!held_.empty()) {
    const auto& [id, hold] = *held_.begin();
    why = fmt::format("{}[{}]: {}", id.topic, id.partition, hold.why);
    if (held_.size() > 1) why += fmt::format(" ({} partitions in all are held)", held_.size());
  }
  if (foreign_.count > 0) {
    why += fmt::format(
        "{}{} partitions are read by another instance in the group {}, which is not supported: {}; "
        "stop it, or give it its own group_id, state_dir and store",
        why.empty() ? "" : "; ", foreign_.count, config_.group_id, foreign_.who);
  }
  if (why.empty() && !assigned_once_.load()) why = "waiting for partitions from the consumer group";
  return why.empty() ? why : config_.name + ": " + why;
}

KafkaCounters KafkaConsumer::counters() const {
  KafkaCounters counters;
  counters.errors_total = errors_.total();
  counters.rebalances_total = rebalances_.load();
  if (starts_) counters.losses = starts_->losses();
  const std::scoped_lock lock(mutex_);
  counters.foreign_partitions = foreign_.count;
  return counters;
}

void KafkaConsumer::rebalance(rd_kafka_resp_err_t event,
                              rd_kafka_topic_partition_list_t* partitions) {
  rebalances_.fetch_add(1, std::memory_order_relaxed);
  if (event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assign(*partitions);
  } else {
    if (event != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
      errors_.note(event, "the consumer group failed");
    revoke(*partitions);
  }
}

void KafkaConsumer::assign(const rd_kafka_topic_partition_list_t& partitions) {
  for (int i = 0; i < partitions.cnt; ++i) {
    const PartitionId id = id_of(partitions.elems[i]);
    PartitionReader& reader =
        table_.assign(id, kind_of(id.topic), static_cast<unsigned>(lanes_.size()));
    const auto stored = host_->stored().find(id);
    reader.has_progress = stored != host_->stored().end();
    reader.progress = reader.has_progress ? stored->second.progress : PartitionProgress{};
    reader.progress.caught_up = false;
    reader.position.store(reader.progress.next_offset, std::memory_order_relaxed);
    reader.trouble.store(Trouble::none, std::memory_order_relaxed);
    reader.is_first_assignment = !has_had_partitions_;
    reader.is_added = !reader.has_progress && has_stored(id.topic);
    reader.is_another = false;
    reader.is_away = false;
    reader.fetching = false;
    reader.durable = -1;
    reader.committed = -1;
    const std::scoped_lock lock(mutex_);
    held_[id] = {"waiting for a broker to say which messages there are", false};
  }
  has_had_partitions_ = has_had_partitions_ || partitions.cnt > 0;
  if (!assigned_once_.load()) expect_stored();
  // librdkafka wants an answer to every rebalance, be it an empty one; `resolve` then adds what can
  // be read.
  const PartitionList none(rd_kafka_topic_partition_list_new(0));
  if (rd_kafka_error_t* error = rd_kafka_incremental_assign(client_.get(), none.get())) {
    errors_.note(rd_kafka_error_code(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
  }
  resolve(kQueryTimeoutMs);
  assigned_once_.store(true);
}

// Gives every assigned partition that is not fetched yet its start, as far as the brokers answer.
void KafkaConsumer::resolve(int timeout_ms) {
  std::vector<PartitionReader*> waiting;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, hold] : held_) {
      if (!hold.for_good) waiting.push_back(table_.find(id));
    }
  }
  if (waiting.empty()) return;
  const auto starts = starts_->find(waiting, timeout_ms);
  const PartitionList fetch(rd_kafka_topic_partition_list_new(static_cast<int>(waiting.size())));
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if (starts[i]) begin(*waiting[i], *starts[i], *fetch);
  }
  if (fetch->cnt == 0) return;
  if (rd_kafka_error_t* error = rd_kafka_incremental_assign(client_.get(), fetch.get())) {
    errors_.note(rd_kafka_error_code(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
  }
}

void KafkaConsumer::begin(PartitionReader& reader, const Start& start,
                          rd_kafka_topic_partition_list_t& fetch) {
  const std::scoped_lock lock(mutex_);
  if (!start.hold.empty()) {
    held_[reader.id] = {start.hold, true};
    errors_.note_always(
        fmt::format("{}[{}] is not read: {}", reader.id.topic, reader.id.partition, start.hold));
    return;
  }
  held_.erase(reader.id);
  const StartPosition& position = start.position;
  if (reader.progress.next_offset != position.next_offset || reader.is_another) {
    // What was counted last does not lie before this position.
    reader.progress.last_offset = -1;
    reader.progress.last_fingerprint = 0;
  }
  reader.progress.next_offset = position.next_offset;
  reader.position.store(position.next_offset, std::memory_order_relaxed);
  reader.has_progress = true;
  reader.is_another = false;
  reader.fetching = true;
  // Forwarded before it is assigned, so that no message goes to the consumer's own queue;
  // librdkafka keeps a forward that the application has set.
  const KafkaQueue queue(
      rd_kafka_queue_get_partition(client_.get(), reader.id.topic.c_str(), reader.id.partition));
  rd_kafka_queue_forward(queue.get(), lanes_[reader.lane]->queue());
  rd_kafka_topic_partition_list_add(&fetch, reader.id.topic.c_str(), reader.id.partition)->offset =
      position.fetch_at;
  reader.reading.store(position.prove ? Reading::proving : Reading::on, std::memory_order_release);
}

// A partition whose position a lane could not go on with stops, and looks for its start again.
void KafkaConsumer::recover() {
  std::vector<PartitionReader*> troubled;
  table_.for_each_assigned([&](PartitionReader& reader) {
    if (reader.fetching && reader.trouble.load(std::memory_order_acquire) != Trouble::none)
      troubled.push_back(&reader);
  });
  if (troubled.empty()) return;
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(troubled.size())));
  for (PartitionReader* reader : troubled) {
    // Behind its trouble the lane writes nothing of the partition any more.
    reader->reading.store(Reading::off, std::memory_order_release);
    reader->is_another = reader->trouble.exchange(Trouble::none) == Trouble::another;
    reader->progress.caught_up = false;
    reader->fetching = false;
    rd_kafka_topic_partition_list_add(list.get(), reader->id.topic.c_str(), reader->id.partition);
    const std::scoped_lock lock(mutex_);
    held_[reader->id] = {"waiting for a broker to say which messages there are", false};
  }
  if (rd_kafka_error_t* error = rd_kafka_incremental_unassign(client_.get(), list.get())) {
    errors_.note(rd_kafka_error_code(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
  }
  next_retry_ = 0;
}

// Whether other partitions of a topic have been read before.
bool KafkaConsumer::has_stored(const std::string& topic) const {
  return std::ranges::any_of(host_->stored(), [&](const auto& entry) {
    return entry.first.source == config_.name && entry.first.topic == topic;
  });
}

// Partitions that were read before this start and have not come yet are away until the group says
// where they are.
void KafkaConsumer::expect_stored() {
  for (const auto& [id, state] : host_->stored()) {
    const bool is_read = std::ranges::find(topics_, id.topic) != topics_.end();
    if (id.source != config_.name || !is_read) continue;
    PartitionReader& reader = table_.expect(id, kind_of(id.topic));
    if (reader.assigned) continue;
    reader.progress = state.progress;
    reader.has_progress = true;
    reader.is_away = group_is_known_;
  }
}

void KafkaConsumer::watch_group() {
  if (!group_is_known_) return;
  if (const auto answer = group_->answer()) {
    if (*answer) {
      note_group(**answer);
    } else if (answer->error().code == ErrorCode::rejected) {
      group_is_known_ = false;
      table_.for_each_other([](PartitionReader& reader) { reader.is_away = false; });
      spdlog::warn("{}: {}; a second instance in the group will not be noticed", config_.name,
                   answer->error().message);
    }
  }
  const TimeMs now = clock_.steady();
  if (now < next_group_view_) return;
  next_group_view_ = now + kGroupInterval;
  group_->ask(kGroupTimeoutMs);
}

void KafkaConsumer::note_group(const GroupView& view) {
  // While partitions are handed over what was known before is as good.
  if (!view.stable) return;
  table_.for_each_other([&](PartitionReader& reader) {
    const bool somebody_has_it = view.is_assigned(reader.id.topic, reader.id.partition);
    reader.missed_views = somebody_has_it ? 0 : reader.missed_views + 1;
    reader.is_away = reader.has_progress &&
                     (somebody_has_it || (reader.is_away && reader.missed_views < kMissedViews));
  });
  ForeignPartitions foreign = foreign_partitions(view, topics_);
  const std::scoped_lock lock(mutex_);
  if (foreign.who != foreign_.who) {
    if (foreign.count > 0) {
      errors_.note_always(fmt::format(
          "{} partitions are read by another instance in the group {}, which is not supported: {}. "
          "Windows of this one wait for them. Stop the other, or give it its own group_id, "
          "state_dir and store",
          foreign.count, config_.group_id, foreign.who));
    } else {
      spdlog::info("{}: no other instance in the group {} reads partitions any more", config_.name,
                   config_.group_id);
    }
  }
  foreign_ = std::move(foreign);
}

void KafkaConsumer::revoke(const rd_kafka_topic_partition_list_t& partitions) {
  std::vector<PartitionReader*> leaving;
  for (int i = 0; i < partitions.cnt; ++i) {
    PartitionReader* reader = table_.find(id_of(partitions.elems[i]));
    if (reader == nullptr || !reader->assigned) continue;
    reader->reading.store(Reading::off, std::memory_order_release);
    leaving.push_back(reader);
  }
  if (!stopping_ && !leaving.empty()) {
    host_->checkpoint_before_revoke();
    if (rd_kafka_assignment_lost(client_.get()) == 0) commit_now();
  }
  const PartitionList fetched(rd_kafka_topic_partition_list_new(partitions.cnt));
  for (PartitionReader* reader : leaving) {
    if (reader->fetching) {
      rd_kafka_topic_partition_list_add(fetched.get(), reader->id.topic.c_str(),
                                        reader->id.partition);
    }
    reader->fetching = false;
    // With what has been counted and stored it may come back.
    reader->progress.caught_up = false;
    reader->is_away = reader->has_progress && group_is_known_;
    reader->missed_views = 0;
    table_.release(*reader);
    const std::scoped_lock lock(mutex_);
    held_.erase(reader->id);
  }
  if (rd_kafka_error_t* error = rd_kafka_incremental_unassign(client_.get(), fetched.get())) {
    errors_.note(rd_kafka_error_code(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
  }
}

PartitionStates KafkaConsumer::progress() const {
  PartitionStates states;
  table_.for_each_assigned([&](const PartitionReader& reader) {
    if (!reader.has_progress) return;
    PartitionState state{reader.kind, reader.progress};
    // Nor is a partition at its end whose end cannot be known or reached.
    if (disconnected_ || !reader.fetching || reader.trouble.load() != Trouble::none)
      state.progress.caught_up = false;
    state.progress.caught_up_since = std::max(state.progress.caught_up_since, connected_since_);
    states.emplace(reader.id, state);
  });
  table_.for_each_other([&](const PartitionReader& reader) {
    if (reader.is_away) states.emplace(reader.id, PartitionState{reader.kind, reader.progress});
  });
  return states;
}

void KafkaConsumer::acknowledge(const PartitionStates& durable) {
  table_.for_each_assigned([&](PartitionReader& reader) {
    if (const auto found = durable.find(reader.id); found != durable.end() && reader.fetching) {
      reader.durable = found->second.progress.next_offset;
    }
  });
  const PartitionList list = take_durable(true);
  if (list->cnt == 0) return;
  const auto error = rd_kafka_commit(client_.get(), list.get(), 1);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) check_commit(error, list.get());
}

// What is durable, taken as committed from now on; a commit that fails takes that back.
PartitionList KafkaConsumer::take_durable(bool unsent_only) {
  PartitionList list(rd_kafka_topic_partition_list_new(8));
  table_.for_each_assigned([&](PartitionReader& reader) {
    if (reader.durable < 0 || (unsent_only && reader.durable == reader.committed)) return;
    rd_kafka_topic_partition_t* one =
        rd_kafka_topic_partition_list_add(list.get(), reader.id.topic.c_str(), reader.id.partition);
    one->offset = reader.durable;
    // The list frees it.
    one->metadata = ::strdup(metadata_.c_str());
    one->metadata_size = metadata_.size();
    reader.committed = reader.durable;
  });
  return list;
}

// Commits and waits for the answer, also for offsets that are on their way: before partitions are
// given away.
void KafkaConsumer::commit_now() {
  const PartitionList list = take_durable(false);
  if (list->cnt == 0) return;
  const KafkaQueue queue(rd_kafka_queue_new(client_.get()));
  const auto error =
      rd_kafka_commit_queue(client_.get(), list.get(), queue.get(), nullptr, nullptr);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return check_commit(error, list.get());
  if (rd_kafka_event_t* answer = rd_kafka_queue_poll(queue.get(), kCommitTimeoutMs)) {
    check_commit(rd_kafka_event_error(answer), rd_kafka_event_topic_partition_list(answer));
    rd_kafka_event_destroy(answer);
  } else {
    errors_.note(RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer to the commit of offsets");
  }
}

void KafkaConsumer::check_commit(rd_kafka_resp_err_t error,
                                 const rd_kafka_topic_partition_list_t* partitions) {
  if (error == RD_KAFKA_RESP_ERR__NO_OFFSET) return;
  for (int i = 0; partitions != nullptr && i < partitions->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = partitions->elems[i];
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && one.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    if (PartitionReader* reader = table_.find(id_of(one))) reader->committed = -1;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) errors_.note(one.err, "an offset cannot be committed");
  }
  // Only lag tools read committed offsets, and the next checkpoint commits again.
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) errors_.note(error, "offsets cannot be committed");
}

void KafkaConsumer::stop() {
  if (!client_) return;
  stopping_ = true;
  commit_now();
  close();
  // Their queues must go before the client.
  lanes_.clear();
  starts_.reset();
  group_.reset();
  client_.reset();
}

// Leaves the group, within a bound: rd_kafka_consumer_close alone may wait for ever.
void KafkaConsumer::close() {
  const KafkaQueue queue(rd_kafka_queue_new(client_.get()));
  if (rd_kafka_error_t* error = rd_kafka_consumer_close_queue(client_.get(), queue.get())) {
    errors_.note(rd_kafka_error_code(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return;
  }
  for (int turn = 0; turn < kCloseTurns; ++turn) {
    if (rd_kafka_consumer_closed(client_.get()) != 0) return;
    rd_kafka_message_t* message = rd_kafka_consume_queue(queue.get(), kCloseTurnMs);
    if (message != nullptr) rd_kafka_message_destroy(message);
  }
  spdlog::warn("{}: the consumer group did not let go in time; leaving anyway", config_.name);
}

std::map<PartitionId, std::int64_t> KafkaConsumer::lag() const {
  std::map<PartitionId, std::int64_t> lags;
  if (!client_) return lags;
  table_.for_each_assigned([&](const PartitionReader& reader) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const auto error = rd_kafka_get_watermark_offsets(client_.get(), reader.id.topic.c_str(),
                                                      reader.id.partition, &low, &high);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) return;
    lags.emplace(reader.id,
                 std::max<std::int64_t>(0, high - reader.position.load(std::memory_order_relaxed)));
  });
  return lags;
}

}  // namespace

std::unique_ptr<KafkaSource> make_kafka_source(const KafkaSourceConfig& config,
                                               std::span<const ModelSchema* const> models,
                                               const Clock& clock, DiscardedMessages& discarded,
                                               const DecoderOptions& options,
                                               std::string instance_id) {
  return std::make_unique<KafkaConsumer>(config, models, clock, discarded, options,
                                         std::move(instance_id));
}

}  // namespace driftd
