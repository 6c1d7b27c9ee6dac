#include "sources/kafka_starts.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace driftd {

KafkaStarts::KafkaStarts(rd_kafka_s* client, const KafkaSourceConfig& config,
                         std::string instance_id, KafkaGroup& group, KafkaErrors& errors)
    : client_(client),
      config_(config),
      instance_id_(std::move(instance_id)),
      group_(group),
      errors_(errors) {}

std::vector<std::optional<Start>> KafkaStarts::find(std::span<PartitionReader* const> readers,
                                                    int timeout_ms) {
  std::vector<std::optional<Start>> starts(readers.size());
  const std::vector<Answers> answers = ask(readers, timeout_ms);
  company_ = Company::unknown;
  for (std::size_t i = 0; i < readers.size(); ++i) {
    PartitionReader& reader = *readers[i];
    if (!answers[i].held || !answers[i].committed) continue;
    const auto hold = contested(reader, *answers[i].committed, timeout_ms);
    if (!hold) continue;
    if (!hold->empty()) {
      starts[i] = Start{{}, *hold};
    } else if (reader.has_progress) {
      starts[i] = stored_start(reader, *answers[i].held);
    } else if (const auto first = first_start(reader, answers[i])) {
      starts[i] = Start{*first, ""};
    }
  }
  return starts;
}

std::vector<KafkaStarts::Answers> KafkaStarts::ask(std::span<PartitionReader* const> readers,
                                                   int timeout_ms) {
  std::vector<Answers> answers(readers.size());
  std::vector<TopicPartition> partitions;
  for (const PartitionReader* reader : readers)
    partitions.push_back({reader->id.topic, reader->id.partition});
  const auto ranges = query_offset_ranges(client_, partitions, timeout_ms);
  // Without a broker the further questions would only take the same time once more.
  if (std::ranges::none_of(ranges, [](const auto& range) { return range.has_value(); }))
    return answers;
  const auto committed = query_committed(client_, partitions, timeout_ms);
  std::vector<std::optional<std::int64_t>> at_time(readers.size());
  const bool any_by_time = std::ranges::any_of(
      readers, [](const PartitionReader* reader) { return !reader->has_progress; });
  if (any_by_time && config_.start == StartAt::time)
    at_time = query_offsets_at(client_, partitions, config_.start_time, timeout_ms);
  for (std::size_t i = 0; i < readers.size(); ++i) {
    answers[i].held = ranges[i];
    answers[i].at_time = at_time[i];
    if (!committed[i]) continue;
    answers[i].committed =
        CommittedPosition{committed[i]->offset, std::string(instance_of(committed[i]->metadata))};
  }
  return answers;
}

KafkaStarts::Company KafkaStarts::look_around(int timeout_ms) {
  const Result<GroupView> view = group_.describe(timeout_ms);
  if (view) return view->has_others() ? Company::others : Company::none;
  // Where the brokers cannot be asked another may be alive: nothing is counted twice.
  return view.error().code == ErrorCode::rejected ? Company::others : Company::unknown;
}

std::optional<std::string> KafkaStarts::contested(const PartitionReader& reader,
                                                  const CommittedPosition& committed,
                                                  int timeout_ms) {
  std::optional<std::int64_t> stored_next;
  if (reader.has_progress) stored_next = reader.progress.next_offset;
  if (claim_of(stored_next, committed, instance_id_, false) == Claim::own) return "";

  if (company_ == Company::unknown) company_ = look_around(timeout_ms);
  if (company_ == Company::unknown) return std::nullopt;
  const bool alone = reader.is_first_assignment && company_ == Company::none;
  const std::string counted = fmt::format("driftd with the state {} has counted it up to offset {}",
                                          committed.instance, committed.offset);
  if (claim_of(stored_next, committed, instance_id_, alone) == Claim::new_state) {
    spdlog::warn(
        "{}: {}[{}]: {}, and is gone from the group; this state directory ({}) begins in its place "
        "with {}, and counts again what that one has counted",
        config_.name, reader.id.topic, reader.id.partition, counted, instance_id_,
        stored_next ? fmt::format("its own offset {}", *stored_next) : "`start`");
    return "";
  }
  return fmt::format(
      "{}, and reading it here ({}) would count its messages twice: run one driftd per group; give "
      "a second one its own group_id, state_dir and store, or stop the other and start this one "
      "again",
      counted, instance_id_);
}

std::optional<StartPosition> KafkaStarts::first_start(const PartitionReader& reader,
                                                      const Answers& answers) const {
  const OffsetRange& held = *answers.held;
  std::optional<std::int64_t> offset = held.low;
  // What was written to an added partition before it was noticed belongs to the stream that is
  // being read, whatever `start` says.
  if (!reader.is_added && config_.start == StartAt::latest) offset = held.high;
  if (!reader.is_added && config_.start == StartAt::time) offset = answers.at_time;
  if (!offset) return std::nullopt;
  return StartPosition{*offset, *offset, false};
}

Start KafkaStarts::stored_start(const PartitionReader& reader, const OffsetRange& held) {
  if (reader.is_another) return after_loss(reader, LossReason::recreated, held);
  if (const auto loss = loss_of(reader.progress, held)) return after_loss(reader, *loss, held);
  return {start_at_stored(reader.progress, held), ""};
}

Start KafkaStarts::after_loss(const PartitionReader& reader, LossReason reason,
                              const OffsetRange& held) {
  const std::string what = describe_loss(reason, reader.progress, held);
  const std::scoped_lock lock(mutex_);
  OffsetLosses& losses = losses_[reader.id.topic];
  ++(reason == LossReason::retention ? losses.retention : losses.recreated);
  if (config_.offset_lost == OffsetLost::stop) {
    return {{},
            what +
                "; to go on without them set offset_lost = \"earliest\" or \"latest\" in this "
                "[[source]] and restart, to count anew begin with an empty state_dir and store"};
  }
  const StartPosition start = start_after_loss(config_.offset_lost, held);
  const auto lost = messages_lost(reason, reader.progress, start);
  losses.messages += lost.value_or(0);
  errors_.note_always(
      fmt::format("{}[{}]: {}; going on at {} because of offset_lost, {} messages are not counted",
                  reader.id.topic, reader.id.partition, what, start.next_offset,
                  lost ? std::to_string(*lost) : "nobody knows how many"));
  return {start, ""};
}

std::map<std::string, OffsetLosses> KafkaStarts::losses() const {
  const std::scoped_lock lock(mutex_);
  return losses_;
}

}  // namespace driftd
