#include "state/state_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <tuple>

#include "state/sqlite.h"
#include "tests/support/checkpoints.h"

namespace driftd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StateStoreTest : public ::testing::Test {
 public:
  ~StateStoreTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

 protected:
  StateStoreTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "driftd-state-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    reopen();
  }
  void reopen() {
    store_.reset();
    auto store = StateStore::open(folder_ / "state");
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }
  void write(const Checkpoint& checkpoint) {
    const Result<> written = store_->write(checkpoint);
    ASSERT_TRUE(written) << written.error().message;
  }
  [[nodiscard]] StoredState load() { return store_->load().value(); }
  // On a connection of its own, as another program would.
  void run_sql(const char* sql) {
    const auto connection = SqliteConnection::open(store_->path());
    const Result<> done = (*connection)->execute(sql);
    ASSERT_TRUE(done) << done.error().message;
  }
  [[nodiscard]] std::vector<std::string> outbox(const std::string& sink, std::int64_t after = 0,
                                                std::size_t limit = 100) {
    const auto reader = OutboxReader::open(store_->path());
    const auto entries = (*reader)->read(sink, after, limit);
    std::vector<std::string> found;
    for (const StoredOutboxEntry& entry : *entries) found.push_back(entry.id + "=" + entry.payload);
    return found;
  }

  std::filesystem::path folder_;
  std::unique_ptr<StateStore> store_;
};

