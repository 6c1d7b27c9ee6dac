#include "windows/lane_windows.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/allocations.h"
#include "tests/support/fingerprints.h"
#include "tests/support/memory_join.h"
#include "tests/support/models.h"

namespace driftd {
namespace {

struct Event {
  TimeMs ts = 0;
  std::uint64_t id = 0;
  std::uint32_t version = 0;
  double amount = 1;
  std::string channel = "web";
};

// One binary model with the usual two features, a lane or more, and one join for all of them.
class Lanes {
 public:
  explicit Lanes(WindowSpec window, bool stop_to_close = false, bool with_labels = true,
                 std::size_t lanes = 1)
      : model_(Task::binary) {
    model_.add_usual_features();
    model_.window = window;
    model_.schema.label_horizon = 1'000'000;
    join_ = make_memory_join(model_.schema, join_memory_);
    LabelJoin* const joins[] = {with_labels ? join_.get() : nullptr};
    const MonitoredModel models[] = {model_.monitored()};
    for (std::size_t i = 0; i < lanes; ++i) lanes_.emplace_back(models, joins, stop_to_close);
    batch_.predictions.emplace_back(model_.schema);
    batch_.labels.emplace_back(model_.schema);
  }

  void predict(const Event& event) {
    EventBatch& rows = batch_.predictions[0];
    rows.ts.push_back(event.ts);
    rows.id.push_back({0, event.id});
    rows.version.push_back(VersionIndex{event.version});
    rows.sequence.push_back(batch_.rows++);
    rows.score.push_back(0.75);
    rows.predicted_class.push_back(kNoClass);
    rows.latency_ms.push_back(8);
    rows.weight.push_back(1);
    rows.columns[0].numbers.push_back(event.amount);
    append(rows.columns[1], channels(), event.channel);
  }

  void label(std::uint64_t id, TimeMs ts, ClassCode actual = 1) {
    LabelBatch& rows = batch_.labels[0];
    rows.ts.push_back(ts);
    rows.id.push_back({0, id});
    rows.sequence.push_back(batch_.rows++);
    rows.value.push_back(0);
    rows.actual_class.push_back(actual);
  }

  [[nodiscard]] bool fold(LaneWindows::Cursor& cursor, std::size_t lane = 0) {
    return lanes_[lane].fold(ModelIndex{0}, batch_, cursor);
  }
  // Folds all that was added since the last time.
  void fold_all(std::size_t lane = 0) {
    LaneWindows::Cursor cursor;
    EXPECT_TRUE(fold(cursor, lane));
    EXPECT_EQ(cursor.prediction, batch_.predictions[0].size());
    EXPECT_EQ(cursor.label, batch_.labels[0].size());
    batch_.clear();
  }

  [[nodiscard]] LaneWindows& lane(std::size_t i = 0) { return lanes_[i]; }
  [[nodiscard]] const Pane* pane(std::int64_t key, std::uint32_t version = 0,
                                 std::size_t lane = 0) {
    const auto found = lanes_[lane].panes().find({{ModelIndex{0}, VersionIndex{version}}, key});
    return found == lanes_[lane].panes().end() ? nullptr : found->second.get();
  }
  [[nodiscard]] const MonitoredModel monitored() const { return model_.monitored(); }

 private:
  [[nodiscard]] const std::vector<std::string>& channels() const {
    return std::get<CategoryReference>(model_.reference.series[1].baseline).categories;
  }

