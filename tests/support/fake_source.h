// A source whose partitions hold what a test wrote down, and which gives it out as far as the test
// says.
//
// Positions behave as a broker's: a partition starts at the offset that the host has stored, is
// caught up at the end of what has been released, and notes what was acknowledged. `settle` waits,
// without sleeping, until all that has been released has been folded: a lane that asks again has
// folded what it was given before. Thread rule: that of sources/source.h; the test's own calls come
// from the coordinator's thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sources/source.h"

namespace driftd {

// A prediction or a label; what a label does not have is not looked at.
struct FakeMessage {
  MessageKind kind = MessageKind::prediction;
  std::string id;
  TimeMs ts = 0;
  double amount = 1;
  std::string channel = "web";
  double score = 0.9;
  std::string actual = "1";
  std::string version = "v1";
  double latency_ms = std::numeric_limits<double>::quiet_NaN();
};

[[nodiscard]] inline FakeMessage label_of(std::string id, TimeMs ts, std::string actual = "1") {
  FakeMessage message;
  message.kind = MessageKind::label;
  message.id = std::move(id);
  message.ts = ts;
  message.actual = std::move(actual);
  return message;
}

// Adds a message as a decoder does. Numeric series take `amount` (the prediction: `score`),
// categorical `channel`.
inline void append(LaneBatch& batch, ModelIndex model, const FakeMessage& message) {
  const IdHash id{1, std::hash<std::string>{}(message.id)};
  if (message.kind == MessageKind::label) {
    LabelBatch& rows = batch.labels[position(model)];
    rows.ts.push_back(message.ts);
    rows.id.push_back(id);
    rows.sequence.push_back(batch.rows++);
    rows.value.push_back(std::numeric_limits<double>::quiet_NaN());
    rows.actual_class.push_back(rows.model->classes->code(message.actual));
    return;
  }
  EventBatch& rows = batch.predictions[position(model)];
  const ModelSchema& schema = rows.model();
  rows.ts.push_back(message.ts);
  rows.id.push_back(id);
  rows.version.push_back(static_cast<VersionIndex>(schema.versions->code(message.version)));
  rows.sequence.push_back(batch.rows++);
  rows.score.push_back(message.score);
  rows.predicted_class.push_back(kNoClass);
  rows.latency_ms.push_back(message.latency_ms);
  rows.weight.push_back(1);
  for (std::size_t i = 0; i < schema.series.size(); ++i) {
    const SeriesSchema& series = schema.series[i];
    Column& column = rows.columns[i];
    if (series.type == SeriesType::numeric) {
      column.numbers.push_back(series.role == SeriesRole::prediction ? message.score
                                                                     : message.amount);
      continue;
    }
    const auto known = series.categories.find(message.channel);
    if (known != series.categories.end()) {
      column.codes.push_back(known->second);
    } else {
      column.add_unseen(message.channel, static_cast<std::uint32_t>(series.categories.size()));
    }
  }
}

class FakeSource final : public Source {
 public:
  static constexpr std::chrono::microseconds kLongestWait{50};  // of a poll

  explicit FakeSource(const Clock& clock, std::string name = "fake")
      : clock_(clock), name_(std::move(name)) {}

  // Adds a message to the end of a partition of its kind's topic; it is held back until it is
  // released.
  void write(std::int32_t partition, const FakeMessage& message) {
    const std::scoped_lock lock(mutex_);
    Partition& target = partition_of(message.kind, partition);
    target.messages.push_back(message);
    order_.push_back(&target);
  }
  // Makes sure that a partition is there although nothing has been written to it.
  void add_partition(MessageKind kind, std::int32_t partition) {
    const std::scoped_lock lock(mutex_);
    (void)partition_of(kind, partition);
  }
  // Lets the lanes have the messages up to the `count`-th of all that were written.
  void release(std::size_t count) {
    const std::scoped_lock lock(mutex_);
    for (; released_ < count && released_ < order_.size(); ++released_) {
      Partition& partition = *order_[released_];
      ++partition.released;
      update_end(partition);
    }
    drained_.assign(lanes_, false);
    changed_.notify_all();
  }
  // True once every lane has folded what was released; false where that takes longer than anything
  // should.
  [[nodiscard]] bool settle() {
    std::unique_lock lock(mutex_);
    drained_.assign(lanes_, false);
    return changed_.wait_for(lock, std::chrono::seconds(30), [this] {
      return std::find(drained_.begin(), drained_.end(), false) == drained_.end();
    });
  }
  void set_ready(bool ready) { ready_ = ready; }
  // Runs inside the next `control`, as a rebalance does.
  void at_next_control(std::function<void(SourceHost&)> run) { at_control_ = std::move(run); }
  // To be called inside `control`: a partition is taken away as the Kafka source does it, and comes
  // back to where the host has stored it.
  void revoke(MessageKind kind, std::int32_t number, SourceHost& host) {
    {
      const std::scoped_lock lock(mutex_);
      partition_of(kind, number).reading = false;
    }
    host.checkpoint_before_revoke();
    const std::scoped_lock lock(mutex_);
    partition_of(kind, number).assigned = false;
  }
  void give_back(MessageKind kind, std::int32_t number, const SourceHost& host) {
    const std::scoped_lock lock(mutex_);
    Partition& partition = partition_of(kind, number);
    partition.reading = partition.assigned = true;
    partition.state.progress = {};
    begin_at_stored(id_of(kind, number), partition, host);
    drained_.assign(lanes_, false);
    changed_.notify_all();
  }
  void on_acknowledge(std::function<void()> run) { on_acknowledge_ = std::move(run); }

