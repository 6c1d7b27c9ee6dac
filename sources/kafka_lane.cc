#include "sources/kafka_lane.h"

#include <librdkafka/rdkafka.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>

namespace driftd {

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
  if (reader == nullptr || !reader->reading.load(std::memory_order_acquire)) return;
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    take(*reader, message);
  } else if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    reach_end(*reader, message.offset);
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

void KafkaLane::take(PartitionReader& reader, const rd_kafka_message_s& message) {
  const std::string_view bytes(static_cast<const char*>(message.payload), message.len);
  Decoded decoded;
  const auto bad = decoder_->decode(reader.kind, bytes, now_, *batch_, decoded);
  if (bad) {
    batch_->discarded.add(*bad);
    context_.discarded.discard(*bad, {reader.id.topic, reader.id.partition, message.offset}, bytes);
  } else {
    reader.progress.max_event_time = std::max(reader.progress.max_event_time, decoded.event_time);
  }
  reader.progress.next_offset = message.offset + 1;
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
    reader.out_of_range.store(true, std::memory_order_relaxed);
  }
  const char* text = rd_kafka_message_errstr(&message);
  context_.errors.note(message.err,
                       fmt::format("{}[{}]: {}", reader.id.topic, reader.id.partition, text));
}

}  // namespace driftd
