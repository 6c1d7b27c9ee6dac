#include "sources/kafka_source.h"

#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "core/check.h"
#include "sources/kafka_errors.h"
#include "sources/kafka_lane.h"
#include "sources/kafka_partitions.h"

namespace driftd {
namespace {

constexpr int kStartTimeoutMs = 10'000;  // for the first word of a broker
constexpr int kQueryTimeoutMs = 5'000;   // for offsets, during a rebalance
constexpr int kRetryTimeoutMs =
    500;  // for questions asked from `control`, which must come back soon
constexpr DurationMs kRetryInterval = 1'000;
constexpr int kCommitTimeoutMs = 3'000;
constexpr int kCloseTurnMs = 50;  // leaving the group is waited for in turns,
constexpr int kCloseTurns = 100;  // 5 s in all

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
  KafkaCounters counters() const override { return {errors_.total(), rebalances_.load()}; }
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
  void begin(PartitionReader& reader, const StartPosition& start,
             rd_kafka_topic_partition_list_t& fetch);
  [[nodiscard]] std::vector<std::optional<StartPosition>> find_starts(
      const std::vector<PartitionReader*>& readers, int timeout_ms);
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

  SourceHost* host_ = nullptr;
  KafkaHandle client_;
  PartitionTable table_;
  KafkaErrors errors_;
  std::vector<std::unique_ptr<KafkaLane>> lanes_;

  bool stopping_ = false;
  bool topics_known_ = false;
  TimeMs next_retry_ = 0;
  bool disconnected_ = false;
  TimeMs connected_since_ =
      0;  // on the steady clock: partitions are idle from then at the earliest
  std::atomic<bool> assigned_once_{false};

  std::atomic<std::uint64_t> rebalances_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::string topic_problem_ = "not started";
  std::map<PartitionId, Hold> held_;  // assigned, but not read
};

Result<void> KafkaConsumer::start(SourceHost& host, unsigned lanes) {
  host_ = &host;
  auto conf = make_kafka_conf(config_, instance_id_);
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
  {
    const std::scoped_lock lock(mutex_);
    if (!topic_problem_.empty()) return config_.name + ": " + topic_problem_;
    if (!held_.empty()) {
      const auto& [id, hold] = *held_.begin();
      return fmt::format("{}: {}[{}]: {}", config_.name, id.topic, id.partition, hold.why);
    }
  }
  if (!assigned_once_.load())
    return config_.name + ": waiting for partitions from the consumer group";
  std::string problem;
  table_.for_each_assigned([&](const PartitionReader& reader) {
    if (reader.out_of_range.load(std::memory_order_relaxed) && problem.empty()) {
      problem =
          fmt::format("{}: {}[{}]: the broker does not hold the next message any more (retention)",
                      config_.name, reader.id.topic, reader.id.partition);
    }
  });
  return problem;
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
    reader.out_of_range.store(false, std::memory_order_relaxed);
    reader.fetching = false;
    reader.durable = -1;
    reader.committed = -1;
    const std::scoped_lock lock(mutex_);
    held_[id] = {"waiting for a broker to say which messages there are", false};
  }
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
  const auto starts = find_starts(waiting, timeout_ms);
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

void KafkaConsumer::begin(PartitionReader& reader, const StartPosition& start,
                          rd_kafka_topic_partition_list_t& fetch) {
  const std::scoped_lock lock(mutex_);
  if (!start.hold.empty()) {
    held_[reader.id] = {start.hold, true};
    errors_.note_always(
        fmt::format("{}[{}] is not read: {}. To start over, begin with an empty state directory",
                    reader.id.topic, reader.id.partition, start.hold));
    return;
  }
  held_.erase(reader.id);
  reader.progress.next_offset = start.offset;
  reader.position.store(start.offset, std::memory_order_relaxed);
  reader.has_progress = true;
  reader.fetching = true;
  // Forwarded before it is assigned, so that no message goes to the consumer's own queue;
  // librdkafka keeps a forward that the application has set.
  const KafkaQueue queue(
      rd_kafka_queue_get_partition(client_.get(), reader.id.topic.c_str(), reader.id.partition));
  rd_kafka_queue_forward(queue.get(), lanes_[reader.lane]->queue());
  rd_kafka_topic_partition_list_add(&fetch, reader.id.topic.c_str(), reader.id.partition)->offset =
      start.offset;
  reader.reading.store(true, std::memory_order_release);
}

std::vector<std::optional<StartPosition>> KafkaConsumer::find_starts(
    const std::vector<PartitionReader*>& readers, int timeout_ms) {
  std::vector<TopicPartition> partitions;
  bool any_new = false;
  for (const PartitionReader* reader : readers) {
    partitions.push_back({reader->id.topic, reader->id.partition});
    any_new = any_new || !reader->has_progress;
  }
  const auto ranges = query_offset_ranges(client_.get(), partitions, timeout_ms);
  std::vector<std::optional<std::int64_t>> at_time(readers.size());
  if (any_new && config_.start == StartAt::time) {
    at_time = query_offsets_at(client_.get(), partitions, config_.start_time, timeout_ms);
  }
  std::vector<std::optional<StartPosition>> starts(readers.size());
  for (std::size_t i = 0; i < readers.size(); ++i) {
    if (!ranges[i]) continue;
    if (readers[i]->has_progress) {
      starts[i] = start_at_stored(readers[i]->progress.next_offset, *ranges[i]);
    } else if (config_.start == StartAt::time) {
      if (at_time[i]) starts[i] = StartPosition{*at_time[i], ""};
    } else {
      starts[i] =
          StartPosition{config_.start == StartAt::earliest ? ranges[i]->low : ranges[i]->high, ""};
    }
  }
  return starts;
}

void KafkaConsumer::revoke(const rd_kafka_topic_partition_list_t& partitions) {
  std::vector<PartitionReader*> leaving;
  for (int i = 0; i < partitions.cnt; ++i) {
    PartitionReader* reader = table_.find(id_of(partitions.elems[i]));
    if (reader == nullptr || !reader->assigned) continue;
    reader->reading.store(false, std::memory_order_release);
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
    if (disconnected_ || !reader.fetching || reader.out_of_range) state.progress.caught_up = false;
    state.progress.caught_up_since = std::max(state.progress.caught_up_since, connected_since_);
    states.emplace(reader.id, state);
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
    rd_kafka_topic_partition_list_add(list.get(), reader.id.topic.c_str(), reader.id.partition)
        ->offset = reader.durable;
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
  lanes_.clear();  // their queues must go before the client
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
