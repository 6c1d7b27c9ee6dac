#include "windows/label_join.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/models.h"

namespace driftd {
namespace {

constexpr DurationMs kHorizon = 10;

// A join and all that its calls take, one event at a time. The score of a prediction and the class
// of a label tell which of several was kept.
class Joining {
 public:
  explicit Joining(std::size_t max_rows = LabelJoin::kMaxRows, Task task = Task::binary)
      : schema_(make_schema(task)), max_rows_(max_rows) {
    schema_.label_horizon = kHorizon;
    join_ = std::make_unique<LabelJoin>(schema_, clock_, max_rows_);
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

  // Checkpoints, and starts anew from what has been stored so far.
  void restart() {
    for (JoinSlot& slot : join_->take_changed()) {
      EXPECT_EQ(slot.free, slot.bytes.empty());
      if (slot.free) {
        stored_.erase(slot.slot);
      } else {
        stored_[slot.slot] = std::move(slot.bytes);
      }
    }
    join_ = std::make_unique<LabelJoin>(schema_, clock_, max_rows_);
    for (const auto& [slot, bytes] : stored_) EXPECT_TRUE(join_->restore(slot, bytes));
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
  [[nodiscard]] ManualClock& clock() { return clock_; }

 private:
  ModelSchema schema_;
  ManualClock clock_{1'000'000};
  const std::size_t max_rows_;
  std::unique_ptr<LabelJoin> join_;
  std::map<std::uint32_t, std::string> stored_;
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
      EXPECT_EQ(joining.join().size(), 1U) << row.what;
    }
  }
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
  Joining joining(LabelJoin::kMaxRows, Task::regression);
  joining.predict(5, 100);
  EXPECT_TRUE(joining.label(5, 101, kNoClass, 2.5));
  EXPECT_FALSE(joining.label(5, 101, kNoClass, 2.5));
  EXPECT_FALSE(joining.label(5, 101, kNoClass, 2.75));
  EXPECT_EQ(joining.discarded(DiscardReason::duplicate_label), 1U);
  EXPECT_EQ(joining.discarded(DiscardReason::conflicting_label), 1U);
  EXPECT_EQ(joining.rows().rows.front().labelled.actual_value, 2.5);
}

TEST(LabelJoin, HandsOverTheScoresOfEachRow) {
  Joining joining(LabelJoin::kMaxRows, Task::multiclass);
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
  const ManualClock clock;
  LabelJoin join(schema, clock);
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
  EXPECT_EQ(join.size(), 2U) << "the rows after it were not looked at";
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
    DurationMs wall;
    std::size_t kept;
  };
  for (const Expiry& row :
       {Expiry{"nothing is known", kNoTime, kNoTime, 0, 1},
        Expiry{"both at the horizon", 110, 110, 0, 1}, Expiry{"both beyond", 111, 111, 0, 0},
        Expiry{"labels behind", 999, 110, 0, 1}, Expiry{"predictions behind", 110, 999, 0, 1},
        Expiry{"the clock at the horizon", kNoTime, kNoTime, 10, 1},
        Expiry{"the clock beyond", kNoTime, kNoTime, 11, 0}}) {
    Joining joining;
    joining.predict(5, 100);
    joining.clock().advance(row.wall);
    joining.expire(row.predictions_until, row.labels_until);
    EXPECT_EQ(joining.join().size(), row.kept) << row.what;
  }
}

TEST(LabelJoin, DropsAWaitingLabelOnlyByThePredictionsTime) {
  Joining joining;
  joining.label(5, 100);
  joining.clock().advance(1'000'000);
  joining.expire(kNoTime, 999'999);
  joining.clock().advance(1'000'000);
  joining.expire(110, 999'999);
  EXPECT_EQ(joining.join().size(), 1U);
  joining.clock().advance(1'000'000);
  joining.expire(111, kNoTime);
  EXPECT_EQ(joining.join().size(), 0U);
}

TEST(LabelJoin, ReusesTheSlotOfADroppedRow) {
  Joining joining;
  joining.predict(1, 100, 0.25);
  joining.predict(2, 200);
  joining.restart();
  joining.expire(111, 111);
  EXPECT_EQ(joining.join().size(), 1U);
  joining.label(3, 201);
  const std::vector<JoinSlot> changed = joining.join().take_changed();
  ASSERT_EQ(changed.size(), 1U) << "dropped and taken again between two checkpoints";
  EXPECT_EQ(changed.front().slot, 0U);
  EXPECT_FALSE(changed.front().free);
  EXPECT_TRUE(joining.label(1, 100)) << "the old row is forgotten";
  EXPECT_EQ(joining.joined(), 0U);
}

TEST(LabelJoin, ReusesAnEmptySlotAfterARestart) {
  Joining joining;
  joining.predict(1, 100);
  joining.predict(2, 200);
  joining.expire(111, 111);
  joining.restart();
  joining.predict(3, 200);
  const std::vector<JoinSlot> changed = joining.join().take_changed();
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed.front().slot, 0U);
}

TEST(LabelJoin, ReportsASlotOnceUntilItChangesAgain) {
  Joining joining;
  joining.predict(1, 100);
  joining.label(1, 100);
  EXPECT_EQ(joining.join().take_changed().size(), 1U);
  EXPECT_TRUE(joining.join().take_changed().empty());
  joining.label(1, 100);
  EXPECT_TRUE(joining.join().take_changed().empty()) << "a duplicate changes nothing";
  joining.expire(500, 500);
  const std::vector<JoinSlot> freed = joining.join().take_changed();
  ASSERT_EQ(freed.size(), 1U);
  EXPECT_TRUE(freed.front().free);
}

TEST(LabelJoin, DropsTheOldestTenthWhenItIsFull) {
  Joining joining(100);
  for (std::uint64_t i = 0; i < 100; ++i)
    joining.predict(i, static_cast<TimeMs>(1'000 + (i * 37) % 100));
  EXPECT_EQ(joining.join().evicted(), 0U);
  joining.predict(100, 2'000);
  // nth_element's cut is the 11th oldest: what is not newer than it goes.
  EXPECT_EQ(joining.join().evicted(), 11U);
  EXPECT_EQ(joining.join().size(), 90U);
  for (std::uint64_t i = 0; i < 100; ++i) joining.label(i, 1'000);
  EXPECT_EQ(joining.joined(), 89U);
  EXPECT_LE(joining.join().size(), 100U);
}

TEST(LabelJoin, StaysWithinItsLimitWhenAllRowsAreOfOneTime) {
  Joining joining(50);
  for (std::uint64_t i = 0; i < 500; ++i) {
    joining.predict(i, 100);
    ASSERT_LE(joining.join().size(), 50U);
  }
  EXPECT_EQ(joining.join().evicted() + joining.join().size(), 500U);
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

TEST(LabelJoin, RefusesDamagedRows) {
  Joining joining;
  joining.predict(1, 100);
  const std::vector<JoinSlot> slots = joining.join().take_changed();
  const std::string& bytes = slots.front().bytes;
  for (std::size_t kept = 0; kept < bytes.size(); ++kept) {
    Joining fresh;
    EXPECT_FALSE(fresh.join().restore(0, std::string_view(bytes).substr(0, kept)));
  }
  Joining fresh;
  EXPECT_FALSE(fresh.join().restore(0, bytes + "x"));
  Joining small(10);
  EXPECT_FALSE(small.join().restore(4'000'000'000, bytes)) << "no array of that many rows is made";
}

// --- Against a model of it

// What a join is, said with a map and without slots, index or sweeps.
class ModelJoin {
 public:
  bool predict(std::uint64_t id, TimeMs ts, TimeMs now) {
    Row& row = rows_[id];
    if (row.predicted_at) return false;
    row.predicted_at = ts;
    row.arrived_at = now;
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
  void expire(TimeMs predictions_until, TimeMs labels_until, TimeMs now) {
    std::erase_if(rows_, [&](const auto& entry) {
      const Row& row = entry.second;
      if (!row.predicted_at) return *row.labelled_at + kHorizon < predictions_until;
      return *row.predicted_at + kHorizon < std::min(predictions_until, labels_until) ||
             row.arrived_at + kHorizon < now;
    });
  }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

  std::size_t joined = 0;

 private:
  struct Row {
    std::optional<TimeMs> predicted_at, labelled_at;
    TimeMs arrived_at = 0;
    ClassCode actual = kNoClass;
  };
  std::map<std::uint64_t, Row> rows_;
};

RC_GTEST_PROP(LabelJoin, DoesWhatItsModelDoes, ()) {
  Joining joining;
  ModelJoin model;
  TimeMs time = 100;
  const auto steps = *rc::gen::inRange(0, 120);
  for (int step = 0; step < steps; ++step) {
    const auto id = *rc::gen::inRange<std::uint64_t>(0, 12);
    const TimeMs ts = time + *rc::gen::inRange<TimeMs>(-8, 14);
    switch (*rc::gen::weightedElement<char>({{8, 'p'}, {8, 'l'}, {3, 't'}, {3, 'e'}, {2, 'r'}})) {
      case 'p':
        RC_ASSERT(joining.predict(id, ts) == model.predict(id, ts, joining.clock().now()));
        break;
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
        // The clock moves each time, or a sweep might still be put off.
        joining.clock().advance(*rc::gen::inRange<DurationMs>(1, 4));
        const TimeMs labels_until = time - *rc::gen::inRange<TimeMs>(0, 20);
        const TimeMs predictions_until = time - *rc::gen::inRange<TimeMs>(0, 20);
        joining.expire(predictions_until, labels_until);
        model.expire(predictions_until, labels_until, joining.clock().now());
        break;
      }
      default: joining.restart();
    }
    RC_ASSERT(joining.joined() == model.joined);
    RC_ASSERT(joining.join().size() == model.size());
  }
}

}  // namespace
}  // namespace driftd
