#include "windows/label_join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "state/join_log.h"
#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;

constexpr DurationMs kHorizon = 10;

constexpr std::size_t kMemory = 16 << 20;

// A join over files and all that its calls take, one event at a time. The score of a prediction and
// the class of a label tell which of several was kept.
class Joining {
 public:
  explicit Joining(std::size_t memory = kMemory, Task task = Task::binary,
                   LabelJoinLimits limits = {})
      : schema_(make_schema(task)), memory_(memory), limits_(limits) {
    schema_.label_horizon = kHorizon;
    open();
  }

  bool predict(std::uint64_t id, TimeMs ts, double score = 0.5, std::vector<double> scores = {}) {
    EventBatch batch(schema_);
    batch.ts = {ts};
    batch.id = {{7, id}};
    batch.version = {VersionIndex{static_cast<std::uint32_t>(id % 2)}};
    batch.score = {score};
    batch.predicted_class = {kNoClass};
    batch.class_scores = std::move(scores);
    std::vector<std::uint8_t> accepted;
    std::vector<std::int64_t> panes;
    EXPECT_EQ(join_->add_predictions(batch, 0, 1, assigner_, accepted, panes, joined_, discarded_),
              1U);
    return accepted.front() == 1;
  }

  bool label(std::uint64_t id, TimeMs ts, ClassCode actual = 1, double value = 0) {
    LabelBatch batch(schema_);
    batch.ts = {ts};
    batch.id = {{7, id}};
    batch.actual_class = {actual};
    batch.value = {value};
    return join_->add_labels(batch, 0, 1, joined_, discarded_) == 1;
  }

  void expire(TimeMs predictions_until, TimeMs labels_until) {
    join_->expire(predictions_until, labels_until);
  }

  void checkpoint() {
    stored_ = join_->begin_checkpoint();
    expired_ = join_->expired();
    ASSERT_TRUE(log_->write());
    ASSERT_TRUE(log_->sync());
    join_->commit();
  }
  // Starts anew from what the last checkpoint has stored.
  void crash() { open(); }
  void restart() {
    checkpoint();
    crash();
  }