  ModelUnderTest model_;
  ManualClock clock_;
  MemoryBudget join_memory_{kJoinMemory};
  std::unique_ptr<LabelJoin> join_;
  std::vector<LaneWindows> lanes_;
  LaneBatch batch_;
};

std::uint64_t labelled_in(const Pane& pane) { return labelled(pane.performance); }
const NumericSummary& amount_of(const Pane& pane) {
  return std::get<NumericSummary>(pane.series[0]);
}
const CategorySummary& channel_of(const Pane& pane) {
  return std::get<CategorySummary>(pane.series[1]);
}

TEST(LaneWindows, PutsEventsIntoPanesOfTheirTimeBeforeAndAfterTheEpoch) {
  Lanes lanes({.size = 1'000});
  std::uint64_t id = 0;
  for (const TimeMs ts : {-1'001, -1'000, -1, 0, 999, 1'000}) lanes.predict({.ts = ts, .id = id++});
  lanes.fold_all();
  ASSERT_EQ(lanes.lane().panes().size(), 4U);
  struct Case {
    std::int64_t key;
    std::uint64_t predictions;
    TimeMs first, last;
  };
  for (const Case& row : {Case{-2'000, 1, -1'001, -1'001}, Case{-1'000, 2, -1'000, -1},
                          Case{0, 2, 0, 999}, Case{1'000, 1, 1'000, 1'000}}) {
    const Pane* const pane = lanes.pane(row.key);
    ASSERT_NE(pane, nullptr) << row.key;
    EXPECT_EQ(pane->predictions, row.predictions) << row.key;
    EXPECT_EQ(pane->first_time, row.first) << row.key;
    EXPECT_EQ(pane->last_time, row.last) << row.key;
    EXPECT_TRUE(pane->features_changed);
    EXPECT_FALSE(pane->performance_changed);
  }
  EXPECT_EQ(lanes.lane().totals().predictions, 6U);
}

TEST(LaneWindows, CountsPanesByNumberOfThePrediction) {
  Lanes lanes({.count = 3});
  for (std::uint64_t id = 0; id < 7; ++id) {
    lanes.predict(
        {.ts = 100 - static_cast<TimeMs>(id), .id = id, .amount = static_cast<double>(id)});
  }
  lanes.fold_all();
  lanes.predict({.ts = 0, .id = 7, .amount = 7});
  lanes.fold_all();
  ASSERT_EQ(lanes.lane().panes().size(), 3U);
  EXPECT_EQ(lanes.pane(0)->predictions, 3U);
  EXPECT_EQ(amount_of(*lanes.pane(0)).maximum, 2.0);
  EXPECT_EQ(amount_of(*lanes.pane(1)).minimum, 3.0);
  EXPECT_EQ(lanes.pane(2)->predictions, 2U);
  EXPECT_EQ(amount_of(*lanes.pane(2)).maximum, 7.0);
}

TEST(LaneWindows, CountsADuplicateOnNoFeature) {
  Lanes lanes({.count = 2});
  lanes.predict({.id = 1, .amount = 1});
  lanes.predict({.id = 1, .amount = 100, .channel = "fax"});
  lanes.predict({.id = 2, .amount = 2, .channel = "shop"});
  lanes.predict({.id = 2, .amount = 100, .channel = "fax"});
  lanes.predict({.id = 3, .amount = 3});
  lanes.fold_all();
  ASSERT_EQ(lanes.lane().panes().size(), 2U);
  const Pane& first = *lanes.pane(0);
  EXPECT_EQ(first.predictions, 2U);
  EXPECT_EQ(amount_of(first).present(), 2U);
  EXPECT_EQ(amount_of(first).maximum, 2.0);
  EXPECT_EQ(channel_of(first).unseen.total(), 0U);
  EXPECT_EQ(first.latency.moments.count, 2U);
  EXPECT_EQ(first.duplicates, 1U);
  EXPECT_EQ(lanes.pane(1)->predictions, 1U);
  EXPECT_EQ(lanes.pane(1)->duplicates, 1U) << "it came when the first window was full";
  EXPECT_EQ(lanes.lane().totals().predictions, 3U);
  EXPECT_EQ(lanes.lane()
                .totals()
                .discarded.by_reason[static_cast<std::size_t>(DiscardReason::duplicate_prediction)],
            2U);
}

TEST(LaneWindows, CountsADuplicateByItsOwnTimeAndVersion) {
  Lanes lanes({.size = 1'000});
  lanes.predict({.ts = 500, .id = 1});
  lanes.predict({.ts = 1'500, .id = 1});
  lanes.predict({.ts = 1'501, .id = 1});
  lanes.fold_all();
  EXPECT_EQ(lanes.pane(0)->duplicates, 0U);
  EXPECT_EQ(lanes.pane(1'000)->duplicates, 2U);
  EXPECT_EQ(lanes.pane(1'000)->predictions, 0U);
  EXPECT_TRUE(lanes.pane(1'000)->features_changed);
}

TEST(LaneWindows, LooksForNoDuplicatesWhereAModelHasNoLabels) {
  Lanes lanes({.size = 1'000}, false, false);
  lanes.predict({.id = 1});
  lanes.predict({.id = 1});
  lanes.fold_all();
  EXPECT_EQ(lanes.pane(0)->predictions, 2U);
  EXPECT_EQ(lanes.pane(0)->duplicates, 0U);
}

TEST(LaneWindows, KeepsInterleavedVersionsApart) {
  Lanes lanes({.size = 1'000});
  for (std::uint64_t id = 0; id < 30; ++id) {
    const auto version = static_cast<std::uint32_t>(id % 3);
    lanes.predict({.id = id,
                   .version = version,
                   .amount = static_cast<double>(version),
                   .channel = version == 1 ? "fax " + std::to_string(id) : "web"});
  }
  lanes.fold_all();
  ASSERT_EQ(lanes.lane().panes().size(), 3U);
  for (std::uint32_t version = 0; version < 3; ++version) {
    const Pane& pane = *lanes.pane(0, version);
    EXPECT_EQ(pane.predictions, 10U);
    EXPECT_EQ(amount_of(pane).minimum, version);
    EXPECT_EQ(amount_of(pane).maximum, version);
    EXPECT_EQ(channel_of(pane).unseen.counts().size(), version == 1 ? 10U : 0U);
    EXPECT_EQ(channel_of(pane).counters.total(), version == 1 ? 0U : 10U);
  }
}

TEST(LaneWindows, AddsALabelToThePaneOfItsPrediction) {
  Lanes lanes({.size = 1'000});
  lanes.predict({.ts = 10, .id = 1, .version = 2});
  lanes.label(9, 20);
  lanes.fold_all();
  lanes.predict({.ts = 5'000, .id = 9});
  lanes.label(1, 5'000);
  lanes.fold_all();
  EXPECT_EQ(labelled_in(*lanes.pane(0, 2)), 1U);
  EXPECT_TRUE(lanes.pane(0, 2)->performance_changed);
  EXPECT_EQ(labelled_in(*lanes.pane(5'000)), 1U);
  EXPECT_EQ(lanes.lane().totals().labels, 2U);
  EXPECT_EQ(lanes.lane().totals().joined, 2U);
}

TEST(LaneWindows, BeginsAFreshPaneForALabelOfAClosedWindow) {
  Lanes lanes({.size = 1'000});
  lanes.predict({.ts = 10, .id = 1});
  lanes.fold_all();
  lanes.lane().panes().clear();
  lanes.label(1, 20);
  lanes.fold_all();
  ASSERT_NE(lanes.pane(0), nullptr);
  EXPECT_EQ(lanes.pane(0)->predictions, 0U);
  EXPECT_EQ(labelled_in(*lanes.pane(0)), 1U);
}

TEST(LaneWindows, StopsAtTheRowThatFillsAWindowWithTheLabelsBeforeIt) {
  Lanes lanes({.count = 2}, true);
  lanes.predict({.id = 1});
  lanes.label(1, 0);
  lanes.predict({.id = 2});  // closes window 0
  lanes.label(2, 0);
  lanes.predict({.id = 3});
  lanes.label(3, 0);
  LaneWindows::Cursor cursor;
  ASSERT_FALSE(lanes.fold(cursor));
  EXPECT_EQ(cursor.prediction, 2U);
  EXPECT_EQ(cursor.label, 1U);
  EXPECT_EQ(lanes.pane(0)->predictions, 2U);
  EXPECT_EQ(labelled_in(*lanes.pane(0)), 1U) << "the second label came after the window was full";
  EXPECT_EQ(lanes.pane(1), nullptr);

  lanes.lane().panes().clear();
  lanes.lane().assigner(ModelIndex{0}).closed(kEndOfTime);
  ASSERT_TRUE(lanes.fold(cursor));
  EXPECT_EQ(cursor.prediction, 3U);
  EXPECT_EQ(cursor.label, 3U);
  EXPECT_EQ(lanes.pane(0)->predictions, 0U) << "an amendment of the closed window";
  EXPECT_EQ(labelled_in(*lanes.pane(0)), 1U);
  EXPECT_EQ(lanes.pane(1)->predictions, 1U);
  EXPECT_EQ(labelled_in(*lanes.pane(1)), 1U);
}

TEST(LaneWindows, StopsAtTheRowWhoseTimeEndsAWindow) {
  Lanes lanes({.size = 1'000, .lateness = 100}, true);
  lanes.predict({.ts = 900, .id = 1});
  lanes.predict({.ts = 1'050, .id = 2});
  lanes.predict({.ts = 950, .id = 3});  // late, but the window is still open
  lanes.label(1, 0);
  lanes.predict({.ts = 1'100, .id = 4});  // closes window 0
  lanes.label(3, 0);
  lanes.predict({.ts = 960, .id = 5});  // too late: amends it
  LaneWindows::Cursor cursor;
  ASSERT_FALSE(lanes.fold(cursor));
  EXPECT_EQ(cursor.prediction, 4U);
  EXPECT_EQ(cursor.label, 1U);
  EXPECT_EQ(lanes.pane(0)->predictions, 2U);
  EXPECT_EQ(labelled_in(*lanes.pane(0)), 1U);
  EXPECT_EQ(lanes.pane(1'000)->predictions, 2U) << "the row that closes belongs to its own window";

  lanes.lane().panes().erase(PaneKey{{}, 0});
  lanes.lane().assigner(ModelIndex{0}).closed(2'000);
  ASSERT_TRUE(lanes.fold(cursor));
  EXPECT_EQ(lanes.pane(0)->predictions, 1U);
  EXPECT_EQ(labelled_in(*lanes.pane(0)), 1U);
}

TEST(LaneWindows, StopsAtTheLastRowOfABatchToo) {
  for (const bool with_labels : {true, false}) {
    Lanes lanes({.count = 1}, true, with_labels);
    lanes.predict({.id = 1});
    LaneWindows::Cursor cursor;
    EXPECT_FALSE(lanes.fold(cursor));
    EXPECT_EQ(cursor.prediction, 1U);
    lanes.lane().assigner(ModelIndex{0}).closed(kEndOfTime);
    EXPECT_TRUE(lanes.fold(cursor));
  }
}

TEST(LaneWindows, StopsOnceForEachWindow) {
  Lanes lanes({.count = 3}, true, false);
  for (std::uint64_t id = 0; id < 10; ++id) lanes.predict({.id = id});
  LaneWindows::Cursor cursor;
  std::vector<std::size_t> stops;
  while (!lanes.fold(cursor)) {
    stops.push_back(cursor.prediction);
    lanes.lane().assigner(ModelIndex{0}).closed(kEndOfTime);
  }
  EXPECT_EQ(stops, (std::vector<std::size_t>{3, 6, 9}));
}

TEST(LaneWindows, AddsARestoredPaneToWhatIsThere) {
  Lanes lanes({.size = 1'000});
  Lanes stored({.size = 1'000});
  stored.predict({.id = 1, .amount = 5});
  stored.fold_all();
  const PaneKey key{{}, 0};
  lanes.lane().restore(key, std::make_unique<Pane>(*stored.pane(0)));
  EXPECT_EQ(lanes.pane(0)->predictions, 1U);
  lanes.lane().restore(key, std::make_unique<Pane>(*stored.pane(0)));
  EXPECT_EQ(lanes.pane(0)->predictions, 2U);
  lanes.predict({.id = 2, .amount = 7});
  lanes.fold_all();
  EXPECT_EQ(lanes.pane(0)->predictions, 3U);
  EXPECT_EQ(amount_of(*lanes.pane(0)).maximum, 7.0);
}

// --- Any division of a stream among lanes and batches gives the same panes.

struct Message {
  Event event;
  bool is_label = false;
  std::size_t lane = 0;
  bool ends_batch = false;
};

rc::Gen<std::vector<Message>> messages() {
  const auto event = rc::gen::build<Event>(
      rc::gen::set(&Event::ts, rc::gen::inRange<TimeMs>(-3'000, 3'000)),
      rc::gen::set(&Event::id, rc::gen::inRange<std::uint64_t>(0, 1'000)),
      rc::gen::set(&Event::version, rc::gen::inRange<std::uint32_t>(0, 3)),
      rc::gen::set(&Event::amount, column_value()),
      rc::gen::set(&Event::channel, rc::gen::element<std::string>("web", "shop", "fax", "telex")));
  return rc::gen::container<std::vector<Message>>(
      rc::gen::build<Message>(rc::gen::set(&Message::event, event),
                              rc::gen::set(&Message::is_label, rc::gen::arbitrary<bool>()),
                              rc::gen::set(&Message::lane, rc::gen::inRange<std::size_t>(0, 2)),
                              rc::gen::set(&Message::ends_batch, rc::gen::arbitrary<bool>())));
}

void send(Lanes& lanes, const Message& message) {
  if (message.is_label) {
    lanes.label(message.event.id, message.event.ts, message.event.id % 2);
  } else {
    lanes.predict(message.event);
  }
}

RC_GTEST_PROP(LaneWindows, GivesTheSamePanesHoweverAStreamWasDivided, ()) {
  const std::vector<Message> stream = *messages();
  Lanes one({.size = 1'000});
  Lanes two({.size = 1'000}, false, true, 2);
  for (const Message& message : stream) {
    send(one, message);
    send(two, message);
    two.fold_all(message.lane);
    if (message.ends_batch) one.fold_all();
  }
  one.fold_all();

  auto& merged = two.lane(0);
  for (auto& [key, pane] : two.lane(1).panes()) merged.restore(key, std::move(pane));
  auto& expected = one.lane().panes();
  RC_ASSERT(merged.panes().size() == expected.size());
  for (const auto& [key, pane] : expected) {
    const auto found = merged.panes().find(key);
    RC_ASSERT(found != merged.panes().end());
    RC_ASSERT(fingerprint_of(*found->second) == fingerprint_of(*pane));
  }
  RC_ASSERT(one.lane().totals().joined ==
            two.lane(0).totals().joined + two.lane(1).totals().joined);
}

// --- The hot path

constexpr std::size_t kRows = 4'096;
constexpr int kFeatures = 20;

// 4,096 rows over 20 features, with the marks and infinities that real columns have.
class WarmLane {
 public:
  explicit WarmLane(bool with_labels) : model_(Task::binary) {
    std::vector<double> baseline;
    for (int i = 0; i < 1'000; ++i) baseline.push_back(std::sin(i));
    for (int i = 0; i < kFeatures; ++i) model_.add_numeric("f" + std::to_string(i), baseline);
    model_.schema.label_horizon = 1'000;
    model_.reference.estimation = learn_binary({{0.25, false}, {0.5, true}, {0.75, true}});
    join_ = make_memory_join(model_.schema, join_memory_);
    LabelJoin* const joins[] = {with_labels ? join_.get() : nullptr};
    const MonitoredModel models[] = {model_.monitored()};
    lane_ = std::make_unique<LaneWindows>(models, joins, false);
    fill();
  }

  void fold() {
    LaneWindows::Cursor cursor;
    ASSERT_TRUE(lane_->fold(ModelIndex{0}, batch_, cursor));
  }
  // All rows go from the join, so that the next fold takes the same ids for new ones.
  void forget_ids() {
    const TimeMs after = *std::ranges::max_element(batch_.predictions[0].ts) + 1'001;
    join_->expire(after, after);
    ASSERT_EQ(join_->counts().rows, 0U);
  }
  [[nodiscard]] std::uint64_t predictions() { return lane_->totals().predictions; }

 private:
  void fill() {
    EventBatch& rows = batch_.predictions.emplace_back(model_.schema);
    batch_.labels.emplace_back(model_.schema);
    for (std::size_t i = 0; i < kRows; ++i) {
      rows.ts.push_back(static_cast<TimeMs>(i));
      rows.id.push_back({i, i * 0x9E37'79B9'7F4A'7C15ull});
      // Three versions, so that rows of one pane do not lie side by side.
      rows.version.push_back(VersionIndex{static_cast<std::uint32_t>(i % 3)});
      rows.sequence.push_back(batch_.rows++);
      rows.score.push_back(0.5);
      rows.predicted_class.push_back(kNoClass);
      rows.latency_ms.push_back(5 + static_cast<double>(i % 100));
      rows.weight.push_back(1);
      for (int feature = 0; feature < kFeatures; ++feature) {
        double value = std::sin(static_cast<double>(i) * (1 + feature));
        if (i % 101 == 0) value = missing_number();
        if (i % 103 == 0) value = wrong_type_number();
        if (i % 107 == 0) value = kInfinity;
        rows.columns[static_cast<std::size_t>(feature)].numbers.push_back(value);
      }
    }
  }

  ModelUnderTest model_;
  ManualClock clock_;
  MemoryBudget join_memory_{kJoinMemory};
  std::unique_ptr<LabelJoin> join_;
  std::unique_ptr<LaneWindows> lane_;
  LaneBatch batch_;
};

TEST(LaneWindows, AllocatesNothingOnceItIsWarm) {
  for (const bool with_labels : {false, true}) {
    WarmLane lane(with_labels);
    for (int round = 0; round < 3; ++round) {
      lane.fold();
      if (with_labels) lane.forget_ids();
    }
    const std::uint64_t before = allocations();
    lane.fold();
    EXPECT_EQ(allocations() - before, 0U) << (with_labels ? "with" : "without") << " labels";
    EXPECT_EQ(lane.predictions(), 4 * kRows);
    // Or the count would say nothing.
    const auto probe = std::make_unique<std::string>(100, 'x');
    EXPECT_GT(allocations(), before);
  }
}

}  // namespace
}  // namespace driftd
