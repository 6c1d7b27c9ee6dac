// Everything between a source and the outbox in one process, as the daemon puts it together, over a
// fake source, a clock that is advanced by hand and a state directory.
//
// Thread rule: one thread, that of the coordinator. Allocation rule: may allocate. Failure rule:
// what should not fail is an assertion of the test.
#pragma once

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "daemon/coordinator.h"
#include "sinks/report_json.h"
#include "state/outbox_reader.h"
#include "state/sqlite.h"
#include "tests/support/fake_source.h"
#include "tests/support/hard_stream.h"
#include "tests/support/report_book.h"
#include "tests/support/state_files.h"

namespace driftd {

constexpr DurationMs kSize = 100;
constexpr std::size_t kStep = 3;  // messages between two checkpoints
constexpr DurationMs kPause = 1;  // before a checkpoint that failed is tried again

// What stands behind a coordinator in the daemon: every report goes to the outbox of one sink.
class Recorder final : public CheckpointObserver, public OutboxComposer {
 public:
  void recalled(std::span<const Report>) override {}
  void published(std::span<const Report> reports) override {
    reports_ += reports.size();
    if (on_published) on_published();
  }
  void monitor_changed(const MonitorName& name, const MonitorState& state) override {
    health[name.version] = state.health.state;
  }
  void totals(const PipelineTotals&) override {}
  void watermark(const std::string&, TimeMs watermark) override { last_watermark = watermark; }
  void checkpoint_written(const CheckpointCost&) override { ++checkpoints; }
  std::vector<StoredOutboxEntry> compose(std::span<const Report> reports) override {
    std::vector<StoredOutboxEntry> entries;
    for (const Report& report : reports) {
      StoredOutboxEntry& entry = entries.emplace_back();
      entry.sink = "sink";
      append_json(entry.payload, report);
    }
    return entries;
  }
  std::map<std::string, std::int64_t> delivered() override { return delivered_until; }

  [[nodiscard]] std::size_t reports() const { return reports_; }
  std::function<void()> on_published;
  std::map<std::string, std::int64_t> delivered_until;
  std::map<std::string, HealthState> health;  // by version
  TimeMs last_watermark = kNoTime;
  int checkpoints = 0;

