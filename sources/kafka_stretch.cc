#include "sources/kafka_stretch.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "sources/kafka_client.h"

namespace driftd {
namespace {

constexpr int kAnswerMs = 10'000;
constexpr int kPollMs = 200;
// Without a single message for so long the broker is taken for gone.
constexpr DurationMs kPatienceMs = 60'000;

struct MessageDeleter {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

[[nodiscard]] TimeMs time_of(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t time = rd_kafka_message_timestamp(&message, &type);
  return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? 0 : time;
}

// One partition between two offsets, and its next message.
struct Reader {
  TopicPartition id;
  std::int64_t next = 0;
  std::int64_t end = 0;
  KafkaQueue queue = {};
  Message head = {};
  bool done = false;
};

class StretchReader {
 public:
  StretchReader(const KafkaSourceConfig& source, const KafkaStretch& stretch)
      : source_(source), stretch_(stretch), file_(nullptr, gzclose) {}

  [[nodiscard]] Result<std::uint64_t> read() {
    file_.reset(gzopen(stretch_.file.c_str(), "wb1"));
    if (!file_) return cannot_write();
    if (auto opened = open(); !opened) return std::unexpected(opened.error());
    if (auto assigned = assign(); !assigned) return std::unexpected(assigned.error());
    std::uint64_t messages = 0;
    for (;;) {
      if (auto filled = fill_heads(); !filled) return std::unexpected(filled.error());
      Reader* const next = earliest();
      if (next == nullptr) break;
      if (!write(*next->head)) return cannot_write();
      next->next = next->head->offset + 1;
      next->head.reset();
      if (++messages % kShownEvery == 0 && stretch_.progress) stretch_.progress(share_read());
    }
    if (gzclose(file_.release()) != Z_OK) return cannot_write();
    return messages;
  }

 private:
  static constexpr std::uint64_t kShownEvery = 10'000;

  [[nodiscard]] std::unexpected<Error> cannot_write() const {
    return fail(ErrorCode::io,
                fmt::format("{}: cannot be written: is there room for the messages? TMPDIR names "
                            "another folder",
                            stretch_.file));
  }

  [[nodiscard]] Result<> open() {
    auto conf = make_kafka_conf(source_, "");
    if (!conf) return std::unexpected(conf.error());
    char text[512];
    rd_kafka_conf_set(conf->get(), "queued.max.messages.kbytes", "16384", text, sizeof text);
    auto client = make_kafka_consumer(source_, std::move(*conf));
    if (!client) return std::unexpected(client.error());
    client_ = std::move(*client);
    for (const std::string& topic : stretch_.topics) {
      const auto count = count_partitions(client_.get(), source_.brokers, topic, kAnswerMs);
      if (!count) return std::unexpected(count.error());
      std::vector<TopicPartition> partitions;
      for (std::int32_t i = 0; i < *count; ++i) partitions.push_back({topic, i});
      if (auto found = find_offsets(partitions); !found) return found;
    }
    return {};
  }

  [[nodiscard]] Result<> find_offsets(const std::vector<TopicPartition>& partitions) {
    const auto ranges = query_offset_ranges(client_.get(), partitions, kAnswerMs);
    const auto starts =
        query_offsets_at(client_.get(), partitions, std::max<TimeMs>(0, stretch_.start), kAnswerMs);
    std::vector<std::optional<std::int64_t>> ends(partitions.size());
    if (stretch_.end == kEndOfTime) {
      for (std::size_t i = 0; i < ends.size(); ++i) {
        if (ranges[i]) ends[i] = ranges[i]->high;
      }
    } else {
      ends =
          query_offsets_at(client_.get(), partitions, std::max<TimeMs>(0, stretch_.end), kAnswerMs);
    }
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      if (!ranges[i] || !starts[i] || !ends[i]) {
        return fail(ErrorCode::unavailable,
                    fmt::format("topic '{}': the leader of partition {} does not answer",
                                partitions[i].topic, partitions[i].partition));
      }
      // What retention has deleted is not there any more.
      const std::int64_t from = std::max(*starts[i], ranges[i]->low);
      if (from < *ends[i]) readers_.push_back({.id = partitions[i], .next = from, .end = *ends[i]});
    }
    return {};
  }

