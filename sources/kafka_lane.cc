#include "sources/kafka_lane.h"

#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "sources/kafka_position.h"

namespace driftd {
namespace {

[[nodiscard]] std::string_view payload_of(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.payload), message.len};
}

[[nodiscard]] std::uint64_t print_of(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  return fingerprint_of(rd_kafka_message_timestamp(&message, &type), payload_of(message));
}

bool change(std::atomic<Reading>& reading, Reading to) {
  Reading from = Reading::proving;
  return reading.compare_exchange_strong(from, to, std::memory_order_acq_rel);
}

void note_unproven(const std::string& source, const PartitionReader& reader) {
  spdlog::warn(
      "{}: {}[{}]: the message at {}, the last one counted, is not there any more (compaction); "
      "going on at {}",
      source, reader.id.topic, reader.id.partition, reader.progress.last_offset,
      reader.progress.next_offset);
}

}  // namespace

KafkaLane::KafkaLane(rd_kafka_s* client, const KafkaLaneContext& context,
                     std::unique_ptr<Decoder> decoder)
    : client_(client),
      context_(context),
      queue_(rd_kafka_queue_new(client)),
      decoder_(std::move(decoder)) {}

void KafkaLane::poll(LaneBatch& batch, std::uint32_t max_rows, DurationMs timeout) {
  batch_ = &batch;
  now_ = context_.clock.now();
  handled_ = 0;
  max_rows_ = max_rows;
  const auto on_message = [](rd_kafka_message_t* message, void* lane) {
    static_cast<KafkaLane*>(lane)->consume(*message);
  };
  rd_kafka_consume_callback_queue(queue_.get(), static_cast<int>(timeout), on_message, this);
}

void KafkaLane::consume(const rd_kafka_message_s& message) {
  PartitionReader* reader = reader_of(message);
  if (reader == nullptr) return;
  const Reading reading = reader->reading.load(std::memory_order_acquire);
  if (reading == Reading::off) return;
  const bool proven = reading == Reading::on;
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (proven || prove(*reader, message)) take(*reader, message);
  } else if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    if (proven || prove_end(*reader, message.offset)) reach_end(*reader, message.offset);
  } else {
    note_error(*reader, message);
  }
  // Bad messages count too, so that a topic full of them does not keep the lane here.
  if (++handled_ >= max_rows_) rd_kafka_yield(client_);
}

PartitionReader* KafkaLane::reader_of(const rd_kafka_message_s& message) {
  // After a rebalance librdkafka may use a topic's address for another topic.
  if (const std::uint64_t generation = context_.table.generation(); generation != generation_) {
    known_.clear();
    last_ = {};
    generation_ = generation;
  }
  const auto is_of_message = [&](const Known& known) {
    return known.topic == message.rkt && known.partition == message.partition;
  };
  if (last_.reader != nullptr && is_of_message(last_)) return last_.reader;
  if (message.rkt == nullptr) return nullptr;
  if (const auto found = std::ranges::find_if(known_, is_of_message); found != known_.end()) {
    last_ = *found;
    return last_.reader;
  }
  PartitionReader* reader =
      context_.table.find({context_.source, rd_kafka_topic_name(message.rkt), message.partition});
  last_ = {message.rkt, message.partition, reader};
  if (reader != nullptr) known_.push_back(last_);
  return reader;
}

bool KafkaLane::prove(PartitionReader& reader, const rd_kafka_message_s& message) {
  const PartitionProgress& progress = reader.progress;
  if (message.offset < progress.last_offset) return false;
  if (message.offset == progress.last_offset && print_of(message) != progress.last_fingerprint) {
    reader.trouble.store(Trouble::another, std::memory_order_release);
    change(reader.reading, Reading::off);
    return false;
  }
  if (message.offset > progress.last_offset) note_unproven(context_.source, reader);
  // The coordinator may take the partition away at the same time.
  return change(reader.reading, Reading::on);
}

// Nothing lies between the last message counted and the end: compaction took that message, too.
bool KafkaLane::prove_end(PartitionReader& reader, std::int64_t offset) {
  if (offset < reader.progress.next_offset) {
    reader.trouble.store(Trouble::out_of_range, std::memory_order_release);
    change(reader.reading, Reading::off);
    return false;
  }
  note_unproven(context_.source, reader);
  return change(reader.reading, Reading::on);
}

void KafkaLane::take(PartitionReader& reader, const rd_kafka_message_s& message) {
  // Nothing is counted twice, whatever the broker sends again.
  if (message.offset < reader.progress.next_offset) return;
  const std::string_view bytes = payload_of(message);
  Decoded decoded;
  const auto bad = decoder_->decode(reader.kind, bytes, now_, *batch_, decoded);
  if (bad) {
    batch_->discarded.add(*bad);
    context_.discarded.discard(*bad, {reader.id.topic, reader.id.partition, message.offset}, bytes);
  } else {
    reader.progress.max_event_time = std::max(reader.progress.max_event_time, decoded.event_time);
  }
  reader.progress.next_offset = message.offset + 1;
  reader.progress.last_offset = message.offset;
  reader.progress.last_fingerprint = print_of(message);
  reader.progress.caught_up = false;
  reader.position.store(message.offset + 1, std::memory_order_relaxed);
}

// The markers of transactions take offsets without being messages, so the end may lie behind the
// last message.
void KafkaLane::reach_end(PartitionReader& reader, std::int64_t offset) {
  reader.progress.next_offset = std::max(reader.progress.next_offset, offset);
  reader.position.store(reader.progress.next_offset, std::memory_order_relaxed);
  if (reader.progress.caught_up) return;
  reader.progress.caught_up = true;
  reader.progress.caught_up_since = context_.clock.steady();
}

void KafkaLane::note_error(PartitionReader& reader, const rd_kafka_message_s& message) {
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
      message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    reader.trouble.store(Trouble::out_of_range, std::memory_order_release);
  }
  const char* text = rd_kafka_message_errstr(&message);
  context_.errors.note(message.err,
                       fmt::format("{}[{}]: {}", reader.id.topic, reader.id.partition, text));
}

}  // namespace driftd