  [[nodiscard]] std::size_t joined() const { return joined_.rows.size(); }
  [[nodiscard]] const JoinedRows& rows() const { return joined_; }
  [[nodiscard]] std::uint64_t discarded(DiscardReason reason) const {
    return discarded_.by_reason[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] std::uint64_t discarded() const {
    std::uint64_t all = 0;
    for (const std::uint64_t times : discarded_.by_reason) all += times;
    return all;
  }
  [[nodiscard]] LabelJoin& join() { return *join_; }

  [[nodiscard]] const fs::path& folder() const { return folder_.path(); }
  [[nodiscard]] std::size_t segments() const { return join_->begin_checkpoint().size(); }

 private:
  void open() {
    join_.reset();
    budget_.emplace(memory_);
    auto log = JoinLog::open(folder_.path(), LabelJoin::row_bytes(schema_), stored_);
    ASSERT_TRUE(log) << log.error().message;
    log_ = log->get();
    join_ = std::make_unique<LabelJoin>(schema_, *budget_, std::move(*log), limits_);
    join_->recall_expired(expired_);
    const Result<> recalled = recall_rows(*join_, *log_, stored_);
    ASSERT_TRUE(recalled) << recalled.error().message;
  }

  TemporaryFolder folder_;
  ModelSchema schema_;
  const std::size_t memory_;
  const LabelJoinLimits limits_;
  std::optional<MemoryBudget> budget_;
  std::unique_ptr<LabelJoin> join_;
  JoinLog* log_ = nullptr;
  std::vector<JoinSegment> stored_;
  LabelJoin::Expired expired_;
  PaneAssigner assigner_{{.size = 100}, false};
  JoinedRows joined_;
  DiscardCounts discarded_;
};

// --- What a pair of events comes to

struct Step {
  char kind;  // p: a prediction, l: a label
  TimeMs ts;
  ClassCode actual = 1;
};

struct Case {
  const char* what;
  std::vector<Step> steps;  // all of one id
  std::size_t joined;
  std::optional<DiscardReason> discarded;
};

TEST(LabelJoin, JoinsWhatBelongsTogether) {
  using enum DiscardReason;
  const Case cases[] = {
      {"label after its prediction", {{'p', 100}, {'l', 105}}, 1, {}},
      {"label first", {{'l', 105}, {'p', 100}}, 1, {}},
      {"label of the same time", {{'p', 100}, {'l', 100}}, 1, {}},
      {"label of an earlier time", {{'p', 100}, {'l', 3}}, 1, {}},
      {"label of an earlier time first", {{'l', 3}, {'p', 100}}, 1, {}},
      {"label at the horizon", {{'p', 100}, {'l', 110}}, 1, {}},
      {"label at the horizon first", {{'l', 110}, {'p', 100}}, 1, {}},
      {"late label", {{'p', 100}, {'l', 111}}, 0, late_label},
      // It was accepted when it came, so it is no discard; it only does not count.
      {"late label first", {{'l', 111}, {'p', 100}}, 0, {}},
      {"label in time after a late one", {{'p', 100}, {'l', 111}, {'l', 110}}, 1, late_label},
      {"the same label twice", {{'p', 100}, {'l', 101}, {'l', 102}}, 1, duplicate_label},
      {"the same label twice, first", {{'l', 101}, {'l', 102}, {'p', 100}}, 1, duplicate_label},
      {"the same label around", {{'l', 101}, {'p', 100}, {'l', 102}}, 1, duplicate_label},
      {"another label", {{'p', 100}, {'l', 101, 1}, {'l', 102, 0}}, 1, conflicting_label},
      {"another label, first", {{'l', 101, 1}, {'l', 102, 0}, {'p', 100}}, 1, conflicting_label},
      {"another label, and late", {{'p', 100}, {'l', 101, 1}, {'l', 999, 0}}, 1, conflicting_label},
      {"the prediction twice", {{'p', 100}, {'p', 101}, {'l', 102}}, 1, duplicate_prediction},
      {"the prediction twice, joined",
       {{'p', 100}, {'l', 102}, {'p', 101}},
       1,
       duplicate_prediction},
      {"two labels only", {{'l', 1, 1}, {'l', 2, 1}}, 0, duplicate_label},
      {"in the year 9999", {{'p', 253'402'300'799'990}, {'l', 253'402'300'799'999}}, 1, {}},
      {"before the epoch", {{'p', -100}, {'l', -90}}, 1, {}},
      {"late before the epoch", {{'p', -100}, {'l', -89}}, 0, late_label},
  };
  for (const Case& row : cases) {
    // The same, whether it all happened in one run or with a restart after every event.
    for (const bool restarts : {false, true}) {
      Joining joining;
      std::size_t accepted = 0;
      for (const Step& step : row.steps) {
        accepted +=
            step.kind == 'p' ? joining.predict(5, step.ts) : joining.label(5, step.ts, step.actual);
        if (restarts) joining.restart();
      }
      EXPECT_EQ(joining.joined(), row.joined) << row.what;
      EXPECT_EQ(joining.discarded(), row.discarded ? 1U : 0U) << row.what;
      if (row.discarded) {
        EXPECT_EQ(joining.discarded(*row.discarded), 1U) << row.what;
      }
      EXPECT_EQ(accepted + joining.discarded(), row.steps.size()) << row.what;
      EXPECT_EQ(joining.join().counts().rows, 1U) << row.what;
    }
  }
}

TEST(LabelJoin, KeepsTheSameIdsOfTwoModelsApartInOneMemory) {
  Joining one;
  Joining other;
  EXPECT_TRUE(one.predict(5, 100, 0.25));
  EXPECT_TRUE(other.label(5, 101));
  EXPECT_EQ(one.joined() + other.joined(), 0U);
  EXPECT_TRUE(other.predict(5, 100, 0.75));
  EXPECT_EQ(other.joined(), 1U);
  EXPECT_EQ(one.joined(), 0U);

  const ModelSchema schema = make_schema(Task::binary);
  const auto rows = [&] { return std::make_unique<MemoryJoinRows>(LabelJoin::row_bytes(schema)); };
  MemoryBudget budget(kMemory);
  {
    const LabelJoin first(schema, budget, rows());
    const std::size_t left = budget.left();
    const LabelJoin second(schema, budget, rows());
    EXPECT_EQ(kMemory - left, left - budget.left()) << "both take from it";
  }
  EXPECT_EQ(budget.left(), kMemory);
}

TEST(LabelJoin, KeepsTheFirstPredictionAndTheFirstLabel) {
  Joining joining;
  joining.predict(5, 100, 0.25);
  joining.predict(5, 230, 0.75);
  joining.label(5, 101, 1);
  joining.label(5, 102, 0);
  ASSERT_EQ(joining.joined(), 1U);
  const JoinedRows::Row& row = joining.rows().rows.front();
  EXPECT_EQ(row.labelled.score, 0.25);
  EXPECT_EQ(row.labelled.actual_class, 1U);
  EXPECT_EQ(row.pane, 100) << "the pane of the first prediction";
  EXPECT_EQ(row.version, VersionIndex{1});
}

TEST(LabelJoin, ComparesTheValuesOfRegressionLabels) {
  Joining joining(kMemory, Task::regression);
  joining.predict(5, 100);
  EXPECT_TRUE(joining.label(5, 101, kNoClass, 2.5));
  EXPECT_FALSE(joining.label(5, 101, kNoClass, 2.5));
  EXPECT_FALSE(joining.label(5, 101, kNoClass, 2.75));
  EXPECT_EQ(joining.discarded(DiscardReason::duplicate_label), 1U);
  EXPECT_EQ(joining.discarded(DiscardReason::conflicting_label), 1U);
  EXPECT_EQ(joining.rows().rows.front().labelled.actual_value, 2.5);
}

TEST(LabelJoin, HandsOverTheScoresOfEachRow) {
  Joining joining(kMemory, Task::multiclass);
  joining.label(2, 100, 1);
  joining.predict(1, 100, 0, {0.5, 0.25, 0.25});
  joining.restart();
  joining.predict(2, 100, 0, {0.125, 0.875, 0});
  joining.label(1, 100, 0);
  ASSERT_EQ(joining.joined(), 2U);
  EXPECT_EQ(joining.rows().scores, (std::vector<double>{0.125, 0.875, 0, 0.5, 0.25, 0.25}));
}

TEST(LabelJoin, StopsAtThePredictionThatClosesAWindow) {
  const ModelSchema schema = make_schema(Task::binary);
  MemoryBudget budget(kMemory);
  LabelJoin join(schema, budget, std::make_unique<MemoryJoinRows>(LabelJoin::row_bytes(schema)));
  PaneAssigner assigner({.count = 2}, true);
  EventBatch batch(schema);
  for (std::uint64_t i = 0; i < 5; ++i) {
    batch.ts.push_back(0);
    batch.id.push_back({0, i});
    batch.version.push_back(VersionIndex{0});
    batch.score.push_back(0.5);
    batch.predicted_class.push_back(kNoClass);
  }
  std::vector<std::uint8_t> accepted;
  std::vector<std::int64_t> panes;
  JoinedRows joined;
  DiscardCounts discarded;
  const auto take = [&](std::size_t from) {
    return join.add_predictions(batch, from, batch.size(), assigner, accepted, panes, joined,
                                discarded);
  };
  EXPECT_EQ(take(0), 2U);
  EXPECT_EQ(join.counts().rows, 2U) << "the rows after it were not looked at";
  assigner.closed(kEndOfTime);
  EXPECT_EQ(take(2), 4U);
  EXPECT_EQ(panes.front(), 1);
  assigner.closed(kEndOfTime);
  EXPECT_EQ(take(4), 5U);
}

// --- What goes, and when

TEST(LabelJoin, DropsAPredictionWhenLabelsCanNoLongerCount) {
  struct Expiry {
    const char* what;
    TimeMs predictions_until, labels_until;
    std::size_t kept;
  };
  for (const Expiry& row :
       {Expiry{"nothing is known", kNoTime, kNoTime, 1}, Expiry{"both at the horizon", 110, 110, 1},
        Expiry{"both beyond", 111, 111, 0}, Expiry{"labels behind", 999, 110, 1},
        Expiry{"predictions behind", 110, 999, 1},
        Expiry{"no label expected", 111, kEndOfTime, 0}}) {
    Joining joining;
    joining.predict(5, 100);
    joining.expire(row.predictions_until, row.labels_until);
    EXPECT_EQ(joining.join().counts().rows, row.kept) << row.what;
  }
}

TEST(LabelJoin, DropsAWaitingLabelOnlyByThePredictionsTime) {
  Joining joining;
  joining.label(5, 100);
  joining.expire(kNoTime, 999'999);
  joining.expire(110, 999'999);
  EXPECT_EQ(joining.join().counts().rows, 1U);
  joining.expire(111, kNoTime);
  EXPECT_EQ(joining.join().counts().rows, 0U);
}

TEST(LabelJoin, CountsWhatExpiresAloneByItsKind) {
  Joining joining;
  joining.predict(1, 100);
  joining.predict(2, 100);
  joining.label(2, 101);
  joining.label(3, 102);
  joining.label(4, 102);
  joining.predict(4, 103);
  joining.restart();
  joining.expire(500, 500);
  const JoinCounts counts = joining.join().counts();
  EXPECT_EQ(counts.expired_predictions, 1U);
  EXPECT_EQ(counts.expired_labels, 1U);
  EXPECT_EQ(counts.rows, 0U);
  EXPECT_EQ(counts.evicted, 0U);
}

TEST(LabelJoin, DropsSegmentsFromTheFrontAndTheirFilesWithTheCheckpoint) {
  Joining joining(kMemory, Task::binary, {.rows_per_segment = 10});
  for (std::uint64_t i = 0; i < 100; ++i) joining.predict(i, static_cast<TimeMs>(i));
  joining.checkpoint();
  const auto files = [&] {
    return std::distance(fs::directory_iterator(joining.folder()), fs::directory_iterator());
  };
  EXPECT_EQ(files(), 10);
  joining.expire(kHorizon + 50, kHorizon + 50);
  EXPECT_EQ(joining.join().counts().rows, 50U);
  EXPECT_EQ(files(), 10) << "the stored checkpoint still names them";
  joining.checkpoint();
  EXPECT_EQ(files(), 5);
  EXPECT_TRUE(joining.label(49, 55)) << "forgotten, so it waits";
  EXPECT_EQ(joining.joined(), 0U);
  joining.label(50, 55);
  EXPECT_EQ(joining.joined(), 1U);
}

TEST(LabelJoin, EndsASegmentAfterASixteenthOfTheHorizon) {
  Joining joining;
  for (TimeMs ts = 0; ts < 10; ++ts) {
    joining.predict(static_cast<std::uint64_t>(ts), ts);
    joining.expire(kNoTime, kNoTime);
  }
  EXPECT_GE(joining.segments(), 4U);
  joining.expire(kHorizon + 5, kHorizon + 5);
  EXPECT_LE(joining.join().counts().rows, 6U);
  EXPECT_GE(joining.join().counts().rows, 5U);
}

TEST(LabelJoin, ForgetsWhatNoCheckpointHolds) {
  Joining joining;
  joining.predict(1, 100);
  joining.checkpoint();
  joining.predict(2, 100);
  joining.label(1, 101);
  joining.crash();
  EXPECT_EQ(joining.join().counts().rows, 1U);
  EXPECT_TRUE(joining.label(1, 101));
  EXPECT_TRUE(joining.predict(2, 100));
  joining.restart();
  EXPECT_FALSE(joining.label(1, 101));
  EXPECT_FALSE(joining.predict(2, 100));
}

// The smallest index takes 8 KiB; twice that cannot be had.
constexpr std::size_t kLittleMemory = 16 << 10;

TEST(LabelJoin, DropsTheOldestSegmentWhenItIsFull) {
  Joining joining(kLittleMemory, Task::binary, {.rows_per_segment = 100});
  std::uint64_t id = 0;
  while (joining.join().counts().evicted == 0) joining.predict(++id, 1'000);
  const std::uint64_t evicted = joining.join().counts().evicted;
  EXPECT_EQ(evicted % 100, 0U);
  EXPECT_EQ(joining.join().counts().rows, id - evicted);
  EXPECT_GT(id, 512U) << "an entry takes at most 16 bytes at the peak";
  joining.restart();
  joining.label(evicted, 1'000);
  EXPECT_EQ(joining.joined(), 0U) << "it was in the last segment that went";
  joining.label(evicted + 1, 1'000);
  EXPECT_EQ(joining.joined(), 1U);
}

TEST(LabelJoin, StaysWithinItsMemoryHoweverManyRowsCome) {
  Joining joining(kLittleMemory);
  for (std::uint64_t id = 0; id < 20'000; ++id) {
    joining.predict(id, 100);
    ASSERT_LE(joining.join().counts().rows, 1'024U);
  }
  const JoinCounts counts = joining.join().counts();
  EXPECT_EQ(counts.evicted + counts.rows, 20'000U);
}

TEST(LabelJoin, GrowsAndShrinksWithItsRows) {
  Joining joining;
  TimeMs time = 0;
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t id = 0; id < 50'000; ++id) joining.predict(id, time);
    EXPECT_EQ(joining.join().counts().rows, 50'000U);
    time += 1'000;
    joining.expire(time, time);
    EXPECT_EQ(joining.join().counts().rows, 0U);
    joining.restart();
  }
}

TEST(LabelJoin, FindsEveryRowAmongMany) {
  Joining joining;
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    // Ids that fall into few places of the index.
    ASSERT_TRUE(joining.predict(i << 10, 100));
  }
  for (std::uint64_t i = 0; i < 5'000; ++i) ASSERT_TRUE(joining.label(i << 10, 100));
  EXPECT_EQ(joining.joined(), 5'000U);
}

// A flipped bit anywhere in a row's file is found when the row is read, and never becomes a number.
TEST(LabelJoin, FindsEveryFlippedBitOfItsFiles) {
  Joining joining;
  joining.predict(1, 100);
  joining.predict(2, 100);
  joining.label(2, 101);
  joining.checkpoint();
  const fs::path file = fs::directory_iterator(joining.folder())->path();
  const auto size = fs::file_size(file);
  ASSERT_EQ(size, 32U + 3 * 80U);
  const JoinSegment stored{0, 3};
  for (std::uintmax_t at = 0; at < size; ++at) {
    const auto flip = [&] {
      std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
      bytes.seekg(static_cast<std::streamoff>(at));
      const auto byte = static_cast<char>(bytes.get() ^ (1 << (at % 8)));
      bytes.seekp(static_cast<std::streamoff>(at));
      bytes.put(byte);
    };
    flip();
    const auto log = JoinLog::open(joining.folder(), 72, {{stored}});
    const Result<> read = log ? (*log)->read_segment(stored, [](RowNumber, auto) { return true; })
                              : Result<>(std::unexpected(log.error()));
    ASSERT_FALSE(read) << "byte " << at;
    EXPECT_EQ(read.error().code, ErrorCode::corrupted);
    EXPECT_THAT(read.error().message, testing::HasSubstr(file.string()));
    flip();
  }
}

TEST(LabelJoin, SaysThatARowIsDamagedWhileItRuns) {
  Joining joining;
  joining.predict(1, 100);
  joining.checkpoint();
  const fs::path file = fs::directory_iterator(joining.folder())->path();
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(32 + 40);
  bytes.put('x');
  bytes.close();
  EXPECT_FALSE(joining.join().damage());
  joining.label(1, 101);
  EXPECT_EQ(joining.joined(), 0U);
  EXPECT_EQ(joining.join().damage(), RowNumber{0});
}

TEST(LabelJoin, RefusesAFileThatIsShortOrMissing) {
  Joining joining;
  joining.predict(1, 100);
  joining.checkpoint();
  const fs::path file = fs::directory_iterator(joining.folder())->path();
  fs::resize_file(file, fs::file_size(file) - 1);
  const auto error = [&] {
    const auto log = JoinLog::open(joining.folder(), 72, {{JoinSegment{0, 1}}});
    return log ? std::string("none") : log.error().message;
  };
  EXPECT_THAT(error(), testing::HasSubstr("is too short"));
  fs::remove(file);
  EXPECT_THAT(error(), testing::HasSubstr("is missing"));
}

// --- Against a model of it

// What a join is, said with a map and without segments or an index.
class ModelJoin {
 public:
  bool predict(std::uint64_t id, TimeMs ts) {
    Row& row = rows_[id];
    if (row.predicted_at) return false;
    row.predicted_at = ts;
    joined += row.labelled_at && *row.labelled_at <= ts + kHorizon;
    return true;
  }
  std::optional<DiscardReason> label(std::uint64_t id, TimeMs ts, ClassCode actual) {
    Row& row = rows_[id];
    if (row.labelled_at) {
      return row.actual == actual ? DiscardReason::duplicate_label
                                  : DiscardReason::conflicting_label;
    }
    if (row.predicted_at && ts > *row.predicted_at + kHorizon) return DiscardReason::late_label;
    row.labelled_at = ts;
    row.actual = actual;
    joined += row.predicted_at.has_value();
    return std::nullopt;
  }
  // The ids that are forgotten. A join may remember them for longer.
  std::vector<std::uint64_t> expire(TimeMs predictions_until, TimeMs labels_until) {
    std::vector<std::uint64_t> gone;
    std::erase_if(rows_, [&](const auto& entry) {
      const Row& row = entry.second;
      const bool over = row.predicted_at ? *row.predicted_at + kHorizon <
                                               std::min(predictions_until, labels_until)
                                         : *row.labelled_at + kHorizon < predictions_until;
      if (over) gone.push_back(entry.first);
      return over;
    });
    return gone;
  }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

  std::size_t joined = 0;

 private:
  struct Row {
    std::optional<TimeMs> predicted_at, labelled_at;
    ClassCode actual = kNoClass;
  };
  std::map<std::uint64_t, Row> rows_;
};

RC_GTEST_PROP(LabelJoin, DoesWhatItsModelDoes, ()) {
  Joining joining(kMemory, Task::binary,
                  {.rows_per_segment = *rc::gen::inRange<std::uint64_t>(1, 20)});
  ModelJoin model;
  TimeMs time = 100;
  // An id that the model has forgotten gets a successor, as the join may still remember it.
  std::map<std::uint64_t, std::uint64_t> successors;
  const auto steps = *rc::gen::inRange(0, 120);
  for (int step = 0; step < steps; ++step) {
    const auto name = *rc::gen::inRange<std::uint64_t>(0, 12);
    const std::uint64_t id = name + 12 * successors[name];
    const TimeMs ts = time + *rc::gen::inRange<TimeMs>(-8, 14);
    switch (*rc::gen::weightedElement<char>({{8, 'p'}, {8, 'l'}, {3, 't'}, {3, 'e'}, {2, 'r'}})) {
      case 'p': RC_ASSERT(joining.predict(id, ts) == model.predict(id, ts)); break;
      case 'l': {
        const auto actual = *rc::gen::inRange<ClassCode>(0, 2);
        const std::optional<DiscardReason> reason = model.label(id, ts, actual);
        const std::uint64_t before = joining.discarded();
        const std::uint64_t of_reason = reason ? joining.discarded(*reason) : 0;
        RC_ASSERT(joining.label(id, ts, actual) == !reason.has_value());
        RC_ASSERT(joining.discarded() == before + (reason ? 1 : 0));
        if (reason) {
          RC_ASSERT(joining.discarded(*reason) == of_reason + 1);
        }
        break;
      }
      case 't': time += *rc::gen::inRange<TimeMs>(0, 8); break;
      case 'e': {
        const TimeMs labels_until = time - *rc::gen::inRange<TimeMs>(0, 20);
        const TimeMs predictions_until = time - *rc::gen::inRange<TimeMs>(0, 20);
        joining.expire(predictions_until, labels_until);
        for (const std::uint64_t gone : model.expire(predictions_until, labels_until)) {
          ++successors[gone % 12];
        }
        break;
      }
      default: joining.restart();
    }
    RC_ASSERT(joining.joined() == model.joined);
    RC_ASSERT(joining.join().counts().rows >= model.size());
  }
}

}  // namespace
}  // namespace driftd