  [[nodiscard]] Result<> assign() {
    const PartitionList list(rd_kafka_topic_partition_list_new(
        static_cast<int>(std::max<std::size_t>(1, readers_.size()))));
    for (Reader& reader : readers_) {
      wanted_ += reader.end - reader.next;
      rd_kafka_topic_partition_list_add(list.get(), reader.id.topic.c_str(), reader.id.partition)
          ->offset = reader.next;
      reader.queue.reset(rd_kafka_queue_get_partition(client_.get(), reader.id.topic.c_str(),
                                                      reader.id.partition));
      if (!reader.queue) {
        return fail(ErrorCode::unavailable, fmt::format("topic '{}': partition {} is not there",
                                                        reader.id.topic, reader.id.partition));
      }
      // Each is read by itself, so that they can be merged.
      rd_kafka_queue_forward(reader.queue.get(), nullptr);
    }
    const auto error = rd_kafka_assign(client_.get(), list.get());
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    return fail(ErrorCode::unavailable,
                fmt::format("{}: {}", source_.brokers, rd_kafka_err2str(error)));
  }

  [[nodiscard]] Result<> fill_heads() {
    for (Reader& reader : readers_) {
      const TimeMs begun = clock_.steady();
      while (!reader.head && !reader.done) {
        Message message(rd_kafka_consume_queue(reader.queue.get(), kPollMs));
        if (message) take(reader, std::move(message));
        if (clock_.steady() - begun < kPatienceMs) continue;
        return fail(ErrorCode::unavailable,
                    fmt::format("topic '{}': partition {} gave nothing for {} s: {}",
                                reader.id.topic, reader.id.partition, kPatienceMs / 1'000,
                                last_error_.empty() ? "is the broker up?" : last_error_));
      }
    }
    return {};
  }

  void take(Reader& reader, Message message) {
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      reader.done = true;
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      last_error_ = rd_kafka_message_errstr(message.get());
    } else if (message->offset >= reader.end) {
      reader.done = true;
    } else if (message->offset >= reader.next) {
      reader.head = std::move(message);
    }
  }

  [[nodiscard]] Reader* earliest() {
    Reader* found = nullptr;
    for (Reader& reader : readers_) {
      if (!reader.head) continue;
      if (found == nullptr || time_of(*reader.head) < time_of(*found->head)) found = &reader;
    }
    return found;
  }

  // One line a message: in JSON a line end is never part of a text.
  [[nodiscard]] bool write(const rd_kafka_message_t& message) {
    line_.assign(static_cast<const char*>(message.payload), message.len);
    std::ranges::replace(line_, '\n', ' ');
    std::ranges::replace(line_, '\r', ' ');
    if (line_.find_first_not_of(' ') == std::string::npos) return true;
    line_ += '\n';
    return gzwrite(file_.get(), line_.data(), static_cast<unsigned>(line_.size())) > 0;
  }

  [[nodiscard]] double share_read() const {
    std::int64_t left = 0;
    for (const Reader& reader : readers_) left += reader.done ? 0 : reader.end - reader.next;
    return wanted_ == 0 ? 1 : 1 - static_cast<double>(left) / static_cast<double>(wanted_);
  }

  const KafkaSourceConfig& source_;
  const KafkaStretch& stretch_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
  KafkaHandle client_;
  std::vector<Reader> readers_;  // go before the client
  std::int64_t wanted_ = 0;
  SystemClock clock_;
  std::string last_error_;
  std::string line_;
};

}  // namespace

Result<std::uint64_t> save_kafka_stretch(const KafkaSourceConfig& source,
                                         const KafkaStretch& stretch) {
  return StretchReader(source, stretch).read();
}

}  // namespace driftd