  [[nodiscard]] std::int64_t acknowledged(MessageKind kind, std::int32_t partition) const {
    const auto found = acknowledged_.find(id_of(kind, partition));
    return found == acknowledged_.end() ? -1 : found->second.progress.next_offset;
  }
  [[nodiscard]] int acknowledgements() const { return acknowledgements_; }
  // How many messages have been given to lanes.
  [[nodiscard]] std::size_t given() const {
    const std::scoped_lock lock(mutex_);
    return given_;
  }
  // How often lanes have asked; it stands still while they are parked.
  [[nodiscard]] std::size_t polls() const {
    const std::scoped_lock lock(mutex_);
    return polls_;
  }
  [[nodiscard]] bool stopped() const { return stopped_; }

  // Source
  [[nodiscard]] Result<void> start(SourceHost& host, unsigned lanes) override {
    const std::scoped_lock lock(mutex_);
    host_ = &host;
    lanes_ = lanes;
    drained_.assign(lanes, false);
    for (auto& [id, partition] : partitions_) begin_at_stored(id, partition, host);
    return {};
  }
  void control() override {
    if (at_control_) std::exchange(at_control_, nullptr)(*host_);
  }
  [[nodiscard]] bool ready() const override { return ready_; }
  [[nodiscard]] bool poll(unsigned lane, LaneBatch& batch, std::uint32_t max_rows,
                          DurationMs timeout) override {
    std::unique_lock lock(mutex_);
    ++polls_;
    if (take(lane, batch, max_rows)) return true;
    drained_[lane] = true;
    changed_.notify_all();
    // Far shorter than a broker's: a lane that waits cannot be parked.
    if (timeout > 0) changed_.wait_for(lock, kLongestWait);
    return true;
  }
  [[nodiscard]] PartitionStates progress() const override {
    const std::scoped_lock lock(mutex_);
    PartitionStates states;
    for (const auto& [id, partition] : partitions_) {
      if (partition.assigned) states[id] = partition.state;
    }
    return states;
  }
  void acknowledge(const PartitionStates& durable) override {
    ++acknowledgements_;
    for (const auto& [id, state] : durable) acknowledged_[id] = state;
    if (on_acknowledge_) on_acknowledge_();
  }
  void stop() override { stopped_ = true; }

 private:
  struct Partition {
    PartitionState state;
    unsigned number = 0;
    std::vector<FakeMessage> messages;
    std::size_t released = 0;
    bool reading = true;
    bool assigned = true;
  };

  [[nodiscard]] PartitionId id_of(MessageKind kind, std::int32_t partition) const {
    return {name_, kind == MessageKind::prediction ? "predictions" : "labels", partition};
  }
  Partition& partition_of(MessageKind kind, std::int32_t number) {
    const auto [found, added] = partitions_.try_emplace(id_of(kind, number));
    if (added) {
      found->second.state.kind = kind;
      found->second.number = static_cast<unsigned>(number);
      update_end(found->second);
    }
    return found->second;
  }
  void begin_at_stored(const PartitionId& id, Partition& partition, const SourceHost& host) const {
    const auto stored = host.stored().find(id);
    if (stored != host.stored().end()) {
      partition.state.progress.next_offset = stored->second.progress.next_offset;
      partition.state.progress.max_event_time = stored->second.progress.max_event_time;
    }
    update_end(partition);
  }
  void update_end(Partition& partition) const {
    PartitionProgress& progress = partition.state.progress;
    const bool at_end = progress.next_offset >= static_cast<std::int64_t>(partition.released);
    if (at_end && !progress.caught_up) progress.caught_up_since = clock_.steady();
    progress.caught_up = at_end;
  }
  // True where the lane has been given something.
  bool take(unsigned lane, LaneBatch& batch, std::uint32_t max_rows) {
    const std::size_t before = given_;
    for (auto& [id, partition] : partitions_) {
      if (partition.number % lanes_ != lane || !partition.reading) continue;
      PartitionProgress& progress = partition.state.progress;
      while (progress.next_offset < static_cast<std::int64_t>(partition.released) &&
             given_ - before < max_rows) {
        const FakeMessage& message =
            partition.messages[static_cast<std::size_t>(progress.next_offset++)];
        append(batch, ModelIndex{0}, message);
        progress.max_event_time = std::max(progress.max_event_time, message.ts);
        ++given_;
      }
      update_end(partition);
    }
    return given_ != before;
  }

  const Clock& clock_;
  const std::string name_;
  mutable std::mutex mutex_;  // guards all below up to `polls_`
  std::condition_variable changed_;
  std::map<PartitionId, Partition> partitions_;
  std::vector<Partition*> order_;
  std::vector<bool> drained_;
  unsigned lanes_ = 1;
  std::size_t released_ = 0;
  std::size_t given_ = 0;
  std::size_t polls_ = 0;

  SourceHost* host_ = nullptr;
  bool ready_ = true;
  bool stopped_ = false;
  int acknowledgements_ = 0;
  PartitionStates acknowledged_;
  std::function<void(SourceHost&)> at_control_;
  std::function<void()> on_acknowledge_;
};

}  // namespace driftd