TEST_F(StateStoreTest, GivesBackEveryTableAfterARestart) {
  EXPECT_TRUE(load().partitions.empty());
  write(one_of_everything());
  reopen();
  const StoredState state = load();
  ASSERT_EQ(state.partitions.size(), 2U);
  const StoredPartition& labels = state.partitions[0];
  EXPECT_EQ(
      std::tie(labels.source, labels.topic, labels.partition, labels.kind, labels.next_offset),
      std::make_tuple("kafka-0", "labels", 0, 1, 5));
  EXPECT_EQ(labels.max_event_time, kNoTime);
  const StoredPartition& predictions = state.partitions[1];
  EXPECT_EQ(std::tie(predictions.topic, predictions.partition, predictions.next_offset,
                     predictions.max_event_time),
            std::make_tuple("predictions", 3, 1LL << 40, 1'700'000'000'123));
  EXPECT_EQ(labels.last_offset, -1);
  EXPECT_EQ(predictions.last_offset, (1LL << 40) - 1);
  EXPECT_EQ(predictions.last_fingerprint, 0xFEDC'BA98'7654'3210);
  ASSERT_EQ(state.names.size(), 2U);
  EXPECT_EQ(std::tie(state.names[0].kind, state.names[0].code, state.names[0].text),
            std::make_tuple("class", 1U, kBytes));
  EXPECT_EQ(state.names[1].text, "v1");
  ASSERT_EQ(state.open_panes.size(), 1U);
  const StoredOpenPane& pane = state.open_panes[0];
  EXPECT_EQ(std::tie(pane.lane, pane.window.model, pane.window.version, pane.window.pane),
            std::make_tuple(1U, "fraud", 2U, -3'600'000));
  EXPECT_EQ(std::tie(pane.summaries.features, pane.summaries.performance),
            std::make_tuple(kBytes, "performance"));
  ASSERT_EQ(state.windows.size(), 1U);
  EXPECT_EQ(state.windows[0].window.pane, 7);
  EXPECT_EQ(state.windows[0].record, kBytes);
  ASSERT_EQ(state.panes.size(), 1U);
  EXPECT_EQ(state.panes[0].pane, 7);
  EXPECT_EQ(store_->load_summaries({"fraud", 0, 7})->performance, kBytes);
  ASSERT_EQ(state.forgotten_windows.size(), 1U);
  EXPECT_EQ(state.forgotten_windows[0].pane, 6);
  ASSERT_EQ(state.monitors.size(), 1U);
  EXPECT_EQ(
      std::tie(state.monitors[0].windows, state.monitors[0].predictions, state.monitors[0].health),
      std::make_tuple(12, 12'345, kBytes));
  ASSERT_EQ(state.joins.size(), 2U);
  EXPECT_EQ(state.joins[0].model, "fraud");
  ASSERT_EQ(state.joins[0].segments.size(), 2U) << "in rising order";
  EXPECT_EQ(state.joins[0].segments[0].first, 5U);
  EXPECT_EQ(state.joins[0].segments[1].rows, 1ULL << 40);
  EXPECT_EQ(state.joins[0].predictions_until, 90);
  EXPECT_EQ(state.joins[0].until, 80);
  EXPECT_EQ(state.joins[1].model, "other");
  ASSERT_EQ(state.fingerprints.size(), 1U);
  EXPECT_EQ(state.fingerprints[0].fingerprint, "task=binary");
  EXPECT_THAT(outbox("store"), ElementsAre("a=pa"));
}

TEST_F(StateStoreTest, ReplacesWhatChangesAndDeletesWhatGoes) {
  write(one_of_everything());
  Checkpoint next;
  next.partitions = {{"kafka-0", "labels", 0, 1, 9, 100}};
  next.open_panes = {{0, {"fraud", 0, 8}, {"f", "p"}}};
  next.closed_open_panes = {{1, {"fraud", 2, -3'600'000}}};
  StoredWindow& window = next.windows.emplace_back();
  window.window = {"fraud", 0, 7};
  window.record = "new record";
  next.erased_windows = {{"fraud", 0, 6}};
  next.joins = {{"fraud", {{12, 3}}}};
  write(next);
  StoredState state = load();
  EXPECT_EQ(state.partitions[0].next_offset, 9);
  ASSERT_EQ(state.open_panes.size(), 1U);
  EXPECT_EQ(state.open_panes[0].window.pane, 8);
  EXPECT_EQ(state.windows[0].record, "new record");
  EXPECT_EQ(store_->load_summaries({"fraud", 0, 7})->features, "features")
      << "unchanged summaries stay";
  EXPECT_THAT(state.forgotten_windows, IsEmpty());
  ASSERT_EQ(state.joins.size(), 2U) << "the other model's did not change";
  ASSERT_EQ(state.joins[0].segments.size(), 1U);
  EXPECT_EQ(state.joins[0].segments[0].rows, 3U);

  Checkpoint last;
  last.replaces_open_panes = true;
  last.open_panes = {{0, {"fraud", 0, 9}, {"f", "p"}}};
  last.forgotten_windows = {{"fraud", 0, 7}};
  last.erased_panes = {{"fraud", 0, 7}};
  write(last);
  state = load();
  ASSERT_EQ(state.open_panes.size(), 1U);
  EXPECT_EQ(state.open_panes[0].window.pane, 9);
  EXPECT_THAT(state.windows, IsEmpty());
  EXPECT_THAT(state.panes, IsEmpty());
  EXPECT_EQ(state.forgotten_windows[0].pane, 7);
}

TEST_F(StateStoreTest, SaysWhichWindowItDoesNotHave) {
  const auto missing = store_->load_summaries({"fraud", 0, 4'711});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr("4711"), HasSubstr("fraud")));
}

TEST_F(StateStoreTest, KeepsTheOutboxInOrderUntilItIsDelivered) {
  Checkpoint first;
  first.outbox = {entry("store", "a"), entry("webhook", "w"), entry("store", "b")};
  write(first);
  Checkpoint second;
  second.outbox = {entry("store", "c")};
  write(second);
  EXPECT_THAT(outbox("store"), ElementsAre("a=pa", "b=pb", "c=pc"));
  EXPECT_THAT(outbox("store", 0, 2), ElementsAre("a=pa", "b=pb"));
  EXPECT_THAT(outbox("store", 1), ElementsAre("b=pb", "c=pc"));
  EXPECT_THAT(outbox("nobody"), IsEmpty());
  const auto sizes = store_->outbox_sizes();
  EXPECT_EQ(sizes.value(), (std::map<std::string, std::uint64_t>{{"store", 3}, {"webhook", 1}}));

  Checkpoint delivered;
  delivered.delivered = {{"store", 3}};
  write(delivered);
  EXPECT_THAT(outbox("store"), ElementsAre("c=pc"));
  EXPECT_THAT(outbox("webhook"), ElementsAre("w=pw"))
      << "another sink's entries stay, whatever their number";
}

TEST_F(StateStoreTest, NeverGivesASequenceASecondTime) {
  Checkpoint first;
  first.outbox = {entry("store", "a"), entry("store", "b")};
  write(first);
  Checkpoint delivered;
  delivered.delivered = {{"store", 2}};
  write(delivered);
  reopen();
  Checkpoint second;
  second.outbox = {entry("store", "c")};
  write(second);
  EXPECT_THAT(outbox("store", 2), ElementsAre("c=pc"));
}

TEST_F(StateStoreTest, LeavesThePreviousStateWhereAWriteFails) {
  write(one_of_everything());
  // The outbox is written last: all else of the checkpoint has been written by then.
  run_sql(
      "CREATE TRIGGER refuse BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'disk is full'); "
      "END");
  Checkpoint next;
  next.partitions = {{"kafka-0", "labels", 0, 1, 9, 100}};
  next.replaces_open_panes = true;
  next.forgotten_windows = {{"fraud", 0, 7}};
  next.monitors = {{"fraud", 0, 13, 0, ""}};
  next.joins = {{"fraud", {{12, 3}}}};
  next.outbox = {entry("store", "b")};
  const Result<> refused = store_->write(next);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("disk is full"), HasSubstr("state.db"), HasSubstr("checkpoint")));
  const StoredState state = load();
  EXPECT_EQ(state.partitions[0].next_offset, 5);
  EXPECT_EQ(state.open_panes.size(), 1U);
  EXPECT_EQ(state.windows.size(), 1U);
  EXPECT_EQ(state.monitors[0].windows, 12);
  EXPECT_EQ(state.joins[0].segments.size(), 2U);
  EXPECT_THAT(outbox("store"), ElementsAre("a=pa"));

  run_sql("DROP TRIGGER refuse");
  write(next);
  EXPECT_EQ(load().partitions[0].next_offset, 9);
  EXPECT_THAT(outbox("store"), ElementsAre("a=pa", "b=pb"));
}

TEST_F(StateStoreTest, ReturnsAnErrorWhereATableIsGone) {
  write(one_of_everything());
  run_sql("DROP TABLE monitors");
  const Result<> refused = store_->write(one_of_everything());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("monitors"));
  EXPECT_FALSE(store_->load());
}

TEST_F(StateStoreTest, NeverTakesPartOfADamagedDatabaseForAllOfIt) {
  Checkpoint many;
  for (std::uint32_t slot = 0; slot < 2'000; ++slot) {
    many.open_panes.push_back({0, {"fraud", 0, slot}, {std::string(100, 'f'), ""}});
  }
  write(many);
  const std::string path = store_->path();
  store_.reset();
  // A page in the middle of a table is overwritten, as by a failing disk; the first pages hold the
  // schema.
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  const auto pages = static_cast<std::streamoff>(std::filesystem::file_size(path) / 4'096);
  for (std::streamoff page = pages / 4; page < pages * 3 / 4; ++page) {
    file.seekp(page * 4'096);
    file << std::string(4'096, '\x5A');
  }
  file.close();
  const auto store = StateStore::open(folder_ / "state");
  if (!store) {
    EXPECT_EQ(store.error().code, ErrorCode::corrupted);
    return;
  }
  const auto state = (*store)->load();
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::corrupted);
  EXPECT_THAT(state.error().message, AllOf(HasSubstr(path), HasSubstr("put a copy back")));
}

TEST_F(StateStoreTest, RefusesASecondDaemonInTheSameFolder) {
  const auto second = StateStore::open(folder_ / "state");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_THAT(second.error().message,
              AllOf(HasSubstr("in use by another driftd"), HasSubstr("state_dir")));
  store_.reset();
  EXPECT_TRUE(StateStore::open(folder_ / "state")) << "the lock goes with its owner";
}

TEST_F(StateStoreTest, RefusesAnotherFormatAndLeavesItAsItIs) {
  write(one_of_everything());
  run_sql("UPDATE meta SET value = '6' WHERE key = 'format_version'");
  store_.reset();
  for (int tries = 0; tries < 2; ++tries) {
    const auto refused = StateStore::open(folder_ / "state");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::incompatible);
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr("format 6"), HasSubstr("format 5"), HasSubstr("state_dir")));
  }
}

TEST_F(StateStoreTest, SaysThatAFileIsNoDatabase) {
  const std::string path = store_->path();
  store_.reset();
  std::filesystem::remove(path + "-wal");
  std::ofstream(path, std::ios::trunc) << std::string(8'192, 'x');
  const auto refused = StateStore::open(folder_ / "state");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupted);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr(path), HasSubstr("page 1"), HasSubstr("put a copy back")));
}

TEST_F(StateStoreTest, SaysThatAFolderCannotBeMade) {
  std::ofstream(folder_ / "file") << "x";
  const auto refused = StateStore::open(folder_ / "file" / "state");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::io);
  EXPECT_THAT(refused.error().message, HasSubstr("state_dir"));
}

TEST_F(StateStoreTest, KeepsItsInstanceIdAndHasOneOfItsOwn) {
  const std::string id = store_->instance_id();
  EXPECT_THAT(id, HasSubstr("driftd-"));
  reopen();
  EXPECT_EQ(store_->instance_id(), id);
  const auto other = StateStore::open(folder_ / "other");
  EXPECT_NE((*other)->instance_id(), id);
}

}  // namespace
}  // namespace driftd
