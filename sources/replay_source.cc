#include "sources/replay_source.h"

#include <algorithm>

#include "core/check.h"
#include "sources/line_reader.h"

namespace driftd {
namespace {

void truncate_labels(LabelBatch& labels, std::size_t rows) {
  labels.ts.resize(rows);
  labels.id.resize(rows);
  labels.sequence.resize(rows);
  labels.value.resize(rows);
  labels.actual_class.resize(rows);
}

// One of the two files, and its head: the next good line, decoded already as the last row of its
// model's batch, where it waits until the merge takes it.
class ReplayFile {
 public:
  ReplayFile(MessageKind kind, std::string path) : kind_(kind), path_(std::move(path)) {}

  [[nodiscard]] Result<void> open(std::size_t max_line_bytes) {
    auto opened = LineReader::open(path_, max_line_bytes);
    if (!opened) return std::unexpected(opened.error());
    reader_.emplace(std::move(*opened));
    return {};
  }

  // Makes sure that there is a head unless the file has ended; bad lines on the way are discarded.
  void find_head(Decoder& decoder, TimeMs now, LaneBatch& batch, DiscardedMessages& discarded) {
    while (!has_head_ && !ended_) {
      if (!line_) {
        line_ = reader_->next();
        if (!line_) {
          ended_ = true;
          return;
        }
        ++lines_;
      }
      const auto bad = decoder.decode(kind_, *line_, now, batch, head_);
      if (!bad) {
        has_head_ = true;
        --batch.rows;  // not taken yet
      } else {
        batch.discarded.add(*bad);
        discarded.discard(*bad, {path_, 0, lines_ - 1}, *line_);
        line_.reset();
        progress_.next_offset = lines_;
      }
    }
  }

  void take_head(LaneBatch& batch) {
    auto& sequence = kind_ == MessageKind::prediction
                         ? batch.predictions[position(head_.model)].sequence
                         : batch.labels[position(head_.model)].sequence;
    sequence.back() = batch.rows++;
    progress_.next_offset = lines_;
    progress_.max_event_time = std::max(progress_.max_event_time, head_.event_time);
    has_head_ = false;
    line_.reset();
  }

  // Takes a waiting head out of a full batch; its line is decoded again into the next one.
  void cut_head(LaneBatch& batch) {
    if (!has_head_) return;
    if (kind_ == MessageKind::prediction) {
      EventBatch& rows = batch.predictions[position(head_.model)];
      rows.truncate(rows.size() - 1);
    } else {
      LabelBatch& rows = batch.labels[position(head_.model)];
      truncate_labels(rows, rows.size() - 1);
    }
    has_head_ = false;
  }

  [[nodiscard]] bool has_head() const { return has_head_; }
  [[nodiscard]] TimeMs head_time() const { return head_.event_time; }
  [[nodiscard]] std::int64_t lines() const { return lines_; }
  [[nodiscard]] std::optional<Error> failed() const {
    return reader_ ? reader_->failed() : std::nullopt;
  }
  [[nodiscard]] PartitionId id() const { return {"replay", path_, 0}; }
  [[nodiscard]] PartitionState state() const {
    PartitionState state{kind_, progress_};
    state.progress.caught_up = ended_;
    return state;
  }

 private:
  const MessageKind kind_;
  const std::string path_;
  std::optional<LineReader> reader_;
  std::optional<std::string_view> line_;  // the head's line; it stays until the head is taken
  std::int64_t lines_ = 0;
  bool has_head_ = false;
  bool ended_ = false;
  Decoded head_;
  PartitionProgress progress_;
};

class ReplaySourceOfFiles final : public ReplaySource {
 public:
  ReplaySourceOfFiles(std::string predictions, std::string labels,
                      std::span<const ModelSchema* const> models, const Clock& clock,
                      DiscardedMessages& discarded, const DecoderOptions& options)
      : max_line_bytes_(options.max_event_bytes),
        clock_(clock),
        discarded_(discarded),
        decoder_(make_json_decoder(models, options)),
        predictions_(MessageKind::prediction, std::move(predictions)) {
    if (!labels.empty()) labels_.emplace(MessageKind::label, std::move(labels));
  }

  Result<void> start(SourceHost&, unsigned) override {
    if (auto opened = predictions_.open(max_line_bytes_); !opened) return opened;
    if (labels_ && labels_->id() == predictions_.id()) {
      return fail(ErrorCode::invalid_argument,
                  labels_->id().topic + ": predictions and labels must be two files");
    }
    if (labels_) return labels_->open(max_line_bytes_);
    return {};
  }

  void control() override {}
  bool ready() const override { return true; }
  void acknowledge(const PartitionStates&) override {}
  void stop() override {}

  bool poll(unsigned lane, LaneBatch& batch, std::uint32_t max_rows, DurationMs) override {
    DRIFTD_CHECK(lane == 0);
    const std::int64_t lines_before = lines();
    const std::uint32_t rows_before = batch.rows;
    const std::uint32_t rows_end = rows_before + max_rows;
    // An event may lie in any past; one beyond the skew is as wrong in a file as it is in a topic.
    const TimeMs now = clock_.now();
    while (batch.rows < rows_end) {
      predictions_.find_head(*decoder_, now, batch, discarded_);
      if (labels_) labels_->find_head(*decoder_, now, batch, discarded_);
      ReplayFile* next = earlier();
      if (next == nullptr) break;
      next->take_head(batch);
    }
    predictions_.cut_head(batch);
    if (labels_) labels_->cut_head(batch);
    return batch.rows != rows_before || lines() != lines_before;
  }

  PartitionStates progress() const override {
    PartitionStates states;
    states.emplace(predictions_.id(), predictions_.state());
    if (labels_) states.emplace(labels_->id(), labels_->state());
    return states;
  }

  std::optional<Error> failed() const override {
    if (auto failure = predictions_.failed()) return failure;
    return labels_ ? labels_->failed() : std::nullopt;
  }

 private:
  [[nodiscard]] std::int64_t lines() const {
    return predictions_.lines() + (labels_ ? labels_->lines() : 0);
  }

  [[nodiscard]] ReplayFile* earlier() {
    const bool has_label = labels_ && labels_->has_head();
    if (!predictions_.has_head()) return has_label ? &*labels_ : nullptr;
    return has_label && labels_->head_time() < predictions_.head_time() ? &*labels_ : &predictions_;
  }

  const std::size_t max_line_bytes_;
  const Clock& clock_;
  DiscardedMessages& discarded_;
  const std::unique_ptr<Decoder> decoder_;
  ReplayFile predictions_;
  std::optional<ReplayFile> labels_;
};

}  // namespace

std::unique_ptr<ReplaySource> make_replay_source(std::string predictions, std::string labels,
                                                 std::span<const ModelSchema* const> models,
                                                 const Clock& clock, DiscardedMessages& discarded,
                                                 const DecoderOptions& options) {
  return std::make_unique<ReplaySourceOfFiles>(std::move(predictions), std::move(labels), models,
                                               clock, discarded, options);
}

}  // namespace driftd