 private:
  std::size_t reports_ = 0;
};

// One state directory, and the processes that use it one after the other.
class Pipeline {
 public:
  Pipeline() : Pipeline(std::make_unique<MemoryFolder>()) {}
  // In a folder of the caller's, which outlives it: what another process left there is gone on
  // with.
  explicit Pipeline(const std::filesystem::path& folder) : clock_(2 * kBegin), folder_(folder) {
    spdlog::set_level(spdlog::level::off);
    std::ofstream reference(folder_ / "reference.csv");
    reference << "amount,channel,prediction\n";
    for (int i = 0; i < 40; ++i) {
      reference << i % 10 << (i % 3 == 0 ? ",shop," : ",web,") << 0.05 * (i % 20) << "\n";
    }
    config.daemon.checkpoint_interval = 1'000;
    config.sources.emplace_back().labels = {"labels"};
    ModelConfig& model = config.models.emplace_back();
    model.name = "fraud";
    model.reference = folder_ / "reference.csv";
    model.window.size = kSize;
    model.min_samples = 1;
    model.amend_interval = 2'000;
  }
  ~Pipeline() { kill(); }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // A process begins: everything is made anew but the state directory and what the broker holds.
  void start(unsigned lanes = 1, std::size_t released = 0) {
    const Result<> started = try_start(lanes, released);
    ASSERT_TRUE(started) << started.error().message;
  }
  [[nodiscard]] Result<> try_start(unsigned lanes = 1, std::size_t released = 0) {
    auto models = ModelSetup::load(config.models, !config.sources[0].labels.empty());
    if (!models) return std::unexpected(models.error());
    models_ = std::move(*models);
    auto store = StateStore::open(folder_ / "state");
    if (!store) return std::unexpected(store.error());
    store_ = std::move(*store);
    source_ = std::make_unique<FakeSource>(clock_);
    for (const auto& [partition, message] : stream) source_->write(partition, message);
    source_->release(released);
    released_ = released;
    recorder_ = std::make_unique<Recorder>();
    coordinator_ = std::make_unique<Coordinator>(config, *models_, *store_, *source_, *recorder_,
                                                 *recorder_, clock_, lanes, kPause);
    return coordinator_->start();
  }
  // Lets `count` more messages be read, without a checkpoint.
  void read(std::size_t count) {
    released_ = std::min(stream.size(), released_ + count);
    source_->release(released_);
    ASSERT_TRUE(source_->settle());
  }
  void checkpoint() {
    clock_.advance(config.daemon.checkpoint_interval);
    coordinator_->step();
  }
  // Reads up to the `count`-th message, with a checkpoint after every few.
  void run_to(std::size_t count) {
    while (released_ + kStep <= count) {
      read(kStep);
      checkpoint();
    }
    read(count - released_);
  }
  void kill() {
    coordinator_.reset();
    recorder_.reset();
    source_.reset();
    store_.reset();
    models_.reset();
  }
  // All that has been published durably, over all processes.
  [[nodiscard]] Book book() {
    Book book;
    for (const Report& report : outbox()) note(book, report);
    return book;
  }
  [[nodiscard]] std::vector<Report> outbox() {
    std::vector<Report> reports;
    const auto reader = OutboxReader::open(database());
    const auto entries = (*reader)->read("sink", 0, 1'000'000);
    EXPECT_TRUE(entries);
    for (const StoredOutboxEntry& entry : *entries) {
      const Result<Report> report = parse_report(entry.payload);
      EXPECT_TRUE(report) << entry.payload;
      reports.push_back(*report);
    }
    return reports;
  }
  // The newest revision of one metric of one window.
  [[nodiscard]] std::optional<MetricValue> metric(const std::string& name, TimeMs window_start) {
    std::optional<MetricValue> newest;
    for (const Report& report : outbox()) {
      const auto* value = std::get_if<MetricValue>(&report);
      if (value != nullptr && value->metric == name && value->window.start == window_start)
        newest = *value;
    }
    return newest;
  }
  // On a connection of its own: what is durable, as the next process would find it.
  [[nodiscard]] std::int64_t stored_offset(const std::string& topic, int partition = 0) {
    const auto connection = SqliteConnection::open(database());
    SqliteStatement query =
        (*connection)
            ->prepare("SELECT next_offset FROM partitions WHERE topic = ?1 AND partition = ?2");
    query.bind_text(1, topic).bind(2, partition);
    return query.step() ? query.integer(0) : -1;
  }
  void run_sql(const char* sql) {
    const auto connection = SqliteConnection::open(database());
    const Result<> done = (*connection)->execute(sql);
    ASSERT_TRUE(done) << done.error().message;
  }
  // As a full disk: everything can be read, nothing written.
  void refuse_writes() {
    run_sql(
        "CREATE TRIGGER refuse BEFORE INSERT ON partitions BEGIN SELECT RAISE(ABORT, 'disk is "
        "full'); END");
  }
  void allow_writes() { run_sql("DROP TRIGGER refuse"); }

  [[nodiscard]] std::string database() const { return folder_ / "state" / "state.db"; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] Coordinator& coordinator() { return *coordinator_; }
  [[nodiscard]] FakeSource& source() { return *source_; }
  [[nodiscard]] Recorder& recorder() { return *recorder_; }
  [[nodiscard]] ManualClock& clock() { return clock_; }

  Config config;
  Stream stream;

 private:
  explicit Pipeline(std::unique_ptr<MemoryFolder> folder) : Pipeline(folder->path()) {
    own_folder_ = std::move(folder);
  }

  std::unique_ptr<MemoryFolder> own_folder_;
  ManualClock clock_;
  std::filesystem::path folder_;
  std::unique_ptr<ModelSetup> models_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<FakeSource> source_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<Coordinator> coordinator_;
  std::size_t released_ = 0;
};

}  // namespace driftd
